"""Ringing: rounds of lines, one after the other, until somebody answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from antiphon.kernel.chain import Chain
from antiphon.kernel.errors import DomainError, Kind
from antiphon.kernel.route import Routes
from antiphon.kernel.time import Cancel
from antiphon.services.call.call import Call, Leg
from antiphon.services.call.desk import Desk
from antiphon.services.call.errors import TOO_MANY_DIVERSIONS
from antiphon.services.call.events import CallDiverted, CallRinging
from antiphon.services.call.legs import (
    Answer,
    Answered,
    Cause,
    LegId,
    Originate,
    Party,
    Progress,
    Progressed,
)
from antiphon.services.call.offers import Offers
from antiphon.services.call.placement import Placement
from antiphon.services.call.ports import Calls, Later
from antiphon.services.call.table import State

MAX_BRANCHES = 32
DEFAULT_RING_S = 20.0

_TELLING = (
    Cause.REDIRECTED,
    Cause.BUSY,
    Cause.REJECTED,
    Cause.NO_ANSWER,
    Cause.NOT_ACCEPTABLE,
    Cause.UNAVAILABLE,
)
"""Of several causes the first of these is what the caller hears."""

_KINDS = {
    Kind.NOT_FOUND: Cause.NOT_FOUND,
    Kind.FORBIDDEN: Cause.FORBIDDEN,
    Kind.UNAUTHENTICATED: Cause.FORBIDDEN,
    Kind.INVALID: Cause.NOT_FOUND,
    Kind.CONFLICT: Cause.BUSY,
    Kind.UNAVAILABLE: Cause.UNAVAILABLE,
}


class Hunt:
    """The search for somebody to answer a waiting leg."""

    __slots__ = (
        "branches",
        "by",
        "cause",
        "contact",
        "early",
        "failed",
        "heard_of",
        "placement",
        "rounds",
        "timer",
    )

    def __init__(self, placement: Placement, by: Leg | None, failed: Callable[[Cause], None] | None) -> None:
        self.placement = placement
        self.by = by
        self.failed = failed
        self.rounds: list[tuple[str, ...]] = []
        self.branches: dict[LegId, Leg] = {}
        self.cause: Cause | None = None
        self.contact = ""
        self.early: Leg | None = None
        """The branch whose early media the waiting leg hears."""
        self.heard_of: Leg | None = None
        """The branch whose description the waiting leg was told last; it may have given up since."""
        self.timer: Cancel | None = None

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def note(self, cause: Cause, contact: str = "") -> None:
        if self.cause is None or _telling(cause) < _telling(self.cause):
            self.cause, self.contact = cause, contact


def _telling(cause: Cause) -> int:
    return _TELLING.index(cause) if cause in _TELLING else len(_TELLING)


class Hunting:
    def __init__(
        self,
        desk: Desk,
        offers: Offers,
        later: Later,
        placing: Chain[Placement],
        recovering: Chain[Placement],
        codes: Routes[str, Callable[[Calls, Leg, str], Cause | None]],
        calls: Calls,
    ) -> None:
        self._desk = desk
        self._offers = offers
        self._later = later
        self._placing = placing
        self._recovering = recovering
        self._codes = codes
        self._calls = calls

    def start(
        self,
        waiting: Leg,
        placement: Placement,
        by: Leg | None = None,
        failed: Callable[[Cause], None] | None = None,
    ) -> None:
        call = waiting.call
        call.origin = waiting
        call.hunt = Hunt(placement, by, failed)
        self._route(call, call.hunt)

    def cancel(self, call: Call, cause: Cause) -> None:
        """Stop ringing; the waiting leg stays."""
        hunt, call.hunt = call.hunt, None
        if hunt is not None:
            self._stop(hunt, cause)
            if hunt.by is not None:
                self._desk.result(hunt.by, cause)

    def progressed(self, branch: Leg, event: Progressed) -> None:
        call, hunt = branch.call, branch.call.hunt
        if event.sdp is not None:
            branch.heard = event.sdp
        if event.ringing and not branch.rang:
            branch.rang = True
            self._desk.tell(CallRinging(call.id, branch.number))
        waiting = call.origin
        if hunt is None or waiting is None or waiting.answered:
            return
        sdp = event.sdp if waiting.state is State.OFFERED and hunt.early in (None, branch) else None
        if sdp is not None:
            hunt.early = hunt.heard_of = branch
            sdp = waiting.thread.answer(sdp)
        if sdp is not None or event.ringing:
            self._desk.say(Progress(waiting.id, sdp, event.ringing))

    def refused(self, branch: Leg, cause: Cause, contact: str = "") -> None:
        call, hunt = branch.call, branch.call.hunt
        self._desk.forget(branch)
        if hunt is None or hunt.branches.pop(branch.id, None) is None:
            return
        hunt.note(cause, contact)
        if hunt.early is branch:
            hunt.early = None
        if not hunt.branches:
            self._next_round(call, hunt)

    def answered(self, branch: Leg, event: Answered) -> None:
        call, hunt, waiting = branch.call, branch.call.hunt, branch.call.origin
        if hunt is None or waiting is None or waiting.state is State.GONE:
            self._desk.drop(branch, Cause.NORMAL)
            return
        branch.device = event.device or branch.device
        branch.heard = event.sdp if event.sdp is not None else branch.heard
        hunt.branches.pop(branch.id, None)
        call.hunt = None
        self._stop(hunt, Cause.ANSWERED_ELSEWHERE)
        self._offers.part(waiting)
        if hunt.by is not None and hunt.by.state is not State.GONE:
            self._desk.result(hunt.by, None)
            self._desk.drop(hunt.by, Cause.TRANSFERRED)
        self._desk.release(waiting, None)
        self._offers.pair(waiting, branch)
        self._join(waiting, branch, hunt.heard_of)

    def _join(self, waiting: Leg, branch: Leg, heard_of: Leg | None) -> None:
        desk, sdp = self._desk, branch.heard
        offering = branch.state is State.OFFER_IN_2XX
        if offering and sdp is None:
            self._offers.fail(branch.call)
            return
        if waiting.state is State.OFFERED and heard_of not in (None, branch):
            # The first description is the answer, later ones are ignored (RFC 3261 §13.2.1): the early media of a branch
            # that gave up has been it, so the two are introduced to each other anew.
            desk.say(Answer(waiting.id, waiting.thread.told))
            branch.call.bridge = True
        elif waiting.state is State.OFFERED and not offering:
            desk.say(Answer(waiting.id, waiting.thread.answer(sdp) if sdp is not None else None))
        elif waiting.state is State.OFFERED_EMPTY and sdp is not None:
            waiting.source = branch
            desk.say(Answer(waiting.id, waiting.thread.offer(sdp)))
        elif offering:
            branch.unsent = sdp
        else:
            branch.call.bridge = True
        desk.answered(waiting.call, waiting, branch)
        self._offers.advance(waiting)

    def _route(self, call: Call, hunt: Hunt) -> None:
        try:
            placement = self._through_chain(hunt.placement)
        except DomainError as error:
            known_loop = error.code == TOO_MANY_DIVERSIONS.code
            self._fail(call, hunt, Cause.LOOP if known_loop else _KINDS[error.kind])
            return
        self._note_diversions(call, placement)
        hunt.placement = placement
        handler = self._codes.get(placement.called)
        if handler is not None:
            self._serve_code(call, hunt, handler)
            return
        line = self._desk.directory.line(placement.called)
        if not placement.rounds and line is None:
            self._fail(call, hunt, Cause.NOT_FOUND)
            return
        hunt.rounds = list(placement.rounds or ((placement.called,),))
        if placement.ring_s is None:
            hunt.placement = replace(placement, ring_s=line.no_answer_timeout_s if line else DEFAULT_RING_S)
        self._next_round(call, hunt)

    def _through_chain(self, placement: Placement) -> Placement:
        """Until a run diverts no further; the number of diversions is bounded by the placement itself."""
        while True:
            placed = self._placing.run(placement)
            if len(placed.diverted) == len(placement.diverted):
                return placed
            placement = replace(placed, rounds=(), ring_s=None)

    def _note_diversions(self, call: Call, placement: Placement) -> None:
        new = placement.diverted[len(call.diversions) :]
        targets = [*(diversion.number for diversion in new[1:]), placement.called]
        for diversion, target in zip(new, targets, strict=False):
            self._desk.tell(CallDiverted(call.id, diversion, target))
        if new:
            call.diversions = placement.diverted

    def _serve_code(self, call: Call, hunt: Hunt, handler: Callable[[Calls, Leg, str], Cause | None]) -> None:
        waiting = call.origin
        assert waiting is not None
        call.hunt = None
        cause = handler(self._calls, waiting, hunt.placement.called)
        if cause is not None:
            self._fail(call, hunt, cause)
        elif hunt.by is not None:
            self._desk.result(hunt.by, None)
            self._desk.drop(hunt.by, Cause.TRANSFERRED)

    def _next_round(self, call: Call, hunt: Hunt) -> None:
        hunt.stop()
        while hunt.rounds:
            for number in hunt.rounds.pop(0)[:MAX_BRANCHES]:
                self._ring(call, hunt, number)
            if hunt.branches:
                ring_s = hunt.placement.ring_s or DEFAULT_RING_S
                hunt.timer = self._later(ring_s, lambda: self._nobody_answered(call, hunt))
                return
        self._recover(call, hunt)

    def _ring(self, call: Call, hunt: Hunt, number: str) -> None:
        desk, waiting, placement = self._desk, call.origin, hunt.placement
        line = desk.directory.line(number)
        if line is None or waiting is None:
            hunt.note(Cause.NOT_FOUND)
            return
        if desk.lines.full(number):
            hunt.note(Cause.BUSY)
            return
        offer = waiting.heard if waiting.state is State.OFFERED else None
        state = State.CALLING if offer is not None else State.CALLING_EMPTY
        leg_id = desk.random.token(12)
        branch = desk.add_leg(leg_id, call, Party(number, line.display_name), "", state, inbound=False)
        hunt.branches[leg_id] = branch
        desk.originate(
            Originate(
                leg=leg_id,
                target_number=number,
                device="",
                calling=placement.calling,
                called=placement.dialled,
                sdp=branch.thread.offer(offer) if offer is not None else None,
                diverted=placement.diverted,
            )
        )

    def _nobody_answered(self, call: Call, hunt: Hunt) -> None:
        if call.hunt is hunt:
            hunt.note(Cause.NO_ANSWER)
            self._stop(hunt, Cause.CANCELLED)
            self._next_round(call, hunt)

    def _recover(self, call: Call, hunt: Hunt) -> None:
        """Every round is over: it goes somewhere else, or it has failed."""
        cause = hunt.cause or Cause.UNAVAILABLE
        before = replace(hunt.placement, failed=cause, contact=hunt.contact)
        try:
            after = self._recovering.run(before)
        except DomainError as error:
            self._fail(
                call, hunt, Cause.LOOP if error.code == TOO_MANY_DIVERSIONS.code else _KINDS[error.kind]
            )
            return
        if len(after.diverted) == len(before.diverted):
            self._fail(call, hunt, cause)
            return
        hunt.placement, hunt.cause, hunt.contact = after, None, ""
        self._route(call, hunt)

    def _fail(self, call: Call, hunt: Hunt, cause: Cause) -> None:
        call.hunt = None
        self._stop(hunt, Cause.CANCELLED)
        waiting = call.origin
        if hunt.by is not None:
            self._desk.result(hunt.by, cause)
        if waiting is None or waiting.state is State.GONE:
            self._desk.finish(call, cause)
        elif waiting.peer is not None:
            return  # a transfer that came to nothing: the two go on talking
        elif hunt.failed is not None:
            hunt.failed(cause)
        else:
            self._desk.finish(call, cause)

    def _stop(self, hunt: Hunt, cause: Cause) -> None:
        hunt.stop()
        hunt.early = None
        branches, hunt.branches = hunt.branches, {}
        for branch in branches.values():
            self._desk.drop(branch, cause)
