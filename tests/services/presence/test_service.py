"""The composed presence: the stronger claim wins, and only a change is news."""

from __future__ import annotations

import pytest

from antiphon.kernel.bus import LocalBus
from antiphon.kernel.errors import DomainError
from antiphon.kernel.time import VirtualTime
from antiphon.services.presence.claims import Availability, Composed
from antiphon.services.presence.events import PresenceChanged
from antiphon.services.presence.service import MAX_CLAIMS_PER_USER, PresenceEngine


class Given:
    def __init__(self) -> None:
        self.time = VirtualTime()
        self.bus = LocalBus()
        self.engine = PresenceEngine(self.time, self.bus)
        self.heard: list[PresenceChanged] = []
        self.bus.subscribe(PresenceChanged, self.heard.append)


@pytest.fixture
def given() -> Given:
    return Given()


def test_nobody_is_anywhere_before_a_claim(given: Given) -> None:
    assert given.engine.composed("alice") == Composed(Availability.OFFLINE)


def test_a_claim_is_composed_and_published(given: Given) -> None:
    given.engine.claim("alice", "xmpp:desk", "away", note="lunch")
    assert given.engine.composed("alice") == Composed(Availability.AWAY, "", "lunch", "xmpp:desk")
    assert given.heard == [PresenceChanged("alice", Availability.AWAY, "", "lunch", "xmpp:desk")]


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (("manual", "dnd"), ("xmpp:a", "dnd")),
        (("manual", "dnd"), ("call:1001", "busy")),
        (("xmpp:a", "dnd"), ("call:1001", "busy")),
        (("call:1001", "busy"), ("calendar", "busy")),
        (("call:1001", "busy"), ("manual", "away")),
        (("call:1001", "busy"), ("manual", "")),
        (("calendar", "busy"), ("manual", "away")),
        (("calendar", "dnd"), ("xmpp:a", "")),
        (("manual", "away"), ("xmpp:a", "")),
        (("xmpp:a", ""), ("xmpp:b", "away")),
        (("xmpp:a", "chat"), ("xmpp:b", "xa")),
        (("xmpp:a", "away"), ("calendar", "away")),
    ],
)
def test_the_stronger_claim_wins_in_either_order(
    given: Given, stronger: tuple[str, str], weaker: tuple[str, str]
) -> None:
    for userid, order in (("alice", (stronger, weaker)), ("bob", (weaker, stronger))):
        for source, show in order:
            given.engine.claim(userid, source, show)
        assert given.engine.composed(userid).source == stronger[0]


def test_a_call_makes_busy_and_its_end_gives_back_what_was(given: Given) -> None:
    given.engine.claim("alice", "xmpp:desk", "")
    given.engine.claim("alice", "call:1001", "busy", activity="on_the_phone")
    given.engine.withdraw("alice", "call:1001")
    assert [(e.availability, e.activity) for e in given.heard] == [
        (Availability.AVAILABLE, ""),
        (Availability.BUSY, "on_the_phone"),
        (Availability.AVAILABLE, ""),
    ]


def test_two_lines_in_use_are_free_only_when_both_are(given: Given) -> None:
    for number in ("1001", "1002"):
        given.engine.claim("alice", f"call:{number}", "busy")
    given.engine.withdraw("alice", "call:1001")
    assert given.engine.composed("alice").availability is Availability.BUSY
    given.engine.withdraw("alice", "call:1002")
    assert given.engine.composed("alice").availability is Availability.OFFLINE


def test_a_weaker_claim_under_a_stronger_one_is_no_news(given: Given) -> None:
    given.engine.claim("alice", "manual", "dnd")
    given.engine.claim("alice", "xmpp:desk", "away")
    given.engine.withdraw("alice", "xmpp:desk")
    assert len(given.heard) == 1


def test_the_same_claim_again_is_no_news_and_does_not_overtake_its_equal(given: Given) -> None:
    given.engine.claim("alice", "xmpp:desk", "", note="at the desk")
    given.engine.claim("alice", "xmpp:phone", "", note="walking")
    given.engine.claim("alice", "xmpp:desk", "", note="at the desk")
    assert given.engine.composed("alice").note == "walking"
    assert len(given.heard) == 2


def test_priority_decides_between_equals(given: Given) -> None:
    given.engine.claim("alice", "xmpp:desk", "", note="desk", priority=5)
    given.engine.claim("alice", "xmpp:phone", "", note="phone", priority=1)
    assert given.engine.composed("alice").note == "desk"


def test_a_claim_expires(given: Given) -> None:
    given.engine.claim("alice", "calendar", "busy", expires_at=given.time.now() + 3600)
    given.time.advance(3599)
    assert given.engine.composed("alice").availability is Availability.BUSY
    given.time.advance(1)
    assert given.engine.composed("alice").availability is Availability.OFFLINE


def test_a_claim_made_anew_lives_as_long_as_the_new_one_says(given: Given) -> None:
    given.engine.claim("alice", "calendar", "busy", expires_at=given.time.now() + 10)
    given.engine.claim("alice", "calendar", "busy", expires_at=given.time.now() + 100)
    given.time.advance(50)
    assert given.engine.composed("alice").availability is Availability.BUSY
    given.engine.claim("alice", "calendar", "busy")
    given.time.advance(500)
    assert given.engine.composed("alice").availability is Availability.BUSY


def test_a_free_calendar_says_nothing(given: Given) -> None:
    given.engine.claim("alice", "calendar", "")
    assert given.engine.composed("alice").availability is Availability.OFFLINE


def test_a_user_who_is_gone_has_no_claims_left(given: Given) -> None:
    given.engine.claim("alice", "manual", "away", expires_at=given.time.now() + 10)
    given.engine.withdraw_all("alice")
    assert given.engine.claims("alice") == ()
    assert given.heard[-1].availability is Availability.OFFLINE


def test_an_unknown_show_is_refused(given: Given) -> None:
    with pytest.raises(DomainError) as refused:
        given.engine.claim("alice", "manual", "sleeping")
    assert refused.value.code == "AP-PRS-002"


def test_claims_of_a_user_are_bounded(given: Given) -> None:
    for number in range(MAX_CLAIMS_PER_USER):
        given.engine.claim("alice", f"xmpp:{number}", "")
    with pytest.raises(DomainError) as refused:
        given.engine.claim("alice", "xmpp:one-more", "")
    assert refused.value.code == "AP-PRS-001"
    given.engine.claim("alice", "xmpp:3", "away")
