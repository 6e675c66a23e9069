"""HTTP servers of a process: uvicorn under our sockets, our signals and our live TLS contexts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import uvicorn
from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from antiphon.io.errors import ENDPOINT_FAILED, REQUEST_HEAD_REFUSED, TOO_MANY_CONNECTIONS
from antiphon.io.listen import bind_socket
from antiphon.io.stream import ServerTls
from antiphon.kernel.core import Address

log = logging.getLogger(__name__)

HEADER_LIMIT = 64 * 1024
HEAD_S = 20.0
"""A connection's first octet to the end of its first head, and the same for each later request."""
BODY_S = 60.0
"""How long a body may take for each `BODY_STEP` octets."""
BODY_STEP = 32 * 1024
STALLED_S = 30.0
"""How long a peer may take nothing of what is written to it."""
MAX_CONNECTIONS = 2000
MAX_PER_ADDRESS = 1000
"""Connections of one address to one listener: nobody alone keeps everybody else out."""
HANDSHAKE_S = 15.0
"""From the connection to the end of the TLS handshake."""
SHUTDOWN_S = 5.0
"""How long a peer may take to answer the end of TLS."""
KEEP_ALIVE_S = 30
GRACE_S = 3
MAX_SPARE = 16 * HEADER_LIMIT
"""Octets beside the content of a body (chunk heads, trailers) that a body's size can earn at most."""
SPARE_EACH = 8
"""How many of them an octet of content earns: chunks of one octet are legal, if odd."""


class _TlsAwareProtocol(HttpToolsProtocol):
    """Gives the application the verified client certificate: `scope["extensions"]["tls"]["peer_certificate"]` (DER).

    A request's head is bounded in octets and in time: the parser below collects it without a limit, and a connection that
    sends nothing would be kept for ever. What stands around the content of a body is bounded too: it reaches no application
    that could count it.
    """

    _head: int | None = None
    """Octets of the head that is being received; None between a head's end and the next request."""
    _late: asyncio.TimerHandle | None = None
    _spare = 0
    """Octets that may still come in a body without being content."""
    _step = 0
    """Octets of the body since its time was set anew."""
    _stalled: asyncio.TimerHandle | None = None
    sources: Counter[str]
    """Connections by address; shared by all of a listener."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        source = self._source
        self.sources[source] += 1
        self._await_head()
        if self.sources[source] > MAX_PER_ADDRESS:
            extra = {"code": TOO_MANY_CONNECTIONS.code, "peer": source}
            log.warning("too many connections of one address", extra=extra)
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_done()
        self._flows()
        self.sources[self._source] -= 1
        if not self.sources[self._source]:
            del self.sources[self._source]
        super().connection_lost(exc)
        # Its timer would keep a connection that was reset, with all of its TLS, until it fires.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        begun, in_head = self._late, self._head is not None
        super().data_received(data)
        if not in_head and self._head is None:
            self._spare -= len(data)
            if self._spare < 0:
                self._refuse("400 Bad Request")
        # Still the same head: everything that came belongs to it. What came in one read with the end of something else
        # is not counted; a read is bounded by itself.
        if in_head and self._late is begun and self._head is not None:
            self._head += len(data)
            if self._head > HEADER_LIMIT:
                self._refuse("431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head is None:
            self._await_head()

    def on_body(self, body: bytes) -> None:
        self._spare = min(self._spare + (SPARE_EACH + 1) * len(body), MAX_SPARE)
        self._step += len(body)
        if self._step >= BODY_STEP:
            self._await_body()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_done()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._stalls()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._stalls()

    def pause_writing(self) -> None:
        self._stalls()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._flows()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse("400 Bad Request")

    def on_headers_complete(self) -> None:
        self._await_body()
        self._spare = HEADER_LIMIT
        tls = self.transport.get_extra_info("ssl_object")
        if tls is not None:
            extensions = cast(dict[str, Any], self.scope.setdefault("extensions", {}))
            extensions["tls"] = {"peer_certificate": tls.getpeercert(True)}
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head = 0
        self._late = self.loop.call_later(HEAD_S, self._refuse, "408 Request Timeout")

    def _await_body(self) -> None:
        self._head_done()
        self._step = 0
        self._late = self.loop.call_later(BODY_S, self._refuse, "408 Request Timeout")

    def _stalls(self) -> None:
        """What is written now is to be taken in time, or the connection ends."""
        if self._stalled is None and self.parser is not None:
            self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def _flows(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    @property
    def _source(self) -> str:
        return self.client[0] if self.client else ""

    def _head_done(self) -> None:
        self._head = None
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: str) -> None:
        self._head_done()
        if self.transport.is_closing():
            return
        extra = {"code": REQUEST_HEAD_REFUSED.code, "peer": self._source, "status": status}
        log.warning("HTTP request refused", extra=extra)
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            head = f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(head.encode())
        self.transport.close()
        self._stalls()


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Not uvicorn's own way, which leaves a half-open handshake a whole minute."""
        await self.lifespan.startup()
        config, loop, sources = self.config, asyncio.get_running_loop(), Counter[str]()

        def accept() -> asyncio.Protocol:
            protocol = _TlsAwareProtocol(config, self.server_state, self.lifespan.state)
            protocol.sources = sources
            return protocol

        times: dict[str, Any] = {}
        if config.ssl is not None:
            times = {"ssl_handshake_timeout": HANDSHAKE_S, "ssl_shutdown_timeout": SHUTDOWN_S}
        self.servers = [
            await loop.create_server(accept, sock=sock, ssl=config.ssl, backlog=config.backlog, **times)
            for sock in sockets or ()
        ]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals belong to the role that runs this server among others


class HttpServers:
    """All HTTP listeners of a process."""

    def __init__(self) -> None:
        self._servers: list[tuple[_Server, asyncio.Task[None]]] = []

    async def serve(self, host: str, port: int, app: Any, *, tls: ServerTls | None = None) -> Address:
        """Serve an ASGI application. Returns once connections are accepted. Faults: AP-IO-010, -011, -012."""
        sock = bind_socket(host, port, socket.SOCK_STREAM)
        config = uvicorn.Config(
            _answering(app),
            http=_TlsAwareProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            limit_concurrency=MAX_CONNECTIONS,
            ssl_context_factory=_context_factory(tls) if tls is not None else None,
        )
        server = _Server(config)
        sock.listen(1024)
        task = asyncio.get_running_loop().create_task(
            server.serve(sockets=[sock]), name=f"http {host}:{port}"
        )
        self._servers.append((server, task))
        while not server.started:
            if task.done():
                await task
            await asyncio.sleep(0.001)
        bound = sock.getsockname()
        return Address(bound[0], bound[1])

    async def close(self) -> None:
        for server, _ in self._servers:
            server.should_exit = True
        for _, task in self._servers:
            await task
        self._servers.clear()


def _answering(app: Any) -> Any:
    """The application, whose faults and whose clients that leave are one line each in the log."""

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception:
            log.exception(
                "application failed", extra={"code": ENDPOINT_FAILED.code, "path": scope["path"][:200]}
            )

    return answered


def _context_factory(tls: ServerTls) -> Any:
    def make(config: uvicorn.Config, default: Any) -> ssl.SSLContext:
        return tls.context()

    return make
