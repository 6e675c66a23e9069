"""What the server shows of a user beyond the clients: a call is presence with any client, and without one."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Site, error_of

from antiphon.kernel.errors import DomainError
from antiphon.services.call.events import LineBusy
from antiphon.services.messaging.composed import SERVER_RESOURCE, TEXTS, language
from antiphon.services.presence import phone

ACTIVITY = "http://jabber.org/protocol/activity"


async def test_a_call_shows_as_on_the_phone_without_any_client_of_the_user(site: Site) -> None:
    phone.listen(site.engine, site.bus)
    await site.befriend("alice", "bob")
    bob = site.online("bob/plain")
    bob.raw()
    site.bus.publish(LineBusy("1001", "alice", True))
    [shown] = bob.got()
    tree = shown.tree()
    assert str(shown.sender) == f"alice@{DOMAIN}/{SERVER_RESOURCE}"
    assert tree.child_text("jabber:client", "show") == "dnd"
    assert tree.child_text("jabber:client", "status") == "Au téléphone"  # bob reads French
    assert tree.child_text("jabber:client", "priority") == "127"
    activity = tree.child(ACTIVITY, "activity")
    assert activity is not None
    assert [child.local for child in activity.elements()] == ["talking", "on_the_phone"]

    site.bus.publish(LineBusy("1001", "alice", False))
    [gone] = bob.got()
    assert (gone.type, gone.sender) == ("unavailable", shown.sender)


async def test_who_comes_during_a_call_sees_it(site: Site) -> None:
    await site.befriend("alice", "bob")
    site.engine.claim("alice", "call:1001", "busy", activity="on_the_phone")
    bob = site.online("bob/plain")
    assert f"alice@{DOMAIN}/{SERVER_RESOURCE}" in [str(stanza.sender) for stanza in bob.got("presence")]


async def test_the_clients_own_presence_stays_as_it_was(site: Site) -> None:
    await site.befriend("alice", "bob")
    bob, alice = site.online("bob/plain"), site.online("alice/desk")
    bob.raw()
    site.engine.claim("alice", "call:1001", "busy", activity="on_the_phone")
    assert [stanza.sender.resource for stanza in bob.got() if stanza.sender] == [SERVER_RESOURCE]
    alice.available("<show>away</show>")
    assert [stanza.sender.resource for stanza in bob.got() if stanza.sender] == ["desk"]
    assert bytes(alice.presence or b"") == b"><show>away</show></presence>"


async def test_a_clients_state_alone_needs_no_server_presence(site: Site) -> None:
    await site.befriend("alice", "bob")
    bob = site.online("bob/plain")
    bob.raw()
    site.online("alice/desk", "<show>dnd</show>")
    assert [stanza.sender.resource for stanza in bob.got() if stanza.sender] == ["desk"]


async def test_strangers_do_not_see_calls(site: Site) -> None:
    bob = site.online("bob/plain")
    bob.raw()
    site.engine.claim("alice", "call:1001", "busy", activity="on_the_phone")
    assert bob.got() == []


async def test_a_note_is_shown_as_it_was_written(site: Site) -> None:
    await site.befriend("alice", "bob")
    bob = site.online("bob/plain")
    bob.raw()
    site.engine.claim("alice", "manual", "dnd", note="<deep> work")
    assert bob.got()[0].tree().child_text("jabber:client", "status") == "<deep> work"


async def test_a_message_to_the_servers_resource_is_one_to_the_person(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/plain")
    site.engine.claim("alice", "call:1001", "busy")
    alice.raw(), bob.raw()
    for kind in ("chat", "normal"):
        bob.say(f"<message type='{kind}' to='alice@{DOMAIN}/{SERVER_RESOURCE}'><body>hi</body></message>")
    assert alice.bodies() == ["hi", "hi"]
    bob.say(f"<iq type='get' id='1' to='alice@{DOMAIN}/{SERVER_RESOURCE}'><q xmlns='x:y'/></iq>")
    assert error_of(bob.got("iq")[0])[1] == "service-unavailable"


async def test_nobody_can_be_the_server(site: Site) -> None:
    with pytest.raises(DomainError) as refused:
        site.bind(f"alice/{SERVER_RESOURCE}")
    assert refused.value.code == "AP-IM-001"


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", "en"),
        ("fr-CA", "fr"),
        ("ko_KR", "ko"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("de", "en"),
        ("", "en"),
    ],
)
def test_a_language_is_found_for_every_locale(locale: str, expected: str) -> None:
    assert language(locale) == expected


def test_every_text_is_there_in_every_language() -> None:
    assert {frozenset(texts) for texts in TEXTS.values()} == {
        frozenset({"en", "fr", "ko", "zh-Hans", "zh-Hant"})
    }
