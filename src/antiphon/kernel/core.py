"""The contract between drivers, protocol cores and doors.

A `Core` is a state machine that owns no socket, task or clock: inputs and the time go in, outputs come back in order.
A `Flow` is what a driver gives a door for one peer; an `Endpoint` is the door's half of that conversation. Bytes stand
for themselves on both sides: no object is built per read or per write on the hot path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Core(Protocol[In, Out]):
    """A state machine. It never raises on what a peer sends: it returns the protocol's own answer."""

    @property
    def deadline(self) -> float | None:
        """Monotonic seconds at which `handle` wants to be called again at the latest."""
        ...

    def handle(self, given: In, now: float) -> Sequence[Out]: ...


class Address(NamedTuple):
    """An IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Security:
    """What TLS said about a flow."""

    version: str
    cipher: str
    peer_certificate: bytes | None
    """DER of the verified client certificate, or None."""
    local_certificate: bytes
    """DER of the certificate this side presented (tls-server-end-point, RFC 5929 §4)."""
    server_name: str | None
    alpn: str | None


class Flow(Protocol):
    """One peer, as a door sees it. All calls are immediate; bytes leave at the end of the loop turn, in order."""

    @property
    def transport(self) -> str:
        """`udp`, `tcp`, `tls`, `ws` or `wss`."""
        ...

    @property
    def local(self) -> Address: ...

    @property
    def peer(self) -> Address: ...

    @property
    def security(self) -> Security | None: ...

    @property
    def pending(self) -> int:
        """Bytes accepted by `send` that the operating system has not taken yet."""
        ...

    def send(self, data: bytes) -> None: ...

    def start_tls(self) -> None:
        """Serve a TLS handshake next. Bytes received before it are dropped; `secured` is called when it is done."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        """Close after what was sent has left."""
        ...

    def abort(self) -> None:
        """Close now, dropping what was not sent."""
        ...


class Endpoint(Protocol):
    """A door's half of one stream conversation (TCP, TLS, one WebSocket). A driver calls it, never two calls at once.

    For a WebSocket `received` gets one whole message per call.
    """

    @property
    def deadline(self) -> float | None: ...

    def opened(self, flow: Flow, now: float) -> None:
        """The connection is ready; on a TLS listener the handshake is done."""
        ...

    def secured(self, now: float) -> None:
        """The handshake begun by `Flow.start_tls` is done."""
        ...

    def received(self, data: bytes, now: float) -> None: ...

    def drained(self, now: float) -> None:
        """The peer's backlog has fallen below the low-water mark after it had passed the high one."""
        ...

    def expired(self, now: float) -> None:
        """`deadline` has passed."""
        ...

    def closed(self, now: float) -> None:
        """The connection is gone, whoever closed it. Nothing is called afterwards."""
        ...


class DatagramFlow(Protocol):
    """One bound UDP socket."""

    @property
    def local(self) -> Address: ...

    def send_to(self, data: bytes, peer: Address) -> None: ...


class DatagramEndpoint(Protocol):
    """A door's half of one UDP socket."""

    def bound(self, flow: DatagramFlow, now: float) -> None: ...

    def received(self, data: bytes, peer: Address, now: float) -> None: ...
