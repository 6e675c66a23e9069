"""One remote address on one of our ports, and what it has proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from antiphon.interfaces.sip.lane import Lane
from antiphon.interfaces.sip.listener import Listener
from antiphon.kernel.core import Address


class Caller(NamedTuple):
    """Who may speak for a line."""

    number: str
    device: str
    userid: str


class Trust(NamedTuple):
    """A caller that registered over this connection with a token."""

    caller: Caller
    until: float | None
    """Wall seconds; the token's end."""
    session_id: str = ""
    """The sign-in that the token came from."""


class Peer:
    """Where requests come from and answers go. It is also the flow that bindings are kept for: identity is the object."""

    __slots__ = (
        "_send",
        "address",
        "alive",
        "certificate",
        "close",
        "errors",
        "lanes",
        "listener",
        "reliable",
        "trusted",
        "vain",
        "waiting",
    )

    def __init__(
        self,
        listener: Listener,
        address: Address,
        send: Callable[[bytes], None],
        close: Callable[[], None] | None = None,
        certificate: bytes = b"",
    ) -> None:
        self.listener = listener
        self.address = address
        self.reliable = listener.transport != "udp"
        self.alive = True
        self.errors = 0
        self.certificate = certificate
        """What an edge node showed, DER; empty on all other ports."""
        self.lanes: dict[bytes, Lane] = {}
        """The registrations that are refreshed here, prepared, by `lane.key_of` their refresh."""
        self.vain = 0
        """How many were prepared and never served."""
        self.trusted: dict[str, Trust] = {}
        """By line number. Only connections earn trust: the source address of a datagram proves nothing."""
        self.waiting: dict[object, Callable[[], None]] = {}
        """Who wants to know when the connection is gone."""
        self._send = send
        self.close: Callable[[], None] = close or _nothing

    def send(self, data: bytes) -> None:
        """Sending to a peer that is gone does nothing; its transactions time out."""
        if self.alive:
            self._send(data)

    def trusts(self, number: str, wall: float) -> Caller | None:
        trust = self.trusted.get(number)
        if trust is None or (trust.until is not None and trust.until <= wall):
            return None
        return trust.caller


def _nothing() -> None:
    return None
