"""The lab's name server: one view on one address, over UDP and TCP.

Split horizon is two of these with two authorities: hosts inside are given one address, hosts outside the other (S2-109).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import cast

from antiphon.io.dns_errors import TOO_MANY_DNS_CONNECTIONS
from antiphon.io.listen import bind_socket
from antiphon.kernel.core import Address
from antiphon.kernel.errors import DomainError
from antiphon.protocols.dns.authority import MAX_QUERY, Authority

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
IDLE_S = 10.0
_BIND_TRIES = 20


class DnsServer:
    """Answers from an `Authority`. Port 0 takes a free port that UDP and TCP share."""

    def __init__(self, authority: Authority, host: str, port: int = 53) -> None:
        self._authority = authority
        self._host = host
        self._port = port
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> Address:
        """Where it listens; the real port once started."""
        return Address(self._host, self._port)

    async def start(self) -> None:
        """Bind both sockets. Raises AP-IO-010 … -012 when the port is taken or not allowed."""
        tries = _BIND_TRIES if self._port == 0 else 1
        while True:
            tries -= 1
            try:
                await self._bind()
                return
            except DomainError:
                # The free UDP port may be somebody's TCP port: take another.
                await self.stop()
                if tries == 0:
                    raise

    async def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        udp = bind_socket(self._host, self._port, socket.SOCK_DGRAM)
        port = udp.getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._authority), sock=udp)
        tcp = bind_socket(self._host, port, socket.SOCK_STREAM)
        self._tcp = await asyncio.start_server(self._serve, sock=tcp, limit=MAX_QUERY)
        self._port = port

    async def stop(self) -> None:
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._tcp is not None:
            self._tcp.close()
            for writer in tuple(self._connections):
                writer.close()
            await self._tcp.wait_closed()
            self._tcp = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            log.warning(
                "too many DNS connections",
                extra={"code": TOO_MANY_DNS_CONNECTIONS.code, "limit": MAX_CONNECTIONS},
            )
            writer.close()
            return
        self._connections.add(writer)
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    answer = self._authority.answer(await reader.readexactly(length), stream=True)
                    if answer is None:
                        return
                    writer.write(struct.pack("!H", len(answer)) + answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            return
        finally:
            self._connections.discard(writer)
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._authority.answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
