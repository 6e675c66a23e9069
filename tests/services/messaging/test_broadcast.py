"""Presence of sessions: who sees it, when, and when not again."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Client, Site, error_of

from antiphon.services.presence.claims import Availability


def seen(client: Client) -> list[tuple[str, str]]:
    """(from, show or type) in order."""
    return [
        (
            str(stanza.sender).partition("@")[0] + "/" + (stanza.sender.resource if stanza.sender else ""),
            stanza.type or stanza.tree().child_text("jabber:client", "show") or "available",
        )
        for stanza in client.got("presence")
    ]


async def test_initial_presence_is_shown_to_contacts_and_shows_them(site: Site) -> None:
    await site.befriend("alice", "bob")
    bob = site.online("bob/phone", "<show>away</show>")
    bob.raw()
    alice = site.bind("alice/desk")
    alice.available()
    assert seen(alice) == [("alice/desk", "available"), ("bob/phone", "away")]
    assert seen(bob) == [("alice/desk", "available")]


async def test_strangers_see_nothing(site: Site) -> None:
    bob = site.online("bob/phone")
    bob.raw()
    alice = site.online("alice/desk")
    assert seen(bob) == []
    assert seen(alice) == [("alice/desk", "available")]


async def test_a_one_way_subscription_shows_one_way(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.say(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    bob.say(f"<presence type='subscribed' to='alice@{DOMAIN}'/>")
    alice.raw(), bob.raw()
    bob.available("<show>dnd</show>")
    alice.available("<show>away</show>")
    assert seen(alice) == [("bob/phone", "dnd"), ("alice/desk", "away")]
    assert seen(bob) == [("bob/phone", "dnd")]


async def test_a_presence_is_passed_on_as_it_was_sent(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    alice.say(
        "<presence id='p1' xml:lang='en'><show>xa</show><status>a &amp; b</status>"
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>"
    )
    [data] = bob.raw()
    assert data == (
        b"<presence from='alice@example.test/desk' to='bob@example.test' xml:lang='en'><show>xa</show>"
        b"<status>a &amp; b</status><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>"
        b"</presence>"
    )


async def test_the_same_presence_again_is_not_news(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    alice.say("<presence id='1'><show>away</show></presence>")
    alice.say("<presence id='2'><show>away</show></presence>")
    assert seen(bob) == [("alice/desk", "away")]


async def test_leaving_is_shown_once_however_it_happens(site: Site) -> None:
    await site.befriend("alice", "bob")
    bob = site.online("bob/phone")
    alice = site.online("alice/desk")
    bob.raw()
    alice.say("<presence type='unavailable'><status>bye</status></presence>")
    [gone] = bob.got()
    assert gone.tree().child_text("jabber:client", "status") == "bye"
    site.messaging.unbind(alice)
    assert bob.got() == []
    other = site.online("alice/desk")
    bob.raw()
    site.messaging.unbind(other)
    site.messaging.unbind(other)
    assert seen(bob) == [("alice/desk", "unavailable")]


async def test_own_resources_see_each_other(site: Site) -> None:
    desk = site.online("alice/desk")
    desk.raw()
    mobile = site.online("alice/mobile", "<show>away</show>")
    assert seen(desk) == [("alice/mobile", "away")]
    assert seen(mobile) == [("alice/mobile", "away"), ("alice/desk", "available")]


async def test_directed_presence_reaches_a_stranger_who_also_hears_of_its_end(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    alice.say(f"<presence to='bob@{DOMAIN}/phone'><show>chat</show></presence>")
    alice.available("<show>away</show>")
    assert seen(bob) == [("alice/desk", "chat")]
    site.messaging.unbind(alice)
    assert seen(bob) == [("alice/desk", "unavailable")]


async def test_directed_presence_taken_back_ends_once(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    alice.say(f"<presence to='bob@{DOMAIN}'/>")
    alice.say(f"<presence to='bob@{DOMAIN}' type='unavailable'/>")
    site.messaging.unbind(alice)
    assert seen(bob) == [("alice/desk", "available"), ("alice/desk", "unavailable")]


async def test_an_error_is_no_presence_that_must_end(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    alice.say(f"<presence to='bob@{DOMAIN}' type='error'/>")
    site.messaging.unbind(alice)
    assert [stanza.type for stanza in bob.got()] == ["error"]


async def test_directed_presences_are_bounded(tight: Site) -> None:
    alice = tight.online("alice/desk")
    alice.raw()
    for number in range(3):
        alice.say(f"<presence id='{number}' to='room{number}@{DOMAIN}'/>")
    [refused] = alice.got("presence")
    assert error_of(refused)[1] == "resource-constraint"


async def test_a_probe_is_answered_from_memory(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice = site.online("alice/desk")
    alice.raw()
    alice.say(f"<presence type='probe' to='bob@{DOMAIN}'/>")
    assert seen(alice) == [("bob/", "unavailable")]
    site.online("bob/phone", "<show>dnd</show>")
    alice.raw()
    alice.say(f"<presence type='probe' to='bob@{DOMAIN}'/>")
    assert seen(alice) == [("bob/phone", "dnd")]
    alice.say(f"<presence type='probe' to='carol@{DOMAIN}'/>")
    assert seen(alice) == [("carol/", "unsubscribed")]


@pytest.mark.parametrize("priority", ["128", "-129", "high", "99999999999999999999"])
async def test_a_priority_that_is_none_is_refused(site: Site, priority: str) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    alice.say(f"<presence id='1'><priority>{priority}</priority></presence>")
    assert error_of(alice.got()[0])[1] == "bad-request"


@pytest.mark.parametrize("kind", ["subscribe", "probe", "gone"])
async def test_a_type_that_needs_an_address_is_refused_without(site: Site, kind: str) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    alice.say(f"<presence type='{kind}'/>")
    assert error_of(alice.got()[0])[1] == "bad-request"


async def test_what_clients_say_is_claimed(site: Site) -> None:
    alice = site.online("alice/desk", "<show>dnd</show><status>writing</status>")
    composed = site.engine.composed("alice")
    assert (composed.availability, composed.note) == (Availability.DO_NOT_DISTURB, "writing")
    alice.say("<presence type='unavailable'/>")
    assert site.engine.composed("alice").availability is Availability.OFFLINE


async def test_a_show_that_is_none_is_available(site: Site) -> None:
    site.online("alice/desk", "<show>busy</show>")
    assert site.engine.composed("alice").availability is Availability.AVAILABLE
