"""Whatever legs say in whatever order, the call stays whole."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.services.call.board import Board, sdp

from antiphon.services.call.legs import (
    Answered,
    Cause,
    Digits,
    End,
    Ended,
    LegCommand,
    LegEvent,
    LegId,
    Offered,
    Originate,
    Party,
    Progressed,
    Refuse,
    Refused,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
    TransferRequested,
)
from antiphon.services.call.table import State

NUMBERS = st.sampled_from(["1001", "1002", "1003", "1004", "1005"])
TARGETS = st.sampled_from(["1001", "1002", "1003", "1004", "1005", "1009", "*70", "*71", "0", ""])
DESCRIPTIONS = st.sampled_from(
    [None, sdp("x"), sdp("y", 3, "sendonly"), sdp("z", 2, media=("video", "audio")), b"\xff"]
)
CAUSES = st.sampled_from(list(Cause))


class Errors(logging.Handler):
    """Everything logged as an error: a handler that failed, or a command that could not be said."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(
            self.format(record) + repr(record.__dict__.get("leg")) + repr(record.__dict__.get("command"))
        )


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.board = Board(max_calls=6)
        self.board.service.connect(self.hear)
        self.live: list[LegId] = []
        self.over: list[LegId] = []
        self.count = 0
        self.errors = Errors()
        logging.getLogger("antiphon").addHandler(self.errors)

    @initialize(members=st.lists(NUMBERS, max_size=3))
    def lines(self, members: list[str]) -> None:
        self.board.lines.change("1009", hunt_members=tuple(members))
        self.board.lines.change("1004", forward_all="1005")
        self.board.lines.change("1005", forward_busy="1004", forward_no_answer="1001")
        self.board.lines.triggers["1003"] = 1

    def hear(self, commands: Sequence[LegCommand]) -> None:
        for command in commands:
            if isinstance(command, Originate):
                assert command.leg not in self.live
                self.live.append(command.leg)
            else:
                assert command.leg in self.live, f"{command} for a leg that is over"
                if isinstance(command, (End, Refuse)):
                    self.finish(command.leg)

    def finish(self, leg: LegId) -> None:
        self.live.remove(leg)
        self.over.append(leg)

    def say(self, event: LegEvent) -> None:
        commands = self.board.service.handle(event)
        over = isinstance(event, (Ended, Refused)) and self.board.service.leg(event.leg) is None
        if over and event.leg in self.live:
            self.finish(event.leg)
        self.hear(commands)

    def in_state(self, *states: State) -> list[LegId]:
        legs = (self.board.service.leg(leg) for leg in self.live)
        return [leg.id for leg in legs if leg is not None and leg.state in states]

    @precondition(lambda self: len(self.live) < 8)
    @rule(calling=NUMBERS, called=TARGETS, description=DESCRIPTIONS)
    def call(self, calling: str, called: str, description: bytes | None) -> None:
        self.count += 1
        leg = f"in{self.count}"
        self.live.append(leg)
        self.say(Offered(leg, Party(calling), called, description))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def anything(self, data: st.DataObject) -> None:
        leg = data.draw(st.sampled_from([*self.live, *self.over[-2:]]), "leg")
        description, cause = data.draw(DESCRIPTIONS), data.draw(CAUSES)
        events: list[LegEvent] = [
            Progressed(leg, description, bool(description)),
            Answered(leg, description),
            Refused(leg, cause, "1001"),
            Reoffered(leg, description),
            ReofferAnswered(leg, description),
            ReofferRefused(leg, cause),
            Ended(leg, cause),
            Digits(leg, "1"),
        ]
        self.say(data.draw(st.sampled_from(events)))

    # What well-behaved phones do, so that deep states are reached.

    @precondition(lambda self: self.in_state(State.CALLING, State.CALLING_EMPTY))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        leg = data.draw(st.sampled_from(self.in_state(State.CALLING, State.CALLING_EMPTY)))
        self.say(Answered(leg, sdp("w")))

    @precondition(lambda self: self.in_state(State.UP))
    @rule(data=st.data(), description=st.sampled_from([None, sdp("w", 2, "sendonly")]))
    def reoffer(self, data: st.DataObject, description: bytes | None) -> None:
        self.say(Reoffered(data.draw(st.sampled_from(self.in_state(State.UP))), description))

    @precondition(lambda self: self.in_state(State.OFFER_OUT, State.ASKED))
    @rule(data=st.data(), description=st.sampled_from([None, sdp("w", 2), sdp("w", 2), sdp("w", 2)]))
    def respond(self, data: st.DataObject, description: bytes | None) -> None:
        leg = data.draw(st.sampled_from(self.in_state(State.OFFER_OUT, State.ASKED)))
        cause = Cause.GLARE if data.draw(st.booleans(), "glare") else Cause.NOT_ACCEPTABLE
        self.say(ReofferAnswered(leg, description) if description else ReofferRefused(leg, cause))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), number=TARGETS)
    def transfer(self, data: st.DataObject, number: str) -> None:
        leg = data.draw(st.sampled_from(self.live))
        known = self.board.service.leg(leg)
        assert known is not None
        own = [
            other
            for other in self.live
            if (one := self.board.service.leg(other)) and one.number == known.number
        ]
        self.say(
            TransferRequested(leg, number, data.draw(st.sampled_from([None, *own, "nobody"]), "replaces"))
        )

    @rule(number=NUMBERS)
    def somebody_else_hangs_up(self, number: str) -> None:
        self.board.service.hang_up(number)

    @precondition(lambda self: self.board.service.calls)
    @rule(data=st.data())
    def an_administrator_ends_a_call(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from([call.id for call in self.board.service.calls]), "call")
        assert self.board.service.end(call_id)
        assert call_id not in [call.id for call in self.board.service.calls]

    @rule(seconds=st.sampled_from([1.0, 5.0, 25.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.board.time.advance(seconds)

    @invariant()
    def nothing_was_logged_as_an_error(self) -> None:
        assert self.errors.seen == []

    @invariant()
    def the_door_and_the_call_agree_which_legs_live(self) -> None:
        legs = [leg for call in self.board.service.calls for leg in call.legs]
        assert sorted(legs) == sorted(self.live)

    @invariant()
    def hook_state_is_what_the_legs_say(self) -> None:
        legs = [leg for call in self.board.service.calls for leg in call.legs.values()]
        assert {leg.number for leg in legs if leg.off_hook} == self.board.busy()
        assert all(leg.off_hook for leg in legs if leg.answered or leg.inbound)

    @invariant()
    def every_call_has_somebody_in_it(self) -> None:
        for call in self.board.service.calls:
            assert call.legs
            for leg in call.legs.values():
                assert leg.call is call
                assert leg.peer is None or leg.peer.peer is leg
                waits = call.hunt is not None or leg.left is not None
                assert leg.peer is not None or waits, f"{leg} waits for nothing"

    @invariant()
    def whoever_waits_for_a_description_will_get_one(self) -> None:
        for call in self.board.service.calls:
            for leg in call.legs.values():
                peer = leg.peer
                if leg.state is State.OFFER_IN:
                    assert peer is not None
                    assert (peer.source, peer.state) == (leg, State.OFFER_OUT)
                elif leg.state is State.ASKING:
                    assert peer is not None
                    assert (peer.source, peer.state) == (leg, State.ASKED)
                elif leg.state is State.OFFER_IN_2XX:
                    assert peer is not None
                    told = peer.source is leg and peer.state is State.OFFER_OUT
                    assert told or call.retry or (leg.unsent is not None and peer.state is not State.UP)
                elif leg.state is State.UP and peer is not None and peer.state is State.UP:
                    assert call.retry or not call.bridge

    def teardown(self) -> None:
        for leg in tuple(self.live):
            if leg in self.live:
                self.say(Ended(leg))
        assert self.board.service.calls == ()
        assert self.board.busy() == set()
        assert self.errors.seen == []
        logging.getLogger("antiphon").removeHandler(self.errors)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
