"""A site for messaging tests: the real service on a real SQLite file, sessions that remember what they were handed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from antiphon.io.clock import LoopTime
from antiphon.io.database import Database, open_database
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.random import SequenceRandom
from antiphon.model.user import User
from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import SCHEMA, Messaging, MessagingLimits, Software
from antiphon.services.presence.service import PresenceEngine

DOMAIN = "example.test"


class People:
    """A directory of a few users."""

    def __init__(self) -> None:
        self.known: dict[str, User] = {
            name: User(
                name, f"pkid-{name}", display_name=name.title(), mail=f"{name}@{DOMAIN}", locale=locale
            )
            for name, locale in (("alice", "en"), ("bob", "fr"), ("carol", "ko"), ("dave", "zh-TW"))
        }

    def user(self, userid: str) -> User | None:
        return self.known.get(userid)

    def change(self, userid: str, enabled: bool) -> None:
        self.known[userid] = replace(self.known[userid], enabled=enabled)


class Client:
    """A session as a door registers it, and the person behind it."""

    def __init__(self, messaging: Messaging, jid: Jid) -> None:
        self.jid = jid
        self.priority = 0
        self.presence: bytes | None = None
        self.interested = False
        self.closed = ""
        self._messaging = messaging
        self._inbox: list[bytes] = []

    def deliver(self, data: bytes) -> None:
        self._inbox.append(data)

    def close(self, condition: str) -> None:
        self.closed = condition

    def say(self, xml: str) -> object:
        """Send a stanza; what `route` returned."""
        stanza = Stanza.parse(xml.encode())
        stanza.sender = self.jid
        return self._messaging.router.route(stanza, self, 0.0)

    async def said(self, xml: str) -> None:
        """Send a stanza and wait until it counts as handled."""
        pending = self.say(xml)
        if pending is not None:
            await pending  # type: ignore[misc]

    def available(self, inside: str = "") -> None:
        self.say(f"<presence>{inside}</presence>")

    def raw(self) -> list[bytes]:
        """What has come since the last look."""
        inbox, self._inbox = self._inbox, []
        return inbox

    def got(self, kind: str = "") -> list[Stanza]:
        return [stanza for stanza in map(Stanza.parse, self.raw()) if kind in ("", stanza.kind)]

    def bodies(self) -> list[str]:
        return [stanza.tree().child_text("jabber:client", "body") for stanza in self.got("message")]

    async def asked(self, xml: str) -> Stanza:
        """Send a request and get its answer; everything else that has come is dropped."""
        await self.said(xml)
        [answer] = [stanza for stanza in self.got("iq") if stanza.type in ("result", "error")]
        return answer


class ConfirmingClient(Client):
    """A session with stream management: the test acknowledges."""

    def __init__(self, messaging: Messaging, jid: Jid) -> None:
        super().__init__(messaging, jid)
        self.unacknowledged: list[Callable[[], None]] = []

    def deliver_then(self, data: bytes, taken: Callable[[], None]) -> None:
        self.deliver(data)
        self.unacknowledged.append(taken)

    def acknowledge(self) -> None:
        for taken in self.unacknowledged:
            taken()
        self.unacknowledged = []


class Site:
    """Everything messaging needs, for real; `restarted` makes it anew on the same file."""

    def __init__(
        self, store: Path | str, limits: MessagingLimits | None = None, time: LoopTime | None = None
    ) -> None:
        """`store` is a path, or the URL of a database."""
        self.store = store
        self.limits = limits
        self.people = People()
        self.database: Database = open_database(f"sqlite:///{store}" if isinstance(store, Path) else store)
        self.time = time or LoopTime()
        self.tasks = LoopTasks()
        self.bus = LocalBus()
        self.engine = PresenceEngine(self.time, self.bus)
        self.messaging = Messaging(
            DOMAIN,
            self.database,
            self.people,
            self.engine,
            self.bus,
            self.time,
            self.tasks,
            SequenceRandom(),
            asyncio.get_running_loop().create_future,
            limits,
            Software(version="1.2.3", contacts=(("admin", f"mailto:admin@{DOMAIN}"),)),
        )

    async def start(self) -> None:
        await self.database.upgrade(SCHEMA)
        await self.messaging.start()

    def bind(self, jid: str, confirming: bool = False) -> Client:
        client = (ConfirmingClient if confirming else Client)(
            self.messaging, Jid.parse(f"{jid.replace('/', f'@{DOMAIN}/')}")
        )
        self.messaging.bind(client)
        return client

    def online(self, jid: str, inside: str = "") -> Client:
        """Bound, available, and nothing read yet."""
        client = self.bind(jid)
        client.available(inside)
        return client

    async def settled(self) -> None:
        """All rows are written, all work that was begun is done."""
        await self.messaging.commits.settled()
        await self.tasks.drain()
        await self.messaging.commits.settled()

    async def befriend(self, one: str, other: str) -> None:
        """A mutual subscription, made as people make it."""
        ones, others = self.bind(f"{one}/setup"), self.bind(f"{other}/setup")
        for client in (ones, others):
            client.available("<priority>-1</priority>")
        for asking, answering, name, peer in ((ones, others, other, one), (others, ones, one, other)):
            asking.say(f"<presence type='subscribe' to='{name}@{DOMAIN}'/>")
            answering.say(f"<presence type='subscribed' to='{peer}@{DOMAIN}'/>")
        for client in (ones, others):
            self.messaging.unbind(client)
        await self.settled()

    async def stop(self) -> None:
        await self.messaging.stop()
        await self.tasks.drain()
        await self.database.dispose()

    async def restarted(self) -> Site:
        await self.stop()
        again = Site(self.store, self.limits)
        await again.start()
        return again


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path / "im.db")
    await site.start()
    yield site
    await site.stop()


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with very small limits."""
    site = Site(
        tmp_path / "tight.db",
        MessagingLimits(
            sessions=2,
            roster_items=3,
            roster_groups=2,
            name_length=8,
            pending_requests=2,
            offline_messages=3,
            directed_presences=2,
            private_elements=2,
            private_bytes=100,
            blocked=2,
        ),
    )
    await site.start()
    yield site
    await site.stop()


def error_of(stanza: Stanza) -> tuple[str, str]:
    """(type, defined condition) of an error reply."""
    error = stanza.tree().child("jabber:client", "error")
    assert error is not None
    [condition, *_] = [child for child in error.children if isinstance(child, Element)]
    return error.get("type"), condition.local
