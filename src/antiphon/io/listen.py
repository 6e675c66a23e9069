"""Listeners and outgoing connections over the stream and datagram drivers."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable
from typing import cast

from antiphon.io.datagram import DatagramDriver
from antiphon.io.errors import ADDRESS_IN_USE, CANNOT_BIND, NO_RIGHT_TO_BIND, TOO_MANY_CONNECTIONS
from antiphon.io.stream import Flusher, ServerTls, StreamFlow
from antiphon.kernel.core import Address, DatagramEndpoint, Endpoint
from antiphon.kernel.errors import DomainError

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 20_000
MAX_PER_ADDRESS = 5_000
"""A site of phones may stand behind one address translator; nobody alone keeps everybody else out."""


def bind_socket(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A bound, non-blocking socket. Faults: AP-IO-010 in use, AP-IO-011 no right, AP-IO-012 otherwise."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # proto is named: without it asyncio leaves Nagle's algorithm on for sockets it did not make itself.
    proto = socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else socket.IPPROTO_UDP
    sock = socket.socket(family, kind, proto)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            # One burst of REGISTERs must not be dropped while the loop does something else.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise _bind_error(error, host, port) from error
    return sock


def _bind_error(error: OSError, host: str, port: int) -> DomainError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return ADDRESS_IN_USE.error(where)
    if error.errno in (errno.EACCES, errno.EPERM):
        return NO_RIGHT_TO_BIND.error(where)
    return CANNOT_BIND.error(f"{where}: {error.strerror}")


class Listeners:
    """All stream and datagram listeners of a process, and the connections that came in through them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        max_connections: int = MAX_CONNECTIONS,
        max_per_address: int = MAX_PER_ADDRESS,
    ) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._flusher = Flusher(self._loop)
        self._max_connections = max_connections
        self._max_per_address = max_per_address
        self._per_address: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[DatagramDriver] = []
        self._flows: set[StreamFlow] = set()
        self._refused = 0
        self._empty = asyncio.Event()

    @property
    def connections(self) -> int:
        return len(self._flows)

    async def stream(
        self,
        host: str,
        port: int,
        endpoint: Callable[[], Endpoint],
        *,
        tls: ServerTls | None = None,
        tls_now: bool = False,
    ) -> Address:
        """Listen; each connection gets a fresh endpoint. With `tls` alone STARTTLS is possible; `tls_now` is direct TLS."""
        sock = bind_socket(host, port, socket.SOCK_STREAM)

        def accept() -> asyncio.Protocol:
            if len(self._flows) >= self._max_connections:
                self._refuse("")
                return _Refusal()
            flow = StreamFlow(
                endpoint(),
                self._flusher,
                self._loop,
                tls=tls,
                tls_now=tls_now,
                admit=self._admit,
                on_lost=self._left,
            )
            self._keep(flow)
            return flow

        server = await self._loop.create_server(accept, sock=sock, backlog=1024)
        self._servers.append(server)
        bound = sock.getsockname()
        return Address(bound[0], bound[1])

    async def datagram(self, host: str, port: int, endpoint: DatagramEndpoint) -> Address:
        sock = bind_socket(host, port, socket.SOCK_DGRAM)
        driver = DatagramDriver(endpoint, self._loop)
        await self._loop.create_datagram_endpoint(lambda: driver, sock=sock)
        self._datagrams.append(driver)
        return driver.local

    async def connect(
        self,
        host: str,
        port: int,
        endpoint: Endpoint,
        *,
        tls: ServerTls | None = None,
        tls_now: bool = False,
        server_name: str | None = None,
    ) -> StreamFlow:
        """Connect out. `tls.context()` is a client context; identity is checked by it or by the endpoint in `opened`."""
        _, flow = await self._loop.create_connection(
            lambda: StreamFlow(
                endpoint,
                self._flusher,
                self._loop,
                tls=tls,
                tls_now=tls_now,
                server_side=False,
                server_name=server_name,
                on_lost=self._gone,
            ),
            host,
            port,
        )
        if not flow.lost:
            self._keep(flow)
        return flow

    def _refuse(self, peer: str) -> None:
        self._refused += 1
        if self._refused & (self._refused - 1) == 0:  # 1, 2, 4, 8 …: a flood does not flood the log
            extra = {"code": TOO_MANY_CONNECTIONS.code, "refused": self._refused, "peer": peer}
            log.warning("too many connections", extra=extra)

    def _admit(self, flow: StreamFlow) -> bool:
        host = flow.peer.host
        self._per_address[host] += 1
        if self._per_address[host] <= self._max_per_address:
            return True
        self._refuse(host)
        return False

    def _left(self, flow: StreamFlow) -> None:
        host = flow.peer.host
        self._per_address[host] -= 1
        if not self._per_address[host]:
            del self._per_address[host]
        self._gone(flow)

    def _keep(self, flow: StreamFlow) -> None:
        self._flows.add(flow)
        self._empty.clear()

    def _gone(self, flow: StreamFlow) -> None:
        self._flows.discard(flow)
        if not self._flows:
            self._empty.set()

    async def close(self, timeout_s: float = 5.0) -> None:
        """Stop listening, close every connection in order, abort what is still open after `timeout_s` seconds."""
        for server in self._servers:
            server.close()
        for driver in self._datagrams:
            driver.close()
        for flow in tuple(self._flows):
            flow.close()
        if self._flows:
            try:
                await asyncio.wait_for(self._empty.wait(), timeout_s)
            except TimeoutError:
                for flow in tuple(self._flows):
                    flow.abort()
                await self._empty.wait()


class _Refusal(asyncio.Protocol):
    """Above the limit a connection is closed at once, so that the listener's queue does not fill."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()
