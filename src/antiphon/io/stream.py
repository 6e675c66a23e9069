"""The stream driver: TCP and TLS under any `Endpoint` (SIP, XMPP, WebSocket).

One object a connection is the loop's protocol and the door's `Flow`. Output is collected and leaves once per turn of the
loop: one system call and one TLS record for whatever a turn produced for a peer. TLS runs on memory buffers here
(not in the loop): that costs 35 KiB a connection instead of 297 with asyncio's own, gives STARTTLS without its races,
and reads and writes the same on every event loop.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, Protocol, cast

from antiphon.kernel.core import Address, Endpoint, Security

log = logging.getLogger(__name__)

READ_CHUNK = 65536
HANDSHAKE_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 5.0
HIGH_WATER = 256 * 1024


class ServerTls(Protocol):
    """Where listeners get their TLS from; asked anew for each connection, so a reload needs no restart."""

    def context(self) -> ssl.SSLContext: ...

    def leaf(self, context: ssl.SSLContext) -> bytes:
        """DER of the certificate that `context` presents."""
        ...


class Flusher:
    """Everything that a turn of the loop wrote leaves at its end, peer by peer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._dirty: list[StreamFlow] = []

    def add(self, flow: StreamFlow) -> None:
        if not self._dirty:
            self._loop.call_soon(self._flush)
        self._dirty.append(flow)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for flow in dirty:
            flow.flush()


class StreamFlow(asyncio.Protocol):
    """One connection: a `Flow` for its door, a protocol for the loop."""

    __slots__ = (
        "_admit",
        "_close_asked",
        "_deadline_timer",
        "_dirty",
        "_endpoint",
        "_flusher",
        "_incoming",
        "_loop",
        "_lost",
        "_now",
        "_on_lost",
        "_opened",
        "_out",
        "_outgoing",
        "_overfull",
        "_queued",
        "_reading",
        "_server_side",
        "_timer_at",
        "_tls",
        "_tls_name",
        "_tls_settings",
        "_tls_starting",
        "_transport",
        "_watchdog",
        "failure",
        "local",
        "peer",
        "security",
        "transport",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        flusher: Flusher,
        loop: asyncio.AbstractEventLoop,
        *,
        tls: ServerTls | None = None,
        tls_now: bool = False,
        server_side: bool = True,
        server_name: str | None = None,
        admit: Callable[[StreamFlow], bool] | None = None,
        on_lost: Callable[[StreamFlow], None] | None = None,
    ) -> None:
        """`tls_now` starts TLS before the endpoint hears of the connection; without it `start_tls` may do so later.

        `admit` decides once the peer's address is known: the endpoint never hears of a connection that it refuses.
        """
        self._endpoint = endpoint
        self._flusher = flusher
        self._loop = loop
        self._now = loop.time
        self._tls_settings = tls
        self._tls_starting = tls_now
        self._server_side = server_side
        self._tls_name = server_name
        self._admit = admit
        self._on_lost = on_lost
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._out: list[bytes] = []
        self._queued = 0
        self._dirty = False
        self._reading = False
        self._tls: ssl.SSLObject | None = None
        self._incoming: ssl.MemoryBIO = cast(ssl.MemoryBIO, None)
        self._outgoing: ssl.MemoryBIO = cast(ssl.MemoryBIO, None)
        self._opened = False
        self._overfull = False
        self._close_asked = False
        self._lost = False
        self._watchdog: asyncio.TimerHandle | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self.transport = "tls" if tls_now else "tcp"
        self.local = Address("", 0)
        self.peer = Address("", 0)
        self.security: Security | None = None
        self.failure: Exception | None = None
        """Why TLS was refused, for whoever connected out and never saw `opened`."""

    # --- Flow: what the door calls -----------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        if self._lost:
            return 0
        return self._queued + self._transport.get_write_buffer_size()

    def send(self, data: bytes) -> None:
        if self._close_asked or self._lost:
            return
        self._out.append(data)
        self._queued += len(data)
        if not self._dirty:
            self._dirty = True
            if not self._reading:
                self._flusher.add(self)

    def start_tls(self) -> None:
        if self._tls is not None or self._tls_starting or self._lost:
            return
        # The answer that invites the handshake must leave in clear, before the first record.
        self.flush()
        self._begin_tls()

    def pause_reading(self) -> None:
        if not self._lost:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._lost:
            self._transport.resume_reading()

    def close(self) -> None:
        if self._close_asked or self._lost:
            return
        self.flush()
        self._close_asked = True
        if self._tls is not None and not self._tls_starting:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # the peer's close_notify is not waited for
            self._write_records()
        self._transport.close()
        self._watch(CLOSE_TIMEOUT_S)

    def abort(self) -> None:
        self._close_asked = True
        if not self._lost:
            self._transport.abort()

    def flush(self) -> None:
        """Hand what `send` collected to the operating system."""
        self._dirty = False
        out = self._out
        if not out or self._lost or (self._tls_starting and self._tls is not None):
            return  # what is sent during a handshake leaves right after it
        data = out[0] if len(out) == 1 else b"".join(out)
        self._out = []
        self._queued = 0
        if self._tls is None:
            self._transport.write(data)
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self._refuse_tls(error)
            return
        self._write_records()

    @property
    def lost(self) -> bool:
        return self._lost

    # --- asyncio.Protocol: what the loop calls -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        self.local = _address(transport.get_extra_info("sockname"))
        self.peer = _address(transport.get_extra_info("peername"))
        if self._admit is not None and not self._admit(self):
            self.abort()
            return
        if self._tls_starting:
            self._begin_tls()
        else:
            self._open()

    def data_received(self, data: bytes) -> None:
        # What a peer is answered leaves when its input is read, without another turn of the loop.
        self._reading = True
        try:
            if self._tls is not None:
                self._incoming.write(data)
                if self._tls_starting:
                    self._shake_hands()
                else:
                    self._read_records()
            elif not self._close_asked:
                self._deliver(data)
        finally:
            self._reading = False
        if self._dirty:
            self.flush()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._overfull = True

    def resume_writing(self) -> None:
        if self._overfull:
            self._overfull = False
            if self._opened:
                self._call(self._endpoint.drained)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._out = []
        self._queued = 0
        for timer in (self._watchdog, self._deadline_timer):
            if timer is not None:
                timer.cancel()
        if self._opened:
            self._opened = False
            self._call(self._endpoint.closed)
        if self._on_lost is not None:
            self._on_lost(self)

    # --- the endpoint ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._opened = True
        try:
            self._endpoint.opened(self, self._now())
        except Exception:
            self._broken()
        self._arm()

    def _deliver(self, data: bytes) -> None:
        endpoint = self._endpoint
        try:
            endpoint.received(data, self._now())
        except Exception:
            self._broken()
        deadline = endpoint.deadline
        if deadline is not None and (self._deadline_timer is None or deadline < self._timer_at):
            self._arm()

    def _call(self, verb: Callable[[float], None]) -> None:
        try:
            verb(self._now())
        except Exception:
            self._broken()
        if not self._lost:
            self._arm()

    def _broken(self) -> None:
        # A fault of ours in one conversation ends that conversation and nothing else.
        log.exception("endpoint failed", extra={"code": "AP-IO-001", "peer": str(self.peer)})
        self.abort()

    def _arm(self) -> None:
        """Have the loop call at the endpoint's deadline. A deadline that moved back is found out when it fires."""
        deadline = self._endpoint.deadline
        if deadline is None or self._lost:
            return
        if self._deadline_timer is not None:
            if self._timer_at <= deadline:
                return
            self._deadline_timer.cancel()
        self._timer_at = deadline
        self._deadline_timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._deadline_timer = None
        deadline = self._endpoint.deadline
        if self._lost or deadline is None:
            return
        if deadline <= self._now() + 0.001:
            self._call(self._endpoint.expired)
        else:
            self._arm()

    # --- TLS ---------------------------------------------------------------------------------------------------

    def _begin_tls(self) -> None:
        if self._tls_settings is None:
            raise RuntimeError("start_tls on a flow without TLS settings")
        self._tls_starting = True
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = self._tls_settings.context().wrap_bio(
            self._incoming, self._outgoing, server_side=self._server_side, server_hostname=self._tls_name
        )
        self._watch(HANDSHAKE_TIMEOUT_S)
        if not self._server_side:
            self._shake_hands()

    def _shake_hands(self) -> None:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._write_records()
            return
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._write_records()  # the alert
            self._refuse_tls(error)
            return
        self._write_records()
        self._tls_starting = False
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._describe_security()
        if self._opened:
            self.transport = "tls"
            self._call(self._endpoint.secured)
        else:
            self._open()
        self.flush()
        if self._incoming.pending or self._tls.pending():
            self._read_records()

    def _describe_security(self) -> None:
        tls = self._tls
        assert tls is not None
        assert self._tls_settings is not None
        cipher = tls.cipher()
        self.security = Security(
            version=tls.version() or "",
            cipher=cipher[0] if cipher else "",
            peer_certificate=tls.getpeercert(binary_form=True),
            local_certificate=self._tls_settings.leaf(tls.context) if self._server_side else b"",
            server_name=self._tls_name if not self._server_side else getattr(tls, "antiphon_sni", None),
            alpn=tls.selected_alpn_protocol(),
        )

    def _read_records(self) -> None:
        tls = self._tls
        assert tls is not None
        while not self._close_asked and not self._lost:
            try:
                data = tls.read(READ_CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self._refuse_tls(error)
                return
            if not data:  # close_notify
                self.close()
                return
            self._deliver(data)
            # Asking the buffers is cheaper than the exception that an empty read raises.
            if not self._incoming.pending and not tls.pending():
                break
        if self._outgoing.pending:
            self._write_records()

    def _write_records(self) -> None:
        if self._outgoing.pending and not self._lost:
            self._transport.write(self._outgoing.read())

    def _refuse_tls(self, error: Exception) -> None:
        self.failure = error
        log.info(
            "TLS refused",
            extra={"code": "AP-TLS-001", "peer": str(self.peer), "why": str(error).split(" (_ssl")[0]},
        )
        self._close_asked = True
        if not self._lost:
            self._transport.close()
            self._watch(CLOSE_TIMEOUT_S)

    def _watch(self, seconds: float) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self._loop.call_later(seconds, self.abort)


def _address(name: Any) -> Address:
    return Address(str(name[0]), int(name[1])) if isinstance(name, tuple) else Address(str(name or ""), 0)
