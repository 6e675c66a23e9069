"""Blocking: who is blocked neither reaches nor sees the user."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Client, Site, error_of

NS = "urn:xmpp:blocking"


def block(*jids: str) -> str:
    return f"<iq type='set' id='b'><block xmlns='{NS}'>{_items(jids)}</block></iq>"


def unblock(*jids: str) -> str:
    return f"<iq type='set' id='b'><unblock xmlns='{NS}'>{_items(jids)}</unblock></iq>"


def _items(jids: tuple[str, ...]) -> str:
    return "".join(f"<item jid='{jid}'/>" for jid in jids)


async def blocked(client: Client) -> list[str]:
    answer = await client.asked(f"<iq type='get' id='l'><blocklist xmlns='{NS}'/></iq>")
    query = answer.payload()
    assert query is not None
    return [item.get("jid") for item in query.elements()]


@pytest.mark.parametrize("jid", [f"bob@{DOMAIN}", f"bob@{DOMAIN}/phone", DOMAIN, f"{DOMAIN}/phone"])
async def test_a_blocked_sender_reaches_nobody(site: Site, jid: str) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    await alice.said(block(jid))
    alice.raw(), bob.raw()
    for to in (f"alice@{DOMAIN}", f"alice@{DOMAIN}/desk"):
        bob.say(f"<message id='1' type='chat' to='{to}'><body>hi</body></message>")
        assert error_of(bob.got("message")[0])[1] == "service-unavailable"
    bob.say(f"<iq type='get' id='2' to='alice@{DOMAIN}/desk'><q xmlns='x:y'/></iq>")
    bob.say(f"<iq type='get' id='3' to='alice@{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert [error_of(stanza)[1] for stanza in bob.got("iq")] == ["service-unavailable"] * 2
    bob.say(f"<presence to='alice@{DOMAIN}'/>")
    if "/" not in jid:  # a subscription is asked for by the bare JID
        bob.say(f"<presence type='subscribe' to='alice@{DOMAIN}'/>")
    assert alice.got() == []


async def test_others_still_reach_a_user_who_blocks_somebody(site: Site) -> None:
    alice, carol = site.online("alice/desk"), site.online("carol/phone")
    await alice.said(block(f"bob@{DOMAIN}"))
    alice.raw()
    for to in (f"alice@{DOMAIN}", f"alice@{DOMAIN}/desk"):
        carol.say(f"<message type='chat' to='{to}'><body>hi</body></message>")
    assert alice.bodies() == ["hi", "hi"]


@pytest.mark.parametrize("how", ["by name", "everybody"])
async def test_a_blocked_contact_sees_the_user_go_and_come_back(site: Site, how: str) -> None:
    await site.befriend("alice", "bob")
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    await alice.said(block(f"bob@{DOMAIN}"))
    assert [stanza.type for stanza in bob.got("presence")] == ["unavailable"]
    alice.available("<show>away</show>")
    site.engine.claim("alice", "call:1001", "busy")
    assert bob.got() == []
    alice.raw()
    bob.available("<show>away</show>")
    assert alice.got() == []
    bob.raw()
    await alice.said(unblock(*([f"bob@{DOMAIN}"] if how == "by name" else [])))
    assert [stanza.sender.resource for stanza in bob.got("presence") if stanza.sender] == ["desk", "antiphon"]
    assert [stanza.sender for stanza in alice.got("presence")] == [bob.jid]


async def test_the_list_survives_a_restart_and_can_be_emptied(site: Site) -> None:
    alice = site.bind("alice/desk")
    await alice.said(block(f"bob@{DOMAIN}", "spam.test"))
    again = await site.restarted()
    alice = again.bind("alice/desk")
    assert await blocked(alice) == [f"bob@{DOMAIN}", "spam.test"]
    await alice.said(unblock())
    third = await again.restarted()
    assert await blocked(third.bind("alice/desk")) == []
    await third.stop()


async def test_resources_that_asked_for_the_list_hear_of_changes(site: Site) -> None:
    desk, mobile = site.bind("alice/desk"), site.bind("alice/mobile")
    await blocked(mobile)
    await desk.said(block(f"bob@{DOMAIN}"))
    [push] = mobile.got("iq")
    payload = push.payload()
    assert payload is not None
    assert (push.type, payload.local, [item.get("jid") for item in payload.elements()]) == (
        "set",
        "block",
        [f"bob@{DOMAIN}"],
    )
    assert [stanza.type for stanza in desk.got()] == ["result"]


@pytest.mark.parametrize(
    ("request_", "condition"),
    [
        (block(), "bad-request"),
        (block("a@b@c"), "jid-malformed"),
        (block(""), "jid-malformed"),
        (block("1@x", "2@x", "3@x"), "resource-constraint"),
    ],
)
async def test_a_change_that_is_none_is_refused(tight: Site, request_: str, condition: str) -> None:
    alice = tight.bind("alice/desk")
    assert error_of(await alice.asked(request_))[1] == condition
    assert await blocked(alice) == []


@pytest.mark.parametrize(
    "xml",
    [
        f"<message id='1' type='chat' to='bob@{DOMAIN}'><body>hi</body></message>",
        f"<message id='1' type='chat' to='bob@{DOMAIN}/phone'><body>hi</body></message>",
        f"<iq id='1' type='get' to='bob@{DOMAIN}/phone'><q xmlns='x:y'/></iq>",
        f"<presence id='1' to='bob@{DOMAIN}'/>",
        f"<presence id='1' type='subscribe' to='bob@{DOMAIN}'/>",
    ],
)
async def test_whom_the_user_has_blocked_the_user_does_not_reach_either(site: Site, xml: str) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    await alice.said(block(f"bob@{DOMAIN}"))
    alice.raw(), bob.raw()
    await alice.said(xml)
    [refused] = alice.got()
    error = refused.tree().child("jabber:client", "error")
    assert error is not None
    assert error_of(refused) == ("modify", "not-acceptable")
    assert error.child("urn:xmpp:blocking:errors", "blocked") is not None
    assert bob.got() == []


async def test_a_subscription_to_somebody_blocked_can_still_be_ended(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice = site.online("alice/desk")
    await alice.said(block(f"bob@{DOMAIN}"))
    alice.raw()
    await alice.said(f"<presence type='unsubscribe' to='bob@{DOMAIN}'/>")
    assert alice.got("presence") == []
    assert site.messaging.accounts.by_userid["alice"].roster.state(f"bob@{DOMAIN}").subscription == "from"
