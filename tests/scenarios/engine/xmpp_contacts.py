"""Contacts that speak XMPP: streams of bytes through the real door to the real messaging service.

Only the store is not there: rows that would be written are counted as written. Who watches somebody is signed in and
subscribed to that person's presence, who has agreed.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncConnection
from tests.scenarios.engine.world import DOMAIN, World

from antiphon.interfaces.xmpp import XmppDoor
from antiphon.kernel.core import Address, Security
from antiphon.kernel.database import Schema
from antiphon.kernel.errors import Fault, Kind
from antiphon.model import Principal, User
from antiphon.protocols.scram import HashName, ScramKeys
from antiphon.protocols.xmpp.limits import C2S
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Tokeniser
from antiphon.services.messaging import Messaging

HEADER = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams'>"
).encode()
CLIENT = "jabber:client"
ACTIVITY = "http://jabber.org/protocol/activity"
SHOWS = {"": "available", "chat": "available", "dnd": "do not disturb", "away": "away", "xa": "away for long"}
NOT_HERE = Fault("AP-TEST-002", Kind.UNAUTHENTICATED, "No such token.", "Take another.")


class Promise:
    """Something to wait for without a loop: whoever waits is asked again."""

    def __init__(self) -> None:
        self._done = False

    def done(self) -> bool:
        return self._done

    def set_result(self, result: None, /) -> None:
        self._done = True

    def __await__(self) -> Generator[Any, Any, None]:
        while not self._done:
            yield


class Turns:
    """`Tasks` that run when they are told to, as far as they get."""

    def __init__(self) -> None:
        self._waiting: list[Coroutine[Any, Any, None]] = []

    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        self._waiting.append(coro)

    def run(self) -> None:
        moved = True
        while moved:
            moved, turn = False, self._waiting
            self._waiting = []
            for coro in turn:
                try:
                    coro.send(None)
                except StopIteration:
                    moved = True
                else:
                    self._waiting.append(coro)


class NoStore:
    """A database that takes every row and has none."""

    async def execute(self, statement: object, rows: object = None) -> None: ...

    @asynccontextmanager
    async def transaction(self, turn: str = "") -> AsyncIterator[AsyncConnection]:
        yield cast(AsyncConnection, self)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        yield cast(AsyncConnection, self)

    async def upgrade(self, *schemas: Schema) -> None: ...


class Tokens:
    """The token of everybody is `token-<userid>`; nobody has a password."""

    def __init__(self, world: World) -> None:
        self._world = world

    def account(self, name: str) -> User | None:
        return self._world.directory.user(name)

    def verify_token(self, token: str, /) -> Principal:
        if not token.startswith("token-"):
            raise NOT_HERE.error()
        return Principal(token.removeprefix("token-"), "token")

    async def verify_secret(self, userid: str, secret: str, source: str = "") -> Principal:
        raise NOT_HERE.error()

    def scram_keys(self, userid: str, hash_name: HashName) -> ScramKeys:
        raise NOT_HERE.error()

    def attempt(self, userid: str, source: str) -> None: ...

    def sign_in_succeeded(self, userid: str, source: str) -> None: ...

    def sign_in_failed(self, userid: str, source: str) -> None: ...


class XmppContacts:
    name = "xmpp"

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def attach(self, world: World) -> None:
        self._world = world
        self._turns = Turns()
        messaging = Messaging(
            DOMAIN,
            NoStore(),
            world.directory,
            world.presence,
            world.bus,
            world.time,
            self._turns,
            world.random,
            Promise,
        )
        self.door = XmppDoor(
            DOMAIN, messaging, Tokens(world), world.bus, world.time, world.random, self._turns
        )

    def settle(self) -> None:
        self._turns.run()

    def sign_in(self, userid: str) -> None:
        self._client(userid).available()

    def watch(self, watcher: str, userid: str) -> None:
        watching = self._client(watcher.partition("@")[0])
        watching.available()
        watching.say(f"<presence type='subscribe' to='{userid}@{DOMAIN}'/>")
        self._client(userid).say(f"<presence type='subscribed' to='{watching.userid}@{DOMAIN}'/>")
        self._world.wait(0.01)  # for the rows of both rosters

    def seen(self, watcher: str, userid: str) -> str:
        self.settle()
        return self._client(watcher.partition("@")[0]).sees(userid)

    def _client(self, userid: str) -> Client:
        if userid not in self._clients:
            if self._world.directory.user(userid) is None:
                self._world.directory.keep(User(userid, f"u-{userid}", display_name=userid.title()))
            self._clients[userid] = Client(userid, self.door, self._world)
        return self._clients[userid]


class Client:
    """One signed-in client: its `Flow`, and what it knows of others."""

    transport = "tls"
    local = Address("127.0.2.1", 5222)
    peer = Address("192.0.2.9", 40000)
    security = Security("TLSv1.3", "x", None, b"", None, None)
    pending = 0

    def __init__(self, userid: str, door: XmppDoor, world: World) -> None:
        self.userid = userid
        self._world = world
        self._sent: list[bytes] = []
        self._reader = Tokeniser(C2S, framed=False, single=False)
        self._presences: dict[str, Stanza] = {}
        """Of other resources, by full JID."""
        self._endpoint = door.endpoint()
        self._endpoint.opened(self, world.time.now())
        self._sign_in()

    # The flow, as the door sees it

    def send(self, data: bytes) -> None:
        self._sent.append(data)

    def start_tls(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        raise AssertionError(f"the server ended the stream of {self.userid}: {self._sent[-1:]!r}")

    def abort(self) -> None:
        self.close()

    # The client

    def say(self, data: str | bytes) -> None:
        data = data if isinstance(data, bytes) else data.encode()
        self._endpoint.received(data, self._world.time.now())

    def available(self) -> None:
        self.say("<presence><priority>1</priority></presence>")

    def sees(self, userid: str) -> str:
        """The state of the contact's resource with the highest priority."""
        self._listen()
        theirs = [
            stanza
            for address, stanza in self._presences.items()
            if address.partition("/")[0] == f"{userid}@{DOMAIN}" and stanza.type == ""
        ]
        if not theirs:
            return "offline"
        tree = max(theirs, key=lambda stanza: int(stanza.tree().child_text(CLIENT, "priority") or 0)).tree()
        activity = tree.child(ACTIVITY, "activity")
        if activity is not None and activity.child(ACTIVITY, "talking") is not None:
            return "on the phone"
        return SHOWS[tree.child_text(CLIENT, "show")]

    def _sign_in(self) -> None:
        self.say(HEADER)
        proof = f"n,a={self.userid}@{DOMAIN},\x01auth=Bearer token-{self.userid}\x01\x01".encode()
        self.say(
            b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='OAUTHBEARER'>"
            + b64encode(proof)
            + b"</auth>"
        )
        self.say(HEADER)
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind>"
        self.say(f"<iq type='set' id='b'>{bind}</iq>")
        bound = [stanza for stanza in self._listen() if stanza.kind == "iq" and stanza.type == "result"]
        assert bound, f"{self.userid} is not signed in"

    def _listen(self) -> list[Stanza]:
        """What has come since the last time; presences are remembered."""
        sent, self._sent = self._sent, []
        stanzas = []
        for data in sent:
            if data.startswith(b"<?xml"):
                self._reader.restart()
            stanzas += [token for token in self._reader.feed(data) if isinstance(token, Stanza)]
        for stanza in stanzas:
            if stanza.kind == "presence" and stanza.type in ("", "unavailable"):
                self._presences[stanza.claimed] = stanza
        return stanzas
