"""Whatever a client says: the router never raises, nobody is answered twice, no error is answered with an error."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.services.messaging.conftest import DOMAIN, Client, Site, error_of

from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.iq import IqPort, IqRequest

NAMESPACES = [
    "jabber:client", "jabber:iq:roster", "jabber:iq:private", "jabber:iq:last", "jabber:iq:version", "urn:xmpp:ping",
    "urn:xmpp:blocking", "urn:xmpp:carbons:2", "urn:xmpp:time", "vcard-temp", "urn:xmpp:delay", "urn:xmpp:sid:0",
    "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items", "x:y", "urn:xmpp:mam:2",
    "urn:xmpp:hints", "urn:ietf:params:xml:ns:xmpp-session",
]  # fmt: skip
NAMES = [
    "query", "item", "ping", "block", "unblock", "blocklist", "enable", "disable", "body", "show", "status", "priority",
    "vCard", "time", "session", "group", "delay", "stanza-id", "received", "result", "no-store", "x",
]  # fmt: skip
JIDS = [
    "", DOMAIN, f"alice@{DOMAIN}", f"bob@{DOMAIN}", f"bob@{DOMAIN}/x", f"alice@{DOMAIN}/x", f"nobody@{DOMAIN}",
    f"alice@{DOMAIN}/antiphon", "other.test", "x@other.test/y", "a@b@c", "@", f"{DOMAIN}/z",
]  # fmt: skip
TYPES = {
    "message": ["", "chat", "normal", "groupchat", "headline", "error", "odd"],
    "presence": [
        "", "unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "error", "odd",
    ],
    "iq": ["get", "set", "result", "error", "odd", ""],
}  # fmt: skip

TEXT = st.sampled_from(["", "5", "-1", "999", "away", "dnd", "&lt;x&gt;", "é"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["jid", "subscription", "name", "ver", "node", "by", "from", "id"]),
    st.sampled_from([*JIDS, "remove", "e-1", "1"]),
    max_size=3,
)


def _element(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, ns, attributes, content: "<{0} xmlns='{1}'{2}>{3}</{0}>".format(
            name, ns, "".join(f" {key}='{value}'" for key, value in attributes.items()), content
        ),
        st.sampled_from(NAMES),
        st.sampled_from(NAMESPACES),
        ATTRIBUTES,
        inside,
    )


LEAF = _element(TEXT)
ELEMENT = _element(st.one_of(TEXT, LEAF, st.builds("{}{}".format, LEAF, LEAF)))


@st.composite
def stanzas(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(sorted(TYPES)))
    attributes = {"type": draw(st.sampled_from(TYPES[kind])), "to": draw(st.sampled_from(JIDS))}
    attributes["id"] = draw(st.sampled_from(["", "7"]))
    written = "".join(f" {key}='{value}'" for key, value in attributes.items() if value)
    return f"<{kind}{written}>{''.join(draw(st.lists(ELEMENT, max_size=3)))}</{kind}>"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.booleans(), stanzas()), min_size=5, max_size=25))
def test_no_stanza_makes_the_router_raise_or_answer_wrongly(said: list[tuple[bool, str]]) -> None:
    asyncio.run(_say(said))


async def _say(said: list[tuple[bool, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Path(directory) / "im.db")
        await site.start()
        alice, bob = site.online("alice/x"), site.online("bob/x")
        for who, xml in said:
            client: Client = alice if who else bob
            alice.raw(), bob.raw()
            await client.said(xml)
            _check(client, Stanza.parse(xml.encode()))
        alice.raw(), bob.raw()
        await site.settled()
        assert (alice.closed, bob.closed) == ("", "")
        await site.stop()


def _check(client: Client, said: Stanza) -> None:
    for data in client.raw():
        answer = Stanza.parse(data)
        if answer.type != "error" or answer.sender == client.jid:
            continue
        assert said.type != "error"
        assert said.kind != "iq" or said.type in ("get", "set")
        assert error_of(answer)[1] != "internal-server-error"
        assert (answer.kind, answer.id, answer.to) == (said.kind, said.id, client.jid)


async def test_a_handler_that_fails_is_one_error_and_one_line_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(port: IqPort, request: IqRequest) -> None:
        raise RuntimeError("secret detail")

    async def broken_later(port: IqPort, request: IqRequest) -> None:
        raise RuntimeError("secret detail")

    table = site.messaging.requests.tables["iq server"]
    table.claim(("get", "x:now", "q"), broken, "test")
    table.claim(("get", "x:later", "q"), broken_later, "test")
    alice = site.online("alice/x")
    for ns in ("x:now", "x:later"):
        caplog.clear()
        alice.raw()
        answer = await alice.asked(f"<iq type='get' id='1' to='{DOMAIN}'><q xmlns='{ns}'/></iq>")
        assert error_of(answer)[1] == "internal-server-error"
        assert b"secret" not in answer.raw
        assert [record.__dict__.get("code") for record in caplog.records] == ["AP-IM-005"]


async def test_a_presence_that_is_too_large_is_shown_to_nobody(site: Site) -> None:
    await site.befriend("alice", "bob")
    alice, bob = site.online("alice/x"), site.online("bob/x")
    alice.raw(), bob.raw()
    alice.say(f"<presence id='1'><status>{'x' * 20_000}</status></presence>")
    assert error_of(alice.got()[0])[1] == "not-acceptable"
    assert bob.got() == []
