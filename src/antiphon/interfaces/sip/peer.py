"""One remote address on one of our ports, and what it has proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        self.trusted: dict[str, dict[str, Trust]] = {}
        """By line number and device, the newest last: an edge node carries many phones, also several of one line.

        Only connections earn trust: the source address of a datagram proves nothing."""
        self.waiting: dict[object, Callable[[], None]] = {}
        """Who wants to know when the connection is gone."""
        self._send = send
        self.close: Callable[[], None] = close or _nothing

    def send(self, data: bytes) -> None:
        """Sending to a peer that is gone does nothing; its transactions time out."""
        if self.alive:
            self._send(data)

    def trust(self, trust: Trust) -> None:
        self.distrust(trust.caller)
        self.trusted.setdefault(trust.caller.number, {})[trust.caller.device] = trust

    def distrust(self, caller: Caller) -> None:
        devices = self.trusted.get(caller.number, {})
        devices.pop(caller.device, None)
        if not devices:
            self.trusted.pop(caller.number, None)

    def trusts(self, number: str, wall: float, device: str = "") -> Caller | None:
        """Who speaks for the line: its `device`, or where none is named the one that registered last."""
        for trust in reversed(self.trusted.get(number, {}).values()):
            if device in ("", trust.caller.device) and (trust.until is None or trust.until > wall):
                return trust.caller
        return None

    def trusts_of(self, userid: str) -> Iterator[Trust]:
        for devices in tuple(self.trusted.values()):
            yield from [trust for trust in devices.values() if trust.caller.userid == userid]


def _nothing() -> None:
    return None
