"""One identity service on a real store, with people in a directory that fits in a dict."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from antiphon.io.clock import SystemRandom
from antiphon.io.database import open_database
from antiphon.io.password_hash import Argon2
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import Event, LocalBus
from antiphon.kernel.time import VirtualTime
from antiphon.model import User
from antiphon.protocols.oauth.clients import well_known_clients
from antiphon.services.directory.events import UserChanged, UserRemoved
from antiphon.services.identity import SCHEMA, Identity, IdentitySettings
from antiphon.services.identity.authorization import AuthorizationServer
from antiphon.services.identity.events import (
    SessionRevoked,
    SessionsRevoked,
    SignInFailed,
    SigningKeysRotated,
)

SECRET = b"an identity secret of 32 bytes.."
PASSWORD = "correct horse battery"
ISSUER = "https://cucm1.example.test:8443"


class People:
    """`Users`, as the directory gives them."""

    def __init__(self, bus: LocalBus) -> None:
        self._bus = bus
        self._users = {
            "alice": User("alice", "1", first_name="Alice", mail="alice.a@example.test", locale="en"),
            "bob": User("bob", "2", mail="bob@example.test"),
            "root": User("root", "3", admin=True),
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


class Deployment:
    def __init__(self, path: Path, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.database = open_database(f"sqlite:///{path}")
        self.time = VirtualTime()
        self.bus = LocalBus()
        self.people = People(self.bus)
        self.tasks = LoopTasks()
        self.hashing = Argon2(memory_kib=64)
        self.events: list[Event] = []
        for kind in (SessionsRevoked, SessionRevoked, SigningKeysRotated, SignInFailed):
            self.bus.subscribe(kind, self.events.append)
        self.identity = self.make()

    def make(
        self, secret: bytes = SECRET, settings: IdentitySettings | None = None, bus: LocalBus | None = None
    ) -> Identity:
        """A process of the deployment: the same store, its own memory."""
        return Identity(
            database=self.database,
            users=self.people,
            hashing=self.hashing,
            timers=self.time,
            random=SystemRandom(),
            bus=bus or self.bus,
            tasks=self.tasks,
            secret=secret,
            issuer=self.issuer,
            audience="example.test",
            settings=settings,
        )

    @property
    def server(self) -> AuthorizationServer:
        return self._server

    async def start(self) -> None:
        await self.database.upgrade(SCHEMA)
        await self.identity.start()
        await self.identity.set_password("alice", PASSWORD)
        await self.identity.set_password("root", PASSWORD)
        self._server = AuthorizationServer(self.identity, well_known_clients((self.issuer,)), self.time)

    async def restart(self) -> None:
        self.identity.stop()
        await self.tasks.drain()
        self.identity = self.make()
        await self.identity.start()
        self._server = AuthorizationServer(self.identity, well_known_clients((self.issuer,)), self.time)

    async def settle(self) -> None:
        await self.tasks.drain()

    def of_kind(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if type(event) is kind]


@asynccontextmanager
async def deployment(path: Path, issuer: str = ISSUER) -> AsyncIterator[Deployment]:
    house = Deployment(path / "identity.db", issuer)
    await house.start()
    try:
        yield house
    finally:
        house.identity.stop()
        await house.tasks.drain()
        house.hashing.close()
        await house.database.dispose()
