"""Stream management at the door, XEP-0198: what was acknowledged is never lost, what was not is sent again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.interfaces.xmpp.site import Client, Site, open_site

from antiphon.interfaces.xmpp import DoorSettings
from antiphon.protocols.xmpp.tokeniser import Nonza


def message(to: str, body: str) -> bytes:
    return f"<message to='{to}@example.test' type='chat'><body>{body}</body></message>".encode()


async def resume(site: Site, userid: str, previd: str, h: int) -> tuple[Client, Nonza]:
    client = Client(site)
    await client.sign_in(userid)
    client.say(f"<resume xmlns='urn:xmpp:sm:3' previd='{previd}' h='{h}'/>".encode())
    [answer, *_] = [each for each in _peek(client) if isinstance(each, Nonza)]
    return client, answer


def _peek(client: Client) -> list[object]:
    kept = list(client.wire.sent)
    heard = client.heard()
    client.wire.sent = kept[1:]
    return heard


async def test_what_the_client_sent_is_counted_when_it_is_handled(site: Site) -> None:
    alice, _ = await site.managed("alice")
    assert alice.handled() == 1  # the presence
    await site.online("bob")
    alice.say(message("bob", "who confirms nothing, so that handing it over is all that can be known"))
    assert alice.handled() == 2


async def test_the_count_waits_for_the_durable_write(site: Site) -> None:
    alice, _ = await site.managed("alice")
    alice.say(
        message("bob", "for later")
        + b"<iq type='get' id='1' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>"
    )
    alice.heard()
    assert alice.handled() == -1
    await site.settled()
    assert alice.confirmed() == 3


async def test_what_came_before_enable_does_not_count(site: Site) -> None:
    alice = await site.online("alice")
    alice.say(message("bob", "for later"))
    alice.enable()
    await site.settled()
    assert alice.handled() == 0


async def test_the_client_is_asked_after_some_stanzas_or_a_second(site: Site) -> None:
    alice, _ = await site.managed("alice")
    bob = await site.online("bob")
    for n in range(10):
        bob.say(message("alice", str(n)))
    heard = alice.heard()
    assert sum(isinstance(each, Nonza) and each.local == "r" for each in heard) == 1
    bob.say(message("alice", "one more"))
    assert not [each for each in alice.heard() if isinstance(each, Nonza)]
    site.time.advance(1.0)
    assert [each.local for each in alice.heard()] == ["r"]


async def test_a_client_that_never_asks_is_told_in_passing(site: Site) -> None:
    alice, _ = await site.managed("alice")
    bob = await site.online("bob")
    for _ in range(25):
        alice.say(message("bob", "x"))
    bob.say(message("alice", "y"))
    assert alice.confirmed() == 26


async def test_a_resumed_session_gets_what_it_missed_in_order_and_loses_nothing(site: Site) -> None:
    alice, previd = await site.managed("alice")
    bob = await site.online("bob")
    bob.say(message("alice", "1") + message("alice", "2"))
    seen = alice.received + 1  # the first of the two
    alice.say(b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % seen)
    alice.cut()
    assert site.door.counters.waiting == 1
    bob.say(message("alice", "3"))
    again, answer = await resume(site, "alice", previd, seen)
    assert (answer.local, answer.attrs["h"], answer.attrs["previd"]) == ("resumed", "1", previd)
    assert again.bodies() == ["2", "3"]
    bob.say(message("alice", "4"))
    assert again.bodies() == ["4"]
    assert (site.door.counters.waiting, site.door.counters.sessions) == (0, 2)


async def test_a_session_that_is_still_connected_can_be_taken_over(site: Site) -> None:
    alice, previd = await site.managed("alice")
    _, answer = await resume(site, "alice", previd, 0)
    assert answer.local == "resumed"
    assert alice.error() == "conflict"
    assert site.door.counters.sessions == 1


async def test_nobody_else_can_resume_it(site: Site) -> None:
    alice, previd = await site.managed("alice")
    alice.cut()
    _, answer = await resume(site, "bob", previd, 0)
    assert answer.local == "failed"
    _, answer = await resume(site, "alice", "guess", 0)
    assert answer.local == "failed"
    _, answer = await resume(site, "alice", previd, 0)
    assert answer.local == "resumed"


async def test_a_session_nobody_comes_back_for_ends_and_its_messages_are_stored(site: Site) -> None:
    alice, previd = await site.managed("alice")
    bob = await site.online("bob")
    bob.say(message("alice", "1"))
    alice.cut()
    bob.say(message("alice", "2"))
    site.time.advance(301)
    await site.settled()
    assert (site.door.counters.expired, site.door.counters.sessions) == (1, 1)
    _, answer = await resume(site, "alice", previd, 0)
    assert answer.local == "failed"
    again = await _late(site, "alice")
    assert again.bodies() == ["1", "2"]


async def _late(site: Site, userid: str) -> Client:
    """Somebody signs in and gets what was stored."""
    client = Client(site)
    await client.sign_in(userid)
    client.bind("later")
    client.available()
    await site.settled()
    return client


async def test_a_stream_that_was_closed_in_order_cannot_be_resumed(site: Site) -> None:
    alice, previd = await site.managed("alice")
    alice.say(b"</stream:stream>")
    assert site.door.counters.sessions == 0
    _, answer = await resume(site, "alice", previd, 0)
    assert answer.local == "failed"


async def test_stored_messages_stay_stored_until_the_client_confirms_them(site: Site) -> None:
    bob = await site.online("bob")
    bob.say(message("alice", "stored"))
    await site.settled()
    alice, _ = await site.managed("alice")
    alice.cut()
    site.time.advance(301)
    await site.settled()
    again, _ = await site.managed("alice")
    again.cut()
    site.time.advance(301)
    await site.settled()
    third = await _late(site, "alice")
    assert third.bodies() == ["stored"]


async def test_confirming_too_much_ends_the_stream(site: Site) -> None:
    alice, _ = await site.managed("alice")
    alice.say(b"<a xmlns='urn:xmpp:sm:3' h='99'/>")
    assert alice.error() == "undefined-condition"


async def test_a_resume_with_too_high_a_count_ends_the_stream(site: Site) -> None:
    alice, previd = await site.managed("alice")
    alice.cut()
    client = Client(site)
    await client.sign_in("alice")
    client.say(f"<resume xmlns='urn:xmpp:sm:3' previd='{previd}' h='99'/>".encode())
    assert client.error() == "undefined-condition"


async def test_enabling_twice_fails(site: Site) -> None:
    alice, _ = await site.managed("alice")
    alice.say(b"<enable xmlns='urn:xmpp:sm:3'/>")
    [failed] = alice.heard()
    assert failed.local == "failed"


async def test_the_queue_of_a_client_that_confirms_nothing_is_bounded(tmp_path: Path) -> None:
    async with open_site(tmp_path, DoorSettings(unacked_stanzas=20)) as site:
        alice, _ = await site.managed("alice")
        bob = await site.online("bob")
        for n in range(25):
            bob.say(message("alice", str(n)))
        site.time.advance(0)
        assert alice.error() == "policy-violation"
        await site.settled()
        again = await _late(site, "alice")
        assert again.bodies() == [str(n) for n in range(25)]


async def test_waiting_sessions_of_one_user_are_bounded(tmp_path: Path) -> None:
    async with open_site(tmp_path, DoorSettings(resumable_per_user=2)) as site:
        clients = [await site.managed("alice", f"r{n}") for n in range(3)]
        for client, _ in clients:
            client.cut()
        assert site.door.counters.waiting == 2
        assert (await resume(site, "alice", clients[0][1], 0))[1].local == "failed"
        assert (await resume(site, "alice", clients[1][1], 0))[1].local == "resumed"


async def test_a_client_that_does_not_read_is_cut_off_and_can_resume(tmp_path: Path) -> None:
    async with open_site(tmp_path, DoorSettings(backlog_bytes=100_000)) as site:
        alice, previd = await site.managed("alice")
        bob = await site.online("bob")
        alice.wire.pending = 200_000
        for n in range(3):
            bob.say(message("alice", str(n) * 40_000))
        site.time.advance(0)
        alice.heard()
        assert site.door.counters.waiting == 1
        again, answer = await resume(site, "alice", previd, 0)
        assert answer.local == "resumed"
        assert again.bodies() == [str(n) * 40_000 for n in range(3)]


async def test_a_resume_waits_for_writes_so_that_nothing_is_handled_twice(site: Site) -> None:
    alice, previd = await site.managed("alice")
    alice.say(message("bob", "for later"))
    alice.cut()
    client = Client(site)
    await client.sign_in("alice")
    client.say(f"<resume xmlns='urn:xmpp:sm:3' previd='{previd}' h='0'/>".encode())
    await site.settled()
    [answer, *_] = [each for each in client.heard() if isinstance(each, Nonza)]
    assert answer.attrs["h"] == "2"


async def test_a_shutdown_stores_what_was_not_confirmed(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        alice, _ = await site.managed("alice")
        bob = await site.online("bob")
        bob.say(message("alice", "in flight"))
        alice.cut()
    async with open_site(tmp_path) as site:
        assert (await _late(site, "alice")).bodies() == ["in flight"]


STEPS = st.lists(st.sampled_from(["send", "read", "confirm", "cut", "offline", "answer"]), max_size=25)


@given(STEPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_cuts_lose_nothing_and_keep_the_order(tmp_path: Path, steps: list[str]) -> None:
    asyncio.run(_random_cuts(tmp_path, steps))


async def _random_cuts(path: Path, steps: list[str]) -> None:
    """Bob sends; Alice reads, confirms, is cut off and resumes. And Alice sends to Carol, who is not there."""
    (path / "im.db").unlink(missing_ok=True)
    async with open_site(path) as site:
        alice, previd = await site.managed("alice")
        bob = await site.online("bob")
        sent, received = 0, alice.received
        queue: list[bytes] = []  # Alice's own unconfirmed stanzas, and how many the server has confirmed
        base, told = 1, 0
        got: list[str] = []

        def read() -> None:
            nonlocal received, base
            for each in alice.heard():
                if isinstance(each, Nonza):
                    if each.local == "a":
                        del queue[: int(each.attrs["h"]) - base]
                        base = int(each.attrs["h"])
                    continue
                received += 1
                if each.kind == "message":
                    got.append(each.tree().child_text("jabber:client", "body"))

        for step in [*steps, "cut", "read"]:
            if step == "send":
                bob.say(message("alice", str(sent)))
                sent += 1
            elif step == "read":
                read()
            elif step == "confirm":
                read()
                alice.say(b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % received)
            elif step == "offline":
                queue.append(message("carol", str(told)))
                told += 1
                alice.say(queue[-1])
            elif step == "answer":
                alice.say(b"<r xmlns='urn:xmpp:sm:3'/>")
                await site.settled()
                read()
            else:
                alice.wire.sent.clear()  # on the way when the line broke
                alice.cut()
                alice = Client(site)
                await alice.sign_in("alice")
                alice.say(f"<resume xmlns='urn:xmpp:sm:3' previd='{previd}' h='{received}'/>".encode())
                await site.settled()
                resumed = alice.wire.sent[0]
                h = int(resumed.split(b"h='")[1].split(b"'")[0])
                del queue[: h - base]
                base = h
                for stanza in queue:
                    alice.say(stanza)
        read()
        assert got == [str(n) for n in range(sent)]
        await site.settled()
        carol = await _late(site, "carol")
        assert carol.bodies() == [str(n) for n in range(told)]
