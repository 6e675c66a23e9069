"""Four phones and two park slots do anything in any order, over SIP: at the end nothing is left, and nobody was cut off."""

from __future__ import annotations

import logging

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.scenarios.engine.contacts import EngineContacts
from tests.scenarios.engine.phone import Media, Phone, Session, State
from tests.scenarios.engine.sip_phones import SipPhones
from tests.scenarios.engine.world import World

PEOPLE = {"alice": "1001", "bob": "1002", "carol": "1003", "dave": "1004"}
NUMBERS = st.sampled_from(list(PEOPLE.values()))
TARGETS = st.sampled_from([*PEOPLE.values(), "1000", "*70", "*71", "4711"])


class Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))


class AnyConversation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.errors = Errors()
        logging.getLogger("antiphon").addHandler(self.errors)
        self.world = World(SipPhones(), EngineContacts())
        for userid, number in PEOPLE.items():
            self.world.line(userid, number)
            self.world.contacts.watch("watcher", userid)
        self.world.change_line("1000", hunt_members=("1001", "1003"), no_answer_timeout_s=5.0)
        self.world.change_line("1003", forward_busy="1004")
        self.world.change_line("1004", forward_no_answer="1001", no_answer_timeout_s=8.0)

    def sessions(self, *states: State) -> list[Session]:
        return [
            session
            for phone in self.world.phones.values()
            for session in phone.sessions
            if session.state in states
        ]

    def pick(self, data: st.DataObject, *states: State) -> tuple[Phone, Session]:
        sessions = self.sessions(*states)
        session = sessions[data.draw(st.integers(0, len(sessions) - 1), "session")]
        return session.phone, session

    @rule(number=NUMBERS, called=TARGETS)
    def call(self, number: str, called: str) -> None:
        if sum(session.live for session in self.world.phones[number].sessions) < 3:
            self.world.phones[number].call(called)

    @precondition(lambda self: self.sessions(State.RINGING))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        phone, session = self.pick(data, State.RINGING)
        phone.answer(session)

    @precondition(lambda self: self.sessions(State.RINGING))
    @rule(data=st.data(), status=st.sampled_from([486, 480, 603, 488]))
    def refuse(self, data: st.DataObject, status: int) -> None:
        phone, session = self.pick(data, State.RINGING)
        phone.refuse(session, status)

    @precondition(lambda self: self.sessions(State.TALKING, State.CALLING))
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        phone, session = self.pick(data, State.TALKING, State.CALLING)
        phone.hang_up(session)

    @precondition(lambda self: self.sessions(State.TALKING))
    @rule(data=st.data(), held=st.booleans())
    def hold(self, data: st.DataObject, held: bool) -> None:
        phone, session = self.pick(data, State.TALKING)
        phone.hold(session, held)

    @precondition(lambda self: self.sessions(State.TALKING))
    @rule(data=st.data(), to=TARGETS)
    def transfer(self, data: st.DataObject, to: str) -> None:
        phone, session = self.pick(data, State.TALKING)
        phone.transfer(session, to)

    @precondition(lambda self: self.sessions(State.TALKING))
    @rule(data=st.data())
    def connect(self, data: st.DataObject) -> None:
        phone, session = self.pick(data, State.TALKING)
        others = [other for other in phone.sessions if other is not session and other.state is not State.OVER]
        others = [other for other in others if other.state in (State.TALKING, State.CALLING)]
        if others:
            phone.connect(session, others[-1])

    @precondition(lambda self: self.world.calls.calls)
    @rule(data=st.data())
    def an_administrator_ends_a_call(self, data: st.DataObject) -> None:
        calls = self.world.calls.calls
        assert self.world.calls.end(calls[data.draw(st.integers(0, len(calls) - 1), "call")].id)
        self.world.wait(0.01)  # for what is on its way to the phones

    @rule(seconds=st.sampled_from([1.0, 6.0, 21.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @invariant()
    def nothing_was_logged_as_an_error(self) -> None:
        assert self.errors.seen == []

    @invariant()
    def phones_and_node_count_the_same_legs(self) -> None:
        legs = sum(len(call.legs) for call in self.world.calls.calls)
        live = len(self.sessions(State.CALLING, State.RINGING, State.TALKING))
        assert (self.world.legs, live) == (legs, legs)

    @invariant()
    def a_line_is_on_the_phone_when_its_phone_is(self) -> None:
        for userid, number in PEOPLE.items():
            sessions = self.world.phones[number].sessions
            busy = any(session.state in (State.TALKING, State.CALLING) for session in sessions)
            assert self.world.contacts.seen("watcher", userid) == ("on the phone" if busy else "offline")

    @invariant()
    def two_legs_that_are_peers_hear_each_other(self) -> None:
        by_port = {session.local.port: session for session in self.sessions(State.TALKING)}
        for call in self.world.calls.calls:
            for leg in call.legs.values():
                if leg.peer is None or not leg.peer.answered or not leg.answered or call.retry:
                    continue
                assert leg.heard is not None
                assert leg.peer.heard is not None
                one, other = by_port[Media.read(leg.heard).port], by_port[Media.read(leg.peer.heard).port]
                assert one.remote == other.local
                if not one.holding and not other.holding:
                    assert one.local.direction == other.local.direction == "sendrecv"

    def teardown(self) -> None:
        for _ in range(20):
            for session in self.sessions(State.CALLING, State.RINGING, State.TALKING):
                if session.live:
                    session.phone.hang_up(session)
            if not self.sessions(State.CALLING, State.RINGING, State.TALKING):
                break
        self.world.wait(40)
        assert self.errors.seen == []
        assert self.world.calls.calls == ()
        assert self.world.legs == 0
        logging.getLogger("antiphon").removeHandler(self.errors)


AnyConversation.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestAnyConversation = AnyConversation.TestCase
