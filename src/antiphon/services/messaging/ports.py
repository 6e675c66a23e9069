"""What messaging needs of its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, runtime_checkable

from antiphon.model.user import User
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza


class Users(Protocol):
    """The directory: who is there. Answers from memory."""

    def user(self, userid: str) -> User | None: ...


class Presence(Protocol):
    """The presence engine: hears what clients say, composes it with what else is known."""

    def claim(
        self,
        userid: str,
        source: str,
        show: str = "",
        activity: str = "",
        note: str = "",
        priority: int = 0,
        expires_at: float | None = None,
    ) -> None: ...

    def withdraw(self, userid: str, source: str) -> None: ...


class Promise(Protocol):
    """Something that will be done later and can be waited for. An `asyncio.Future[None]` is one."""

    def done(self) -> bool: ...

    def set_result(self, result: None, /) -> None: ...

    def __await__(self) -> Generator[Any, Any, None]: ...


class Session(Protocol):
    """One connected resource, as its door registers it. The three attributes are written by messaging."""

    @property
    def jid(self) -> Jid:
        """The full JID."""
        ...

    priority: int
    presence: bytes | None
    """Its available presence without the start of its tag (`Bound.tail`), or None while unavailable."""
    interested: bool
    """It has asked for the roster and gets roster pushes (RFC 6121 §2.2)."""

    def deliver(self, data: bytes) -> None:
        """Exactly one stanza in the context of `jabber:client`, already addressed. Must not raise."""
        ...

    def close(self, condition: str) -> None:
        """End the stream with this stream error. The door calls `Messaging.unbind` as for any other end."""
        ...


@runtime_checkable
class ConfirmingSession(Protocol):
    """A session that knows when its peer has taken a stanza (XEP-0198); see `Messaging.confirms`.

    A stored message is deleted when `taken` is called, for other sessions when `deliver` has returned. If the session ends
    without that call the message stays stored and is delivered anew: twice rather than never, with the same stanza-id.
    """

    def deliver_then(self, data: bytes, taken: Callable[[], None]) -> None:
        """As `deliver`; `taken` is called at most once, and not after the session has ended."""
        ...


class Domain(Protocol):
    """Whoever answers for another domain: a conference service, a component, other servers."""

    def __call__(self, stanza: Stanza, data: bytes) -> None:
        """`data` is the stanza with `from`; its answers come back through `Router.route(stanza, None, now)`."""
        ...
