"""The door on the real services and a real store; only the wire is in memory."""

from __future__ import annotations

import asyncio
import dataclasses
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from antiphon.interfaces.xmpp import DoorSettings, XmppDoor
from antiphon.interfaces.xmpp.endpoint import C2SEndpoint
from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.database import open_database
from antiphon.io.password_hash import Argon2
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.core import Address, Security
from antiphon.kernel.time import VirtualTime
from antiphon.model import User
from antiphon.protocols.xmpp.limits import C2S
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Failure, Nonza, StreamOpened, Tokeniser
from antiphon.services.directory.events import UserChanged, UserRemoved
from antiphon.services.identity import SCHEMA as IDENTITY_SCHEMA
from antiphon.services.identity import Identity
from antiphon.services.messaging import SCHEMA as MESSAGING_SCHEMA
from antiphon.services.messaging import Messaging, MessagingLimits
from antiphon.services.presence.service import PresenceEngine

DOMAIN = "example.test"
PASSWORD = "correct horse battery"
HEADER = (
    b"<?xml version='1.0'?><stream:stream to='example.test' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
OPEN = b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.test' version='1.0'/>"


class People:
    def __init__(self, bus: LocalBus) -> None:
        self._bus = bus
        self._users = {
            name: User(name, f"pkid-{name}", mail=f"{name}.mail@{DOMAIN}")
            for name in ("alice", "bob", "carol")
        }

    def user(self, userid: str) -> User | None:
        return self._users.get(userid)

    def user_by_mail(self, mail: str) -> User | None:
        return next((user for user in self._users.values() if user.mail == mail), None)

    def change(self, userid: str, **values: Any) -> None:
        self._users[userid] = user = dataclasses.replace(self._users[userid], **values)
        self._bus.publish(UserChanged(userid, user.enabled))

    def remove(self, userid: str) -> None:
        del self._users[userid]
        self._bus.publish(UserRemoved(userid))


class Wire:
    """A `Flow`: what the server sends is read here as a client reads it."""

    def __init__(self, transport: str = "tls") -> None:
        self.transport = transport
        self.local = Address("127.0.2.1", 5223)
        self.peer = Address("192.0.2.7", 40000)
        secured = transport in ("tls", "wss")
        self.security = Security("TLSv1.3", "x", None, b"", None, None) if secured else None
        self.pending = 0
        self.sent: list[bytes] = []
        self.open = True
        self.reading = True
        self.tls_asked = False

    def send(self, data: bytes) -> None:
        if self.open:
            self.sent.append(data)

    def start_tls(self) -> None:
        self.tls_asked = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.open = False

    def abort(self) -> None:
        self.open = False


class Client:
    """A client that speaks bytes."""

    def __init__(self, site: Site, transport: str = "tls") -> None:
        self.site = site
        self.wire = Wire(transport)
        self.endpoint: C2SEndpoint = site.door.endpoint()
        self.framed = transport in ("ws", "wss")
        self._reader = Tokeniser(C2S, framed=self.framed, single=False)
        self._closed = False
        self.received = 0
        """Stanzas since stream management was on, or since the resumption began."""
        self.endpoint.opened(self.wire, site.time.now())

    def say(self, data: bytes) -> None:
        self.endpoint.received(data, self.site.time.now())
        self._notice()

    def _notice(self) -> None:
        if not self.wire.open and not self._closed:
            self._closed = True
            self.endpoint.closed(self.site.time.now())

    def cut(self) -> None:
        """The line breaks."""
        self.wire.open = False
        self._notice()

    def heard(self) -> list[Any]:
        """What has come since the last look, as elements."""
        self._notice()
        tokens: list[Any] = []
        sent, self.wire.sent = self.wire.sent, []
        for data in sent:
            if data.startswith(b"<?xml"):
                self._reader.restart()
            tokens += self._reader.feed(data)
        self.received += sum(isinstance(token, Stanza) for token in tokens)
        return [token for token in tokens if not isinstance(token, StreamOpened)]

    def stanzas(self, kind: str = "") -> list[Stanza]:
        return [each for each in self.heard() if isinstance(each, Stanza) and kind in ("", each.kind)]

    def bodies(self) -> list[str]:
        return [stanza.tree().child_text("jabber:client", "body") for stanza in self.stanzas("message")]

    def error(self) -> str:
        """The condition of the stream error that was sent, or empty."""
        for each in self.heard():
            if isinstance(each, Nonza) and each.local == "error":
                found = each.tree().child()
                assert found is not None
                return found.local
            assert not isinstance(each, Failure)
        return ""

    async def sign_in(self, userid: str, password: str = PASSWORD) -> None:
        opening = OPEN if self.framed else HEADER
        self.say(opening)
        secret = b64encode(f"\0{userid}\0{password}".encode())
        self.say(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + secret + b"</auth>")
        await self.site.tasks.drain()
        self.say(opening)
        self.heard()

    def bind(self, resource: str = "") -> str:
        """The full JID, or empty when the server refused."""
        wanted = f"<resource>{resource}</resource>" if resource else ""
        iq = f"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{wanted}</bind></iq>"
        self.say(self.framing(iq))
        answers = self.stanzas("iq")
        if not answers or answers[-1].type != "result":
            return ""
        payload = answers[-1].payload()
        assert payload is not None
        return payload.child_text("urn:ietf:params:xml:ns:xmpp-bind", "jid")

    def framing(self, stanza: str) -> bytes:
        return stanza.replace(" ", " xmlns='jabber:client' ", 1).encode() if self.framed else stanza.encode()

    def enable(self) -> str:
        """Stream management; the id to resume with."""
        self.say(b"<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        [enabled] = [each for each in self.heard() if isinstance(each, Nonza)]
        assert enabled.local == "enabled", enabled
        self.received = 0
        return enabled.attrs["id"]

    def available(self) -> None:
        self.say(self.framing("<presence ><priority>1</priority></presence>"))

    def handled(self) -> int:
        """Ask for a confirmation; what the server says it has handled, -1 when it does not answer yet."""
        self.say(b"<r xmlns='urn:xmpp:sm:3'/>")
        return self.confirmed()

    def confirmed(self) -> int:
        answers = [each for each in self.heard() if isinstance(each, Nonza) and each.local == "a"]
        return int(answers[-1].attrs["h"]) if answers else -1


class Site:
    def __init__(
        self, path: Path, settings: DoorSettings | None = None, limits: MessagingLimits | None = None
    ) -> None:
        self.database = open_database(f"sqlite:///{path}")
        self.time = VirtualTime()
        self.loop_time = LoopTime()
        self.tasks = LoopTasks()
        self.bus = LocalBus()
        self.people = People(self.bus)
        self.hashing = Argon2(memory_kib=64)
        self.identity = Identity(
            database=self.database,
            users=self.people,
            hashing=self.hashing,
            timers=self.loop_time,
            random=SystemRandom(),
            bus=self.bus,
            tasks=self.tasks,
            secret=b"an identity secret of 32 bytes..",
            issuer="https://cucm1.example.test:8443",
            audience=DOMAIN,
        )
        self.engine = PresenceEngine(self.loop_time, self.bus)
        self.messaging = Messaging(
            DOMAIN,
            self.database,
            self.people,
            self.engine,
            self.bus,
            self.loop_time,
            self.tasks,
            SystemRandom(),
            asyncio.get_running_loop().create_future,
            limits,
        )
        self.door = XmppDoor(
            DOMAIN, self.messaging, self.identity, self.bus, self.time, SystemRandom(), self.tasks, settings
        )

    async def start(self) -> None:
        await self.database.upgrade(IDENTITY_SCHEMA, MESSAGING_SCHEMA)
        await self.identity.start()
        await self.messaging.start()
        for name in ("alice", "bob", "carol"):
            await self.identity.set_password(name, PASSWORD)

    async def stop(self) -> None:
        await self.door.stop()
        self.identity.stop()
        await self.tasks.drain()
        await self.messaging.stop()
        self.hashing.close()
        await self.database.dispose()

    async def settled(self) -> None:
        await self.messaging.commits.settled()
        await self.tasks.drain()
        await self.messaging.commits.settled()

    async def online(self, userid: str, resource: str = "r", transport: str = "tls") -> Client:
        client = Client(self, transport)
        await client.sign_in(userid)
        assert client.bind(resource) == f"{userid}@{DOMAIN}/{resource}"
        client.available()
        await self.settled()
        client.heard()
        return client

    async def managed(self, userid: str, resource: str = "r") -> tuple[Client, str]:
        """Online with stream management; the client and the id to resume with."""
        client = Client(self)
        await client.sign_in(userid)
        client.bind(resource)
        previd = client.enable()
        client.available()
        await self.settled()
        client.heard()
        return client, previd

    def advance(self, seconds: float, *clients: Client) -> None:
        """Move the door's time, and give each client's connection its deadlines on the way."""
        end = self.time.now() + seconds
        while True:
            due = [
                client.endpoint.deadline
                for client in clients
                if client.endpoint.deadline is not None and client.endpoint.deadline <= end
            ]
            if not due:
                break
            self.time.advance(max(0.0, min(due) - self.time.now()))
            for client in clients:
                deadline = client.endpoint.deadline
                if deadline is not None and deadline <= self.time.now():
                    client.endpoint.expired(self.time.now())
                    client._notice()
        self.time.advance(end - self.time.now())


@asynccontextmanager
async def open_site(
    path: Path, settings: DoorSettings | None = None, limits: MessagingLimits | None = None
) -> AsyncIterator[Site]:
    site = Site(path / "im.db", settings, limits)
    await site.start()
    try:
        yield site
    finally:
        await site.stop()
