"""A call shows as presence: on the phone."""

from __future__ import annotations

import pytest

from antiphon.kernel.bus import LocalBus
from antiphon.kernel.time import VirtualTime
from antiphon.services.call.events import LineBusy
from antiphon.services.directory.events import UserChanged, UserRemoved
from antiphon.services.presence import phone
from antiphon.services.presence.claims import Availability
from antiphon.services.presence.service import PresenceEngine


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
def engine(bus: LocalBus) -> PresenceEngine:
    engine = PresenceEngine(VirtualTime(), bus)
    phone.listen(engine, bus)
    return engine


def test_a_line_off_hook_puts_its_owner_on_the_phone(bus: LocalBus, engine: PresenceEngine) -> None:
    bus.publish(LineBusy("1001", "alice", True))
    composed = engine.composed("alice")
    assert (composed.availability, composed.activity) == (Availability.BUSY, "on_the_phone")
    bus.publish(LineBusy("1001", "alice", False))
    assert engine.composed("alice").availability is Availability.OFFLINE


def test_a_line_of_nobody_changes_nothing(bus: LocalBus, engine: PresenceEngine) -> None:
    bus.publish(LineBusy("1099", "", True))
    bus.publish(LineBusy("1099", "", False))
    assert engine.claims("") == ()


def test_a_line_that_changes_hands_in_a_call_frees_the_old_owner(
    bus: LocalBus, engine: PresenceEngine
) -> None:
    bus.publish(LineBusy("1001", "alice", True))
    bus.publish(LineBusy("1001", "bob", False))
    assert engine.composed("alice").availability is Availability.OFFLINE


@pytest.mark.parametrize("fact", [UserChanged("alice", False), UserRemoved("alice")])
def test_a_user_who_leaves_is_on_no_phone(
    bus: LocalBus, engine: PresenceEngine, fact: UserChanged | UserRemoved
) -> None:
    bus.publish(LineBusy("1001", "alice", True))
    bus.publish(fact)
    assert engine.composed("alice").availability is Availability.OFFLINE


def test_listening_ends(bus: LocalBus) -> None:
    engine = PresenceEngine(VirtualTime(), bus)
    phone.listen(engine, bus)()
    bus.publish(LineBusy("1001", "alice", True))
    assert engine.composed("alice").availability is Availability.OFFLINE
