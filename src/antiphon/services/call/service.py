"""The call service: leg events in, leg commands out, facts on the bus.

Source: RFC 3725 (third-party call control), RFC 7092 §3.1 (a B2BUA that keeps dialogs apart), RFC 5589 (transfer).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from antiphon.kernel import features as declared
from antiphon.kernel.bus import Bus
from antiphon.kernel.features import Feature
from antiphon.kernel.random import Random
from antiphon.kernel.time import Cancel, Timers
from antiphon.services.call.call import Call, Left, Leg
from antiphon.services.call.description import inactive
from antiphon.services.call.desk import Desk
from antiphon.services.call.errors import BROKEN_HANDLER, FULL
from antiphon.services.call.events import CallTransferred
from antiphon.services.call.hunt import Hunting
from antiphon.services.call.legs import (
    Answer,
    Answered,
    Cause,
    Digits,
    End,
    Ended,
    LegCommand,
    LegEvent,
    LegId,
    Offered,
    Party,
    Progressed,
    Refuse,
    Refused,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
    TransferRequested,
    TransferResult,
)
from antiphon.services.call.offers import Offers
from antiphon.services.call.placement import Placement, Recovery, Stage
from antiphon.services.call.ports import Demand, Directory
from antiphon.services.call.table import TABLE, State, trigger
from antiphon.services.directory.events import UserChanged

log = logging.getLogger(__name__)

M = TypeVar("M")


class CallService:
    """The core between legs, and the verbs (`Calls`) that features are given.

    `handle` never raises. What is said of an unknown leg, or does not fit the leg's state (table.py), is absorbed.
    Timers make it speak by itself: `connect` says where those commands go.
    """

    def __init__(
        self,
        directory: Directory,
        timers: Timers,
        random: Random,
        bus: Bus,
        features: Iterable[Feature],
        settings: Mapping[str, object] | None = None,
        max_calls: int = 5000,
        max_diversions: int = 5,
    ) -> None:
        features = tuple(features)
        self._timers = timers
        self._bus = bus
        self._max_calls = max_calls
        self._max_diversions = max_diversions
        self._settings = declared.settle(features, settings or {})
        self._memory: dict[type[Any], Any] = {}
        self._demands = declared.routes("demand", features)
        self._output: Callable[[Sequence[LegCommand]], None] | None = None
        self._desk = Desk(directory, timers, random)
        self._offers = Offers(self._desk, self.after)
        self._hunting = Hunting(
            self._desk,
            self._offers,
            self.after,
            declared.chain(Stage, features),
            declared.chain(Recovery, features),
            declared.routes("code", features),
            self,
        )
        for feature in features:
            for listener in feature.listeners:
                bus.subscribe(listener.kind, partial(listener.handle, self))
        bus.subscribe(UserChanged, self._user_changed)

    def connect(self, output: Callable[[Sequence[LegCommand]], None]) -> None:
        """Where commands go that no `handle` returns."""
        self._output = output

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls under way."""
        return tuple(self._desk.calls.values())

    def line_busy(self, number: str) -> bool:
        """Hook state of a line."""
        return self._desk.lines.busy(number)

    def hang_up(self, number: str, cause: Cause = Cause.NORMAL) -> None:
        """End every call that a line takes part in, from outside: an administrator, a person at another device."""
        for leg in tuple(self._desk.legs.values()):
            if leg.number == number and leg.state is not State.GONE:
                self._turn(partial(self._end_of, leg, cause))

    def end(self, call_id: str, cause: Cause = Cause.NORMAL) -> bool:
        """End one call for all who take part, from outside. False where there is none."""
        call = self._desk.calls.get(call_id)
        if call is None:
            return False
        self._turn(partial(self._end_call, call, cause))
        return True

    def handle(self, event: LegEvent) -> Sequence[LegCommand]:
        """Take what a leg says; returns what is to be said to legs, in order."""
        try:
            self._take(event)
        except Exception:
            self._collapse(event)
        return self._flush()

    def _take(self, event: LegEvent) -> None:
        if isinstance(event, Offered):
            self._offered(event)
            return
        leg = self._desk.legs.get(event.leg)
        move = TABLE.get((leg.state, trigger(event))) if leg is not None else None
        if leg is None or move is None:
            return
        leg.state = move.state
        if move.action is not None:
            getattr(self, move.action.value)(leg, event)

    def _flush(self) -> list[LegCommand]:
        commands, self._desk.commands = self._desk.commands, []
        while self._desk.facts:
            facts, self._desk.facts = self._desk.facts, []
            for fact in facts:
                self._bus.publish(fact)
        if self._desk.commands:  # of features that listened to those facts
            commands += self._desk.commands
            self._desk.commands = []
        return commands

    def _turn(self, callback: Callable[[], None]) -> None:
        """A turn that no leg event began."""
        try:
            callback()
        except Exception:
            log.exception("turn failed", extra={"code": BROKEN_HANDLER.code})
        commands = self._flush()
        if commands and self._output is not None:
            self._output(commands)

    def _collapse(self, event: LegEvent) -> None:
        """A fault of ours ends the one call it met, and no other."""
        log.exception(
            "leg event failed",
            extra={"code": BROKEN_HANDLER.code, "leg": event.leg, "event": type(event).__name__},
        )
        leg = self._desk.legs.get(event.leg)
        if leg is not None:
            self._desk.finish(leg.call, Cause.FAILURE)
            self._desk.forget(leg)

    def _user_changed(self, event: UserChanged) -> None:
        """Who is disabled hangs up; the doors close that person's connections by themselves."""
        if event.enabled:
            return
        numbers = {leg.number for leg in self._desk.legs.values()}
        for number in numbers:
            line = self._desk.directory.line(number)
            if line is not None and line.owner == event.userid:
                self.hang_up(number, Cause.FORBIDDEN)

    def _end_of(self, leg: Leg, cause: Cause) -> None:
        if leg.id not in self._desk.legs:
            return
        if leg.state in (State.CALLING, State.CALLING_EMPTY):
            self._desk.say(End(leg.id, Cause.CANCELLED))
            self._hunting.refused(leg, Cause.UNAVAILABLE)
        else:
            unanswered, leg.state = not leg.answered, State.GONE
            self._desk.commands.append(Refuse(leg.id, cause) if unanswered else End(leg.id, cause))
            self._hung_up(leg, Ended(leg.id, cause))

    def _end_call(self, call: Call, cause: Cause) -> None:
        for leg in tuple(call.legs.values()):
            self._desk.result(leg, cause)
            self._offers.part(leg)
        self._desk.finish(call, cause)

    # What legs say

    def _offered(self, event: Offered) -> None:
        desk = self._desk
        if event.leg in desk.legs:
            return
        if len(desk.calls) >= self._max_calls:
            log.warning("call refused", extra={"code": FULL.code, "calls": len(desk.calls)})
            desk.commands.append(Refuse(event.leg, Cause.CONGESTION))
            return
        line = desk.directory.line(event.calling.number)
        name = line.display_name if line is not None and line.display_name else event.calling.display_name
        calling = Party(event.calling.number, name)
        call = desk.open_call(calling.number, event.called)
        state = State.OFFERED if event.sdp is not None else State.OFFERED_EMPTY
        leg = desk.add_leg(event.leg, call, calling, event.origin_device, state, inbound=True)
        leg.heard = event.sdp
        self._hunting.start(leg, self._placement(leg, event.called))

    def _placement(self, leg: Leg, called: str, requested_by: str = "") -> Placement:
        return Placement(
            call_id=leg.call.id,
            calling=leg.party,
            called=called,
            dialled=called,
            directory=self._desk.directory,
            max_diversions=self._max_diversions,
            origin_device=leg.device,
            requested_by=requested_by or leg.number,
        )

    def _progressed(self, leg: Leg, event: Progressed) -> None:
        self._hunting.progressed(leg, event)

    def _answered(self, leg: Leg, event: Answered) -> None:
        self._hunting.answered(leg, event)

    def _branch_refused(self, leg: Leg, event: Refused | Ended) -> None:
        self._hunting.refused(leg, event.cause, event.contact if isinstance(event, Refused) else "")

    def _reoffered(self, leg: Leg, event: Reoffered) -> None:
        self._offers.reoffered(leg, event)

    def _glared(self, leg: Leg, event: Reoffered) -> None:
        self._offers.glared(leg)

    def _answer_came(self, leg: Leg, event: ReofferAnswered) -> None:
        self._offers.answer_came(leg, event)

    def _offer_came(self, leg: Leg, event: ReofferAnswered) -> None:
        self._offers.offer_came(leg, event)

    def _offer_refused(self, leg: Leg, event: ReofferRefused) -> None:
        self._offers.offer_refused(leg, event)

    def _hung_up(self, leg: Leg, event: Ended) -> None:
        desk, call, peer = self._desk, leg.call, leg.peer
        hunt = call.hunt
        self._offers.part(leg)
        desk.forget(leg)
        if hunt is not None and call.origin is not leg:
            # The one who asked for the transfer has left; the other goes on waiting (RFC 5589 §6.1).
            hunt.by = None
            if call.origin is not None:
                self._offers.advance(call.origin)
            return
        if hunt is not None:
            self._hunting.cancel(call, Cause.CANCELLED)
        if peer is not None:
            desk.drop(peer, Cause.NORMAL)
        desk.finish(call, event.cause, ended_by=leg.number)

    def _demanded(self, leg: Leg, event: TransferRequested | Digits) -> None:
        demand = Demand.DIGITS
        if isinstance(event, TransferRequested):
            if leg.asked_transfer:
                return
            leg.asked_transfer = True
            demand = Demand.TRANSFER_REPLACES if event.replaces is not None else Demand.TRANSFER
        handler = self._demands.get(demand)
        if handler is not None:
            handler(self, leg, event)
        else:
            self._desk.result(leg, Cause.FORBIDDEN)

    def _transfer_refused(self, leg: Leg, event: TransferRequested) -> None:
        """Only an answered leg has a peer to transfer."""
        self._desk.say(TransferResult(leg.id, Cause.REJECTED))

    # Verbs, see ports.Calls

    @property
    def directory(self) -> Directory:
        return self._desk.directory

    def leg(self, leg_id: LegId | None) -> Leg | None:
        return self._desk.legs.get(leg_id) if leg_id is not None else None

    def setting(self, name: str) -> Any:
        return self._settings[name]

    def memory(self, kind: type[M]) -> M:
        if kind not in self._memory:
            self._memory[kind] = kind()
        known: M = self._memory[kind]
        return known

    def after(self, seconds: float, callback: Callable[[], None]) -> Cancel:
        return self._timers.at(self._timers.now() + seconds, partial(self._turn, callback))

    def place(
        self, waiting: Leg, target: str, by: Leg | None = None, failed: Callable[[Cause], None] | None = None
    ) -> bool:
        if (
            not waiting.answered
            or waiting.call.hunt is not None
            or (by is not None and by.peer is not waiting)
        ):
            return False
        if waiting.peer is not by:
            return False
        if by is not None:
            self._desk.tell(CallTransferred(waiting.call.id, by.number, target))
        requested_by = by.number if by is not None else ""
        self._hunting.start(waiting, self._placement(waiting, target, requested_by), by, failed)
        return True

    def replace(self, old: Leg, new: Leg) -> bool:
        call, former = old.call, new.call
        if call is former or not new.answered or former.hunt is not None or not self._replaceable(old):
            return False
        by = new.peer
        self._offers.part(new)
        self._desk.move(new, call)
        if by is not None:
            self._desk.tell(CallTransferred(call.id, by.number, call.called))
        for left in tuple(former.legs.values()):
            self._desk.result(left, None)
        self._desk.finish(former, Cause.TRANSFERRED, continued_in=call.id)
        other = old.peer
        if call.hunt is not None:
            call.origin = new
            self._desk.drop(old, Cause.TRANSFERRED)
            self._offers.advance(new)
        elif other is not None:
            self._offers.part(old)
            self._desk.drop(old, Cause.TRANSFERRED)
            self._talk(new, other)
        else:
            self._desk.release(old, new)
            self._desk.drop(old, Cause.TRANSFERRED)
            self._offers.hold(new)
        return True

    def _replaceable(self, old: Leg) -> bool:
        """It talks to an answered peer, waits for somebody to answer, or is kept; and nothing else is going on."""
        if old.call.hunt is not None:
            return old.call.origin is old and old.peer is None
        if not old.answered:
            return False
        return old.left is not None if old.peer is None else old.peer.answered

    def retrieve(self, new: Leg, kept: Leg) -> bool:
        call, former = kept.call, new.call
        if call is former or kept.peer is not None or not kept.answered or former.hunt is not None:
            return False
        if new.state is State.GONE or new.peer is not None:
            return False
        self._hunting.cancel(call, Cause.ANSWERED_ELSEWHERE)
        self._desk.release(kept, None)
        self._desk.move(new, call)
        self._desk.finish(former, Cause.TRANSFERRED, continued_in=call.id)
        if new.answered:
            self._talk(new, kept)
        else:
            self._offers.pair(new, kept)
            if new.state is State.OFFERED:
                new.unsent = new.heard
            self._offers.advance(kept)
        return True

    def keep(self, leg: Leg, left: Left) -> bool:
        if leg.state is State.OFFERED and leg.heard is not None:
            self._desk.say(Answer(leg.id, leg.thread.answer(inactive(leg.heard))))
        elif not leg.answered:
            return False
        self._desk.note_answer(leg.call, leg.call.called)
        self._offers.part(leg)
        leg.left = left
        self._offers.hold(leg)
        return True

    def transferred(self, leg: Leg, cause: Cause | None) -> None:
        self._desk.result(leg, cause)

    def refuse(self, leg: Leg, cause: Cause) -> None:
        self._desk.finish(leg.call, cause)

    def _talk(self, new: Leg, other: Leg) -> None:
        """Two answered legs become each other's peers."""
        self._offers.pair(new, other)
        call = new.call
        call.origin, call.bridge = new, True
        self._desk.answered(call, new, other)
        self._offers.advance(new)
