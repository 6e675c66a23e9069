"""Subscriptions between people: both rosters, what is delivered, what is pushed, what is shown."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.services.messaging.conftest import DOMAIN, Client, Site, error_of

from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.subscription import FROM, IN, KINDS, OUT, TO, State


def presences(client: Client) -> list[tuple[str, str]]:
    """(from, type) of presences, in order; `available` for the empty type."""
    return [(str(stanza.sender), stanza.type or "available") for stanza in client.got("presence")]


def pushed(client: Client) -> list[tuple[str, str, str]]:
    """(contact, subscription, ask) of each roster push."""
    items = []
    for stanza in client.got("iq"):
        query = stanza.payload()
        if stanza.type == "set" and query is not None and query.ns == "jabber:iq:roster":
            item = query.child()
            assert item is not None
            items.append((item.get("jid"), item.get("subscription"), item.get("ask")))
    return items


def state(site: Site, owner: str, contact: str) -> State:
    account = site.messaging.accounts.by_userid.get(owner)
    return State.NONE if account is None else account.roster.state(f"{contact}@{DOMAIN}")


async def interested(site: Site, jid: str) -> Client:
    client = site.online(jid)
    await client.said("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    client.raw()
    return client


async def test_a_request_is_delivered_approved_and_shown(site: Site) -> None:
    alice, bob = await interested(site, "alice/desk"), await interested(site, "bob/phone")
    alice.say(f"<presence type='subscribe' to='bob@{DOMAIN}/whatever' id='s1'><status>hi</status></presence>")
    assert pushed(alice) == [(f"bob@{DOMAIN}", "none", "subscribe")]
    [request] = bob.got()
    assert (str(request.sender), str(request.to)) == (f"alice@{DOMAIN}", f"bob@{DOMAIN}")
    assert (request.type, request.id, request.children[0].local) == ("subscribe", "s1", "status")

    bob.say(f"<presence type='subscribed' to='alice@{DOMAIN}'/>")
    received = alice.got()
    assert [(s.kind, s.type, str(s.sender) if s.kind == "presence" else "") for s in received] == [
        ("presence", "subscribed", f"bob@{DOMAIN}"),
        ("iq", "set", ""),
        ("presence", "", f"bob@{DOMAIN}/phone"),
    ]
    assert pushed(bob) == [(f"alice@{DOMAIN}", "from", "")]
    assert (state(site, "alice", "bob"), state(site, "bob", "alice")) == (State.TO, State.FROM)


async def test_a_refusal_leaves_nothing_with_the_one_who_refused(site: Site) -> None:
    alice, bob = await interested(site, "alice/desk"), await interested(site, "bob/phone")
    alice.say(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    alice.raw(), bob.raw()
    bob.say(f"<presence type='unsubscribed' to='alice@{DOMAIN}'/>")
    assert (f"bob@{DOMAIN}", "unsubscribed") in presences(alice)
    assert bob.got() == []
    assert (state(site, "alice", "bob"), state(site, "bob", "alice")) == (State.NONE, State.NONE)
    assert site.messaging.accounts.by_userid["bob"].roster.get(f"alice@{DOMAIN}") is None


async def test_a_request_to_somebody_who_is_away_waits_even_through_a_restart(site: Site) -> None:
    alice = site.online("alice/desk")
    await alice.said(f"<presence type='subscribe' to='bob@{DOMAIN}'><status>let me</status></presence>")
    again = await site.restarted()
    try:
        for _ in range(2):  # it comes again until it is answered
            bob = again.online("bob/phone")
            [request] = [stanza for stanza in bob.got("presence") if stanza.type == "subscribe"]
            assert request.tree().child_text("jabber:client", "status") == "let me"
            again.messaging.unbind(bob)
        bob = again.online("bob/phone")
        await bob.said(f"<presence type='subscribed' to='alice@{DOMAIN}'/>")
        again.messaging.unbind(bob)
        bob = again.online("bob/phone")
        assert [stanza for stanza in bob.got("presence") if stanza.type == "subscribe"] == []
        assert again.messaging.accounts.by_userid["bob"].pending == 0
    finally:
        await again.stop()


async def test_a_request_is_no_contact_in_the_list(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.say(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    answer = await bob.asked("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    query = answer.payload()
    assert query is not None
    assert list(query.elements()) == []


async def test_who_has_the_subscription_already_is_answered_by_the_server(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.raw(), bob.raw()
    alice.say(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    assert bob.got() == []
    assert state(site, "alice", "bob") is State.BOTH


async def test_a_request_to_nobody_is_refused(site: Site) -> None:
    alice = await interested(site, "alice/desk")
    alice.say(f"<presence type='subscribe' to='nobody@{DOMAIN}'/>")
    assert (f"nobody@{DOMAIN}", "unsubscribed") in presences(alice)
    assert state(site, "alice", "nobody") is State.NONE


async def test_a_pre_approved_request_is_granted_without_asking(site: Site) -> None:
    alice, bob = await interested(site, "alice/desk"), await interested(site, "bob/phone")
    bob.say(f"<presence type='subscribed' to='alice@{DOMAIN}'/>")
    assert alice.got() == []
    answer = await bob.asked("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    query = answer.payload()
    assert query is not None
    [item] = query.elements()
    assert (item.get("subscription"), item.get("approved")) == ("none", "true")

    alice.say(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    assert (f"bob@{DOMAIN}/phone", "available") in presences(alice)
    assert [kind for _, kind in presences(bob)] == []
    assert (state(site, "alice", "bob"), state(site, "bob", "alice")) == (State.TO, State.FROM)


async def test_a_pre_approval_can_be_taken_back(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.say(f"<presence type='subscribed' to='alice@{DOMAIN}'/>")
    bob.say(f"<presence type='unsubscribed' to='alice@{DOMAIN}'/>")
    bob.raw()
    alice.say(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    assert [kind for _, kind in presences(bob)] == ["subscribe"]


async def test_who_may_not_see_any_more_sees_the_user_leave(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.raw(), bob.raw()
    bob.say(f"<presence type='unsubscribed' to='alice@{DOMAIN}'/>")
    assert presences(alice) == [(f"bob@{DOMAIN}", "unsubscribed"), (f"bob@{DOMAIN}/phone", "unavailable")]
    bob.say("<presence><show>away</show></presence>")
    assert presences(alice) == []
    assert (state(site, "alice", "bob"), state(site, "bob", "alice")) == (State.FROM, State.TO)


async def test_who_unsubscribes_sees_the_contact_leave(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.raw(), bob.raw()
    alice.say(f"<presence type='unsubscribe' to='bob@{DOMAIN}'/>")
    assert presences(alice) == [(f"bob@{DOMAIN}/phone", "unavailable")]
    assert presences(bob) == [(f"alice@{DOMAIN}", "unsubscribe")]


async def test_removing_a_contact_ends_both_directions(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice, bob = await interested(site, "alice/desk"), await interested(site, "bob/phone")
    await alice.said(
        "<iq type='set' id='x'><query xmlns='jabber:iq:roster'>"
        f"<item jid='bob@{DOMAIN}' subscription='remove'/></query></iq>"
    )
    assert pushed(alice)[-1] == (f"bob@{DOMAIN}", "remove", "")
    kinds = [(stanza.kind, stanza.type) for stanza in bob.got()]
    assert ("presence", "unsubscribe") in kinds
    assert ("presence", "unsubscribed") in kinds
    assert ("presence", "unavailable") in kinds
    assert (state(site, "alice", "bob"), state(site, "bob", "alice")) == (State.NONE, State.NONE)


async def test_unanswered_requests_are_bounded(tight: Site) -> None:
    for name in ("bob", "carol", "dave"):
        tight.online(f"{name}/x").say(f"<presence type='subscribe' to='alice@{DOMAIN}'/>")
    assert tight.messaging.accounts.by_userid["alice"].pending == 2
    assert state(tight, "dave", "alice") is State.NONE


async def test_a_full_list_takes_no_more(tight: Site) -> None:
    alice = tight.online("alice/desk")
    for number in range(5):
        alice.say(f"<presence type='subscribed' to='friend{number}@{DOMAIN}'/>")
    alice.raw()
    alice.say(f"<presence type='subscribe' id='s' to='bob@{DOMAIN}'/>")
    assert error_of(alice.got("presence")[0])[1] == "resource-constraint"


async def test_nobody_subscribes_to_oneself(site: Site) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    alice.say(f"<presence type='subscribe' to='alice@{DOMAIN}'/>")
    assert alice.got() == []
    assert len(site.messaging.accounts.by_userid["alice"].roster) == 0


async def test_a_user_who_is_removed_is_nobodys_contact(site: Site) -> None:
    from antiphon.services.directory.events import UserRemoved

    await site.befriend("alice", "bob")
    alice = await interested(site, "alice/desk")
    site.people.known.pop("bob")
    site.bus.publish(UserRemoved("bob"))
    await site.settled()
    assert state(site, "alice", "bob") is State.NONE
    assert "bob" not in site.messaging.accounts.by_userid
    again = await site.restarted()
    assert "bob" not in again.messaging.accounts.by_userid
    await again.stop()
    assert alice.closed == ""


async def test_a_request_from_another_domain_is_asked_and_answered(site: Site) -> None:
    sent: list[Stanza] = []
    site.messaging.domains.others = lambda stanza, data: sent.append(stanza)
    bob = site.online("bob/phone")
    bob.raw()
    request = Stanza.parse(f"<presence type='subscribe' to='bob@{DOMAIN}' from='x@far.test'/>".encode())
    site.messaging.router.route(request, None, 0.0)
    assert [(str(s.sender), s.type) for s in bob.got()] == [("x@far.test", "subscribe")]
    bob.say("<presence type='subscribed' to='x@far.test'/>")
    assert [(str(s.sender), str(s.to), s.type) for s in sent] == [
        (f"bob@{DOMAIN}", "x@far.test", "subscribed"),
        (f"bob@{DOMAIN}/phone", "x@far.test", ""),
    ]
    sent.clear()
    bob.say("<presence><show>away</show></presence>")
    assert [str(stanza.to) for stanza in sent] == ["x@far.test"]


ACTIONS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([*KINDS, "remove", "add", "leave", "come"])), max_size=20
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
@given(ACTIONS)
def test_any_conversation_keeps_both_rosters_consistent(actions: list[tuple[bool, str]]) -> None:
    """In memory after every step, and in the store at the end."""
    asyncio.run(_converse(actions))


async def _converse(actions: list[tuple[bool, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Path(directory) / "im.db")
        await site.start()
        clients: dict[str, Client | None] = {"alice": site.online("alice/x"), "bob": site.online("bob/x")}
        for who, action in actions:
            me, peer = ("alice", "bob") if who else ("bob", "alice")
            client = clients[me]
            if action == "leave" or (action == "come" and client is not None):
                if client is not None and action == "leave":
                    site.messaging.unbind(client)
                    clients[me] = None
                continue
            if client is None:
                client = clients[me] = site.online(f"{me}/x")
            _act(client, action, peer)
            _agree(site)
        before = [state(site, "alice", "bob"), state(site, "bob", "alice")]
        again = await site.restarted()
        assert [state(again, "alice", "bob"), state(again, "bob", "alice")] == before
        for owner in ("alice", "bob"):
            account = again.messaging.accounts.by_userid.get(owner)
            if account is not None:
                assert account.pending == sum(1 for item in account.roster if item.state & IN)
                assert all(item.request for item in account.roster if item.state & IN)
        await again.stop()


def _act(client: Client, action: str, peer: str) -> None:
    if action in KINDS:
        client.say(f"<presence type='{action}' to='{peer}@{DOMAIN}'/>")
    elif action in ("remove", "add"):
        removal = " subscription='remove'" if action == "remove" else ""
        client.say(
            "<iq type='set' id='x'><query xmlns='jabber:iq:roster'>"
            f"<item jid='{peer}@{DOMAIN}'{removal}/></query></iq>"
        )


def _agree(site: Site) -> None:
    one, other = state(site, "alice", "bob"), state(site, "bob", "alice")
    for mine, theirs in ((one, other), (other, one)):
        assert bool(mine & TO) == bool(theirs & FROM)
        assert bool(mine & OUT) == bool(theirs & IN)
