"""CPU of one chat message through the whole door, without sockets: bytes in at one session, bytes out at another.

    python bench/xmpp_route_inprocess.py [--messages 20000] [--batch 4] [--profile]

Prints one JSON line a variant: CPU microseconds a message, the lowest and the median of the rounds. `batch` messages
arrive in one read, as they do under load. `tokenise` is the share of cutting the stream and stamping alone; in
`route with XEP-0198` both sides have stream management and the receiver confirms every eighth message.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from antiphon.interfaces.xmpp import DoorSettings, XmppDoor
from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.database import open_database
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.core import Address
from antiphon.model import Principal, User
from antiphon.protocols.xmpp.limits import C2S
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Tokeniser
from antiphon.services.messaging import SCHEMA, Messaging
from antiphon.services.presence.service import PresenceEngine

HEADER = (
    b"<?xml version='1.0'?><stream:stream to='example.test' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
SMALL = (
    b"<message to='bob@example.test/r' type='chat' id='m%07d'><body>"
    + b"0123456789" * 6
    + b"</body></message>"
)
MOBILE = (
    b"<message xml:lang='en' to='bob@example.test/r' type='chat' id='5d28a4d8-0ac8-4aea-b1e8-%012d'>"
    b"<body>" + b"0123456789" * 6 + b"</body><active xmlns='http://jabber.org/protocol/chatstates'/>"
    b"<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>"
    b"<origin-id xmlns='urn:xmpp:sid:0' id='5d28a4d8-0ac8-4aea-b1e8-0b1c5d0f2c1f'/></message>"
)


class Sink:
    """A flow into nothing."""

    transport = "tls"
    local = peer = Address("127.0.0.1", 5222)
    security = None
    pending = 0

    def __init__(self) -> None:
        self.out: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.out.append(data)

    def nothing(self) -> None: ...

    start_tls = pause_reading = resume_reading = close = abort = nothing


class Everybody:
    """An identity that believes everything, a directory that knows everybody."""

    def user(self, userid: str) -> User | None:
        return User(userid, userid)

    account = user

    async def verify_secret(self, userid: str, secret: str, source: str = "") -> Principal:
        return Principal(userid, "password")


async def client(door: XmppDoor, tasks: LoopTasks, name: str) -> tuple[Any, Sink]:
    endpoint, sink = door.endpoint(), Sink()
    endpoint.opened(sink, 0.0)  # type: ignore[arg-type]
    plain = b64encode(f"\0{name}\0x".encode())
    endpoint.received(
        HEADER + b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain + b"</auth>",
        0.0,
    )
    await tasks.drain()
    endpoint.received(HEADER, 0.0)
    bind = b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind>"
    endpoint.received(b"<iq type='set' id='b'>" + bind + b"</iq>", 0.0)
    endpoint.received(b"<presence/>", 0.0)
    await tasks.drain()
    return endpoint, sink


def measure(run: Callable[[], None], messages: int, rounds: int) -> dict[str, float]:
    run()
    figures = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        run()
        figures.append((time.process_time() - start) / messages * 1e6)
    return {"us": round(min(figures), 2), "median_us": round(statistics.median(figures), 2)}


def reads(template: bytes, messages: int, batch: int) -> list[bytes]:
    every = [template % n for n in range(messages)]
    return [b"".join(every[n : n + batch]) for n in range(0, messages, batch)]


async def main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'im.db'}")
        await database.upgrade(SCHEMA)
        clock, tasks, bus, everybody = LoopTime(), LoopTasks(), LocalBus(), Everybody()
        messaging = Messaging(
            "example.test",
            database,
            everybody,
            PresenceEngine(clock, bus),
            bus,
            clock,
            tasks,
            SystemRandom(),
            asyncio.get_running_loop().create_future,
        )
        await messaging.start()
        door = XmppDoor(
            "example.test", messaging, everybody, bus, clock, SystemRandom(), tasks,  # type: ignore[arg-type]
            DoorSettings(stanzas_per_s=0),
        )  # fmt: skip
        sender, _ = await client(door, tasks, "alice")
        _, sink = await client(door, tasks, "bob")
        managed_sender, _ = await client(door, tasks, "eve")
        managed, managed_sink = await client(door, tasks, "dav")
        for endpoint in (managed_sender, managed):
            endpoint.received(b"<enable xmlns='urn:xmpp:sm:3' resume='true'/>", 0.0)
        for name, template in (("small", SMALL), ("mobile", MOBILE)):
            chunks = reads(template, arguments.messages, arguments.batch)
            to_managed = reads(template.replace(b"bob@", b"dav@"), arguments.messages, arguments.batch)

            def tokenise(chunks: list[bytes] = chunks) -> None:
                tokeniser = Tokeniser(C2S, single=False)
                tokeniser.feed(HEADER)
                for chunk in chunks:
                    for stanza in tokeniser.feed(chunk):
                        assert isinstance(stanza, Stanza)
                        stanza.stamped(b"alice@example.test/r")

            def route(chunks: list[bytes] = chunks) -> None:
                sink.out.clear()
                for chunk in chunks:
                    sender.received(chunk, 0.0)
                assert len(sink.out) == arguments.messages

            def route_managed(chunks: list[bytes] = to_managed) -> None:
                managed_sink.out.clear()
                sm = managed._session.sm
                for chunk in chunks:
                    managed_sender.received(chunk, 0.0)
                    if sm.unacked >= 8:
                        managed.received(b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % sm.sent, 0.0)

            for what, run in (
                ("tokenise", tokenise),
                ("route", route),
                ("route with XEP-0198", route_managed),
            ):
                if arguments.profile and what == "route":
                    profile = cProfile.Profile()
                    profile.runcall(run)
                    pstats.Stats(profile).sort_stats("tottime").print_stats(18)
                row = measure(run, arguments.messages, arguments.rounds)
                about = {"message": name, "bytes": len(template % 0), "batch": arguments.batch, "what": what}
                sys.stdout.write(json.dumps(about | row) + "\n")
        await door.stop()
        await messaging.stop()
        await tasks.drain()
        await database.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    asyncio.run(main(parser.parse_args()))
