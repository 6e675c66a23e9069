"""Cost of routing: CPU microseconds per delivery inside the messaging service.

    python bench/messaging_route.py [rounds]

Three figures: a chat message between two online sessions to the bare and to the full JID, the same with carbons enabled
by both clients, and a presence shown to 20 online contacts. Parsing and sockets are not part of it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.database import open_database
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.model.user import User
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import SCHEMA, Messaging
from antiphon.services.presence.service import PresenceEngine

DOMAIN = "example.test"
CONTACTS = 20


class Everybody:
    def user(self, userid: str) -> User | None:
        return User(userid, f"pkid-{userid}")


class Sink:
    """A session that counts what it is handed."""

    def __init__(self, jid: Jid) -> None:
        self.jid = jid
        self.priority = 0
        self.presence: bytes | None = None
        self.interested = False
        self.count = 0

    def deliver(self, data: bytes) -> None:
        self.count += 1

    def close(self, condition: str) -> None:
        raise AssertionError(condition)


def measured(name: str, rounds: int, deliveries: int, act: Callable[[int], object]) -> None:
    begun = time.process_time()
    for number in range(rounds):
        act(number)
    spent = time.process_time() - begun
    print(f"{name:48} {spent / rounds / deliveries * 1e6:8.2f} us/delivery")


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory) / 'im.db'}")
        await database.upgrade(SCHEMA)
        timers, tasks, bus = LoopTime(), LoopTasks(), LocalBus()
        messaging = Messaging(
            DOMAIN, database, Everybody(), PresenceEngine(timers, bus), bus, timers, tasks, SystemRandom(),
            asyncio.get_running_loop().create_future,
        )  # fmt: skip
        await messaging.start()
        route = messaging.router.route

        def online(name: str) -> Sink:
            sink = Sink(Jid(name, DOMAIN, "bench"))
            messaging.bind(sink)
            route(Stanza.parse(b"<presence/>"), sink, 0.0)
            return sink

        alice, bob = online("alice"), online("bob")
        body = b"<body>" + b"x" * 60 + b"</body><active xmlns='http://jabber.org/protocol/chatstates'/>"
        bare = Stanza.parse(b"<message type='chat' id='m1' to='bob@example.test'>%b</message>" % body)
        full = Stanza.parse(b"<message type='chat' id='m1' to='bob@example.test/bench'>%b</message>" % body)
        measured("chat to the bare JID", rounds, 1, lambda _: route(bare, alice, 0.0))
        measured("chat to the full JID", rounds, 1, lambda _: route(full, alice, 0.0))
        for sink in (alice, bob):
            route(Stanza.parse(b"<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>"), sink, 0.0)
        measured("chat to the bare JID, carbons on", rounds, 1, lambda _: route(bare, alice, 0.0))
        assert bob.count >= 3 * rounds

        watchers = [online(f"contact{number}") for number in range(CONTACTS)]
        for watcher in watchers:
            name = watcher.jid.local
            route(Stanza.parse(b"<presence type='subscribe' to='alice@example.test'/>"), watcher, 0.0)
            route(Stanza.parse(f"<presence type='subscribed' to='{name}@{DOMAIN}'/>".encode()), alice, 0.0)
        shows = [
            Stanza.parse(f"<presence><show>{show}</show><status>{'s' * 40}</status></presence>".encode())
            for show in ("away", "xa")
        ]
        for stanza in shows:
            stanza.tree()
        before = watchers[0].count
        turns = max(2, rounds // CONTACTS)
        measured(
            f"presence to {CONTACTS} contacts",
            turns,
            CONTACTS,
            lambda number: route(shows[number % 2], alice, 0.0),
        )
        assert watchers[0].count - before >= turns - 1
        await messaging.stop()
        await tasks.drain()
        await database.dispose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
