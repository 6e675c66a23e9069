"""What the door needs of the services."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from antiphon.model.principal import Principal
from antiphon.model.user import User
from antiphon.protocols.scram import HashName, ScramKeys
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza


class Identity(Protocol):
    """`services.identity.Identity`."""

    def account(self, name: str) -> User | None: ...

    def verify_token(self, token: str, /) -> Principal: ...

    async def verify_secret(self, userid: str, secret: str, source: str = "") -> Principal: ...

    def scram_keys(self, userid: str, hash_name: HashName) -> ScramKeys: ...

    def attempt(self, userid: str, source: str) -> None: ...

    def sign_in_succeeded(self, userid: str, source: str) -> None: ...

    def sign_in_failed(self, userid: str, source: str) -> None: ...


class Session(Protocol):
    """What messaging sees of a session."""

    @property
    def jid(self) -> Jid: ...

    priority: int
    presence: bytes | None
    interested: bool

    def deliver(self, data: bytes) -> None: ...

    def close(self, condition: str) -> None: ...


class Router(Protocol):
    """`services.messaging.Router`."""

    def route(self, stanza: Stanza, session: Session | None, now: float) -> Awaitable[None] | None: ...


class Messaging(Protocol):
    """`services.messaging.Messaging`. `bind` raises `DomainError`."""

    @property
    def router(self) -> Router: ...

    def bind(self, session: Session) -> None: ...

    def confirms(self, session: Session) -> None: ...

    def unbind(self, session: Session) -> None: ...

    def undelivered(self, stanzas: list[bytes]) -> Awaitable[None] | None: ...

    def sessions(self, userid: str) -> tuple[Session, ...]: ...
