"""Clients at the door: signing in, chatting, being thrown out; limits and silence."""

from __future__ import annotations

import asyncio
import gc
import resource
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.interfaces.xmpp.site import DOMAIN, HEADER, PASSWORD, Client, Site, open_site
from tests.protocols.xmpp.test_tokeniser import FRAGMENTS

from antiphon.interfaces.xmpp import DoorSettings, OnConflict
from antiphon.protocols.scram import HashName
from antiphon.protocols.xmpp.scram import ScramClient
from antiphon.protocols.xmpp.tokeniser import Nonza
from antiphon.services.messaging import MessagingLimits


def auth(mechanism: str, data: bytes) -> bytes:
    return b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%b'>%b</auth>" % (
        mechanism.encode(),
        b64encode(data),
    )


def response(data: bytes) -> bytes:
    return b"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%b</response>" % b64encode(data)


def outcome(client: Client) -> str:
    """`success`, or the SASL failure's condition."""
    [last] = [
        each for each in client.heard() if isinstance(each, Nonza) and each.local in ("success", "failure")
    ]
    found = last.tree().child()
    return last.local if last.local == "success" or found is None else found.local


async def test_two_people_chat(site: Site) -> None:
    alice, bob = await site.online("alice"), await site.online("bob")
    alice.say(b"<message to='bob@example.test' type='chat' id='1'><body>hello</body></message>")
    [message] = bob.stanzas()
    assert str(message.sender) == "alice@example.test/r"
    assert message.tree().child_text("jabber:client", "body") == "hello"
    assert site.door.counters.messages == 1
    assert site.door.counters.sessions == 2


async def test_over_a_websocket_each_message_is_a_document(site: Site) -> None:
    alice, bob = await site.online("alice", transport="wss"), await site.online("bob")
    bob.say(b"<message to='alice@example.test/r' type='chat'><body>hi</body></message>")
    assert alice.wire.sent[-1].startswith(b"<message xmlns='jabber:client' from='bob@example.test/r'")
    assert alice.bodies() == ["hi"]
    alice.say(b"<message xmlns='jabber:client' to='bob@example.test/r' type='chat'><body>ho</body></message>")
    assert bob.bodies() == ["ho"]
    alice.say(b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
    assert not alice.wire.open


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
@pytest.mark.parametrize(
    ("userid", "password", "result"),
    [
        ("alice", PASSWORD, "success"),
        ("alice.mail@example.test", PASSWORD, "success"),
        ("alice", "wrong", "not-authorized"),
        ("nobody", PASSWORD, "not-authorized"),
    ],
)
async def test_scram(site: Site, mechanism: str, userid: str, password: str, result: str) -> None:
    client = Client(site)
    client.say(HEADER)
    hash_name: HashName = "sha-256" if "256" in mechanism else "sha-1"
    scram = ScramClient(hash_name, userid, password, "nonce", None, False)
    client.say(auth(mechanism, scram.first()))
    [challenge] = [each for each in client.heard() if isinstance(each, Nonza) and each.local == "challenge"]
    client.say(response(scram.final(b64decode(challenge.tree().text))))
    assert outcome(client) == result
    assert site.door.counters.logins[(mechanism, result)] == 1


async def test_an_access_token_signs_in_by_three_ways(site: Site) -> None:
    token = (await site.identity.issue("alice", "jabber", "UnifiedCommunications:readwrite")).access_token
    for mechanism, data in (
        ("OAUTHBEARER", f"n,a=alice@example.test,\x01auth=Bearer {token}\x01\x01"),
        ("PLAIN", f"\0alice\0{token}"),
        ("CISCO-VTG-TOKEN", f"userid=alice@example.test\0token={token}"),
    ):
        client = Client(site)
        client.say(HEADER + auth(mechanism, data.encode()))
        await site.tasks.drain()
        assert outcome(client) == "success", mechanism


async def test_a_one_time_password_signs_in_once(site: Site) -> None:
    secret = site.identity.one_time_password("alice")
    results = []
    for _ in range(2):
        client = Client(site)
        client.say(HEADER + auth("CISCO-VTG-TOKEN", f"userid=alice@example.test\0token={secret}".encode()))
        await site.tasks.drain()
        results.append(outcome(client))
    assert results == ["success", "not-authorized"]


async def test_somebody_elses_token_is_refused(site: Site) -> None:
    token = (await site.identity.issue("bob", "jabber", "UnifiedCommunications:readwrite")).access_token
    client = Client(site)
    client.say(
        HEADER + auth("OAUTHBEARER", f"n,a=alice@example.test,\x01auth=Bearer {token}\x01\x01".encode())
    )
    assert outcome(client) == "invalid-authzid"
    client.say(auth("PLAIN", f"\0alice\0{token}".encode()))
    await site.tasks.drain()
    assert outcome(client) == "not-authorized"


@pytest.mark.parametrize(
    ("values", "condition"),
    [({"enabled": False}, "not-authorized"), ({"im_enabled": False}, "account-disabled")],
)
async def test_who_may_not_come_in_does_not(site: Site, values: dict[str, bool], condition: str) -> None:
    site.people.change("alice", **values)
    client = Client(site)
    client.say(HEADER + auth("PLAIN", f"\0alice\0{PASSWORD}".encode()))
    await site.tasks.drain()
    assert outcome(client) == condition


async def test_the_connection_may_go_while_the_password_is_verified(site: Site) -> None:
    client = Client(site)
    client.say(HEADER + auth("PLAIN", f"\0alice\0{PASSWORD}".encode()))
    client.cut()
    await site.tasks.drain()
    assert site.door.counters.connections == 0


async def test_starttls_comes_first_on_a_plain_listener(site: Site) -> None:
    client = Client(site, "tcp")
    client.say(HEADER)
    client.say(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    assert client.wire.tls_asked
    client.wire.security = Client(site).wire.security
    client.endpoint.secured(0.0)
    await client.sign_in("alice")
    assert client.bind("r") == f"alice@{DOMAIN}/r"


async def test_from_may_be_ones_own_address_and_no_other(site: Site) -> None:
    alice, bob = await site.online("alice"), await site.online("bob")
    for own in (b"alice@example.test/r", b"alice@example.test", b"ALICE@Example.Test"):
        alice.say(b"<message from='%b' to='bob@example.test' type='chat'><body>x</body></message>" % own)
    assert [str(stanza.sender) for stanza in bob.stanzas()] == ["alice@example.test/r"] * 3
    alice.say(b"<message from='carol@example.test' to='bob@example.test'><body>x</body></message>")
    assert alice.error() == "invalid-from"
    assert bob.bodies() == []


async def test_the_same_resource_replaces_the_older_session(site: Site) -> None:
    older = await site.online("alice")
    newer = await site.online("alice")
    assert older.error() == "conflict"
    assert not older.wire.open
    newer.say(b"<message to='alice@example.test' type='chat'><body>me</body></message>")
    assert newer.bodies() == ["me"]


async def test_the_policy_can_be_to_refuse_or_to_rename(tmp_path: Path) -> None:
    async with open_site(tmp_path, DoorSettings(on_conflict=OnConflict.REFUSE)) as site:
        await site.online("alice")
        client = Client(site)
        await client.sign_in("alice")
        assert client.bind("r") == ""
        assert client.bind("other") == f"alice@{DOMAIN}/other"
    (tmp_path / "rename").mkdir()
    async with open_site(tmp_path / "rename", DoorSettings(on_conflict=OnConflict.RENAME)) as site:
        await site.online("alice")
        client = Client(site)
        await client.sign_in("alice")
        assert client.bind("r").startswith(f"alice@{DOMAIN}/")


async def test_too_many_sessions_are_a_resource_constraint(tmp_path: Path) -> None:
    async with open_site(tmp_path, limits=MessagingLimits(sessions=1)) as site:
        await site.online("alice")
        client = Client(site)
        await client.sign_in("alice")
        client.say(b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        [answer] = client.stanzas()
        assert b"<resource-constraint " in answer.raw


async def test_a_disabled_user_is_thrown_out_wherever_the_stream_stands(site: Site) -> None:
    bound = await site.online("alice")
    signed_in = Client(site)
    await signed_in.sign_in("alice")
    bob = await site.online("bob")
    site.people.change("alice", enabled=False)
    assert bound.error() == "not-authorized"
    assert signed_in.error() == "not-authorized"
    assert bob.wire.open
    assert site.door.counters.sessions == 1


async def test_a_removed_user_is_thrown_out(site: Site) -> None:
    alice = await site.online("alice")
    site.people.remove("alice")
    assert alice.error() == "not-authorized"


async def test_revoking_all_sign_ins_ends_all_streams(site: Site) -> None:
    alice = await site.online("alice")
    await site.identity.revoke(userid="alice")
    assert alice.error() == "not-authorized"


async def test_revoking_one_sign_in_ends_its_stream_only(site: Site) -> None:
    by_password = await site.online("alice", "one")
    tokens = await site.identity.issue("alice", "jabber", "UnifiedCommunications:readwrite")
    by_token = Client(site)
    by_token.say(HEADER + auth("OAUTHBEARER", f"n,,\x01auth=Bearer {tokens.access_token}\x01\x01".encode()))
    by_token.say(HEADER)
    assert by_token.bind("two")
    await site.identity.revoke(session_id=tokens.session_id)
    assert by_token.error() == "not-authorized"
    assert by_password.wire.open


async def test_a_broken_stream_gets_its_error_and_ends_the_session(site: Site) -> None:
    alice = await site.online("alice")
    alice.say(b"<message><!-- --></message>")
    assert alice.error() == "restricted-xml"
    assert site.door.counters.sessions == 0
    assert site.door.counters.stream_errors["restricted-xml"] == 1


async def test_a_fast_stream_is_read_more_slowly_and_nothing_is_dropped(tmp_path: Path) -> None:
    async with open_site(tmp_path, DoorSettings(stanzas_per_s=10, burst=20)) as site:
        alice, bob = await site.online("alice"), await site.online("bob")
        for n in range(3):
            alice.say(b"<message to='bob@example.test/r'><body>%d</body></message>" % n * 10)
        assert not alice.wire.reading
        assert len(bob.bodies()) == 30
        site.advance(0.5, alice)
        assert not alice.wire.reading
        site.advance(1.0, alice)
        assert alice.wire.reading


async def test_a_silent_client_is_asked_and_then_given_up(site: Site) -> None:
    alice = await site.online("alice")
    site.advance(599, alice)
    assert alice.heard() == []
    site.advance(2, alice)
    [ping] = alice.stanzas()
    assert ping.has("urn:xmpp:ping", "ping")
    alice.say(b"<iq type='result' id='still-there' to='example.test'/>")
    site.advance(500, alice)
    assert alice.wire.open
    site.advance(200, alice)
    assert alice.error() == "connection-timeout"


async def test_a_client_that_does_not_sign_in_in_time_is_given_up(site: Site) -> None:
    mute, slow = Client(site), Client(site)
    slow.say(HEADER)
    site.advance(14, mute, slow)
    assert mute.wire.open
    site.advance(2, mute, slow)
    assert mute.error() == "connection-timeout"
    assert slow.wire.open
    site.advance(15, mute, slow)
    assert slow.error() == "connection-timeout"


async def test_a_client_that_does_not_read_is_dropped(tmp_path: Path) -> None:
    async with open_site(tmp_path, DoorSettings(backlog_bytes=100_000)) as site:
        alice, bob = await site.online("alice"), await site.online("bob")
        bob.wire.pending = 200_000
        body = b"x" * 40_000
        for _ in range(2):
            alice.say(b"<message to='bob@example.test/r'><body>%b</body></message>" % body)
        site.time.advance(0)
        assert bob.error() == "policy-violation"
        assert alice.wire.open


async def test_nothing_of_a_connection_stays_when_it_is_gone(site: Site) -> None:
    for _ in range(20):
        client = Client(site)
        client.say(HEADER)
        client.say(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>")
        client.cut()
    signed_in = Client(site)
    await signed_in.sign_in("alice")
    signed_in.cut()
    bound = await site.online("alice")
    bound.cut()
    counters = site.door.counters
    assert (counters.connections, counters.sessions, counters.waiting) == (0, 0, 0)
    assert site.door._streams == {}
    assert site.door._strangers == {}
    assert site.door._sessions == {}


async def test_stopping_tells_every_client(site: Site) -> None:
    alice, signed_in = await site.online("alice"), Client(site)
    await signed_in.sign_in("bob")
    await site.door.stop()
    assert alice.error() == "system-shutdown"
    assert signed_in.error() == "system-shutdown"


async def test_one_address_has_only_so_many_connections_that_have_not_signed_in(tmp_path: Path) -> None:
    async with open_site(tmp_path, DoorSettings(strangers=2)) as site:
        alice = await site.online("alice")
        first, _second, third = Client(site), Client(site), Client(site)
        assert third.error() == "policy-violation"
        first.cut()
        assert Client(site).wire.open
        assert alice.wire.open


async def test_a_client_may_say_everything_at_once(site: Site) -> None:
    """What needs no answer may be pipelined, even across restarts."""
    bob = await site.online("bob")
    client = Client(site)
    client.say(
        HEADER
        + auth("PLAIN", f"\0alice\0{PASSWORD}".encode())
        + HEADER
        + b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>"
        + b"<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
        + b"<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>"
        + b"<message to='bob@example.test' type='chat'><body>at once</body></message><r xmlns='urn:xmpp:sm:3'/>"
    )
    await site.settled()
    assert bob.bodies() == ["at once"]
    heard = client.heard()
    assert [each.attrs["h"] for each in heard if isinstance(each, Nonza) and each.local == "a"] == ["2"]
    assert [each.id for each in heard if not isinstance(each, Nonza) and each.kind == "iq"] == ["b", "s"]


async def test_the_limits_of_the_stream_are_announced(site: Site) -> None:
    client = Client(site)
    client.say(HEADER + auth("PLAIN", f"\0alice\0{PASSWORD}".encode()))
    await site.tasks.drain()
    client.say(HEADER)
    [features] = [each for each in client.heard() if isinstance(each, Nonza) and each.local == "features"][1:]
    limits = features.tree().child("urn:xmpp:stream-limits:0", "limits")
    assert limits is not None
    assert limits.child_text("urn:xmpp:stream-limits:0", "max-bytes") == "262144"


async def test_thousands_of_connections_that_come_and_go_leave_nothing(site: Site) -> None:
    """Also without the collector: what a connection held is freed when it goes."""

    def storm(count: int) -> None:
        for n in range(count):
            client = Client(site, "tcp")
            client.say(HEADER if n % 2 else HEADER[:60])
            client.say(
                b"<x" if n % 3 else b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>"
            )
            client.cut()

    storm(200)
    gc.collect()
    gc.disable()
    try:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        storm(3000)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4 * 1024
    finally:
        gc.enable()
    assert site.door._strangers == {}


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=8)), max_size=20), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_one_client_sends_the_others_chat_on(
    tmp_path: Path, chunks: list[bytes], managed: bool
) -> None:
    asyncio.run(_hostile(tmp_path, chunks, managed))


async def _hostile(path: Path, chunks: list[bytes], managed: bool) -> None:
    (path / "im.db").unlink(missing_ok=True)
    async with open_site(path) as site:
        mallory = (await site.managed("carol"))[0] if managed else await site.online("carol")
        alice, bob = await site.online("alice"), await site.online("bob")
        for chunk in chunks:
            mallory.say(chunk)
        await site.settled()
        alice.heard()
        alice.say(b"<message to='bob@example.test/r' type='chat'><body>still here</body></message>")
        assert "still here" in bob.bodies()
