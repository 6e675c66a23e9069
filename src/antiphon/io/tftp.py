"""The TFTP server: requests on one port, each transfer on a port of its own (RFC 1350 §4).

Files come from memory by their plain name; transfers are bounded in number, per asker and in time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from antiphon.io.listen import bind_socket
from antiphon.kernel.core import Address
from antiphon.protocols.tftp.packet import ErrorCode, Malformed, error, read_request
from antiphon.protocols.tftp.transfer import Transfer
from antiphon.services.provisioning.errors import ILLEGAL_REQUEST, TOO_MANY_TRANSFERS

log = logging.getLogger(__name__)

MAX_TRANSFERS = 128
MAX_PER_HOST = 32
"""A site of phones may stand behind one address translator."""

Files = Callable[[str], bytes | None]
Peer = tuple[str, int]


class TftpServer:
    """Serves what `files` knows by name."""

    def __init__(
        self,
        files: Files,
        host: str,
        port: int = 69,
        max_transfers: int = MAX_TRANSFERS,
        max_per_host: int = MAX_PER_HOST,
    ) -> None:
        self._files = files
        self._host = host
        self._port = port
        self._max = max_transfers
        self._max_per_host = max_per_host
        self._transport: asyncio.DatagramTransport | None = None
        self._transfers: dict[Peer, _Sending] = {}
        self._per_host: Counter[str] = Counter()
        self._refused = 0

    @property
    def address(self) -> Address:
        return Address(self._host, self._port)

    @property
    def transfers(self) -> int:
        """Those that are running."""
        return len(self._transfers)

    async def start(self) -> None:
        """Raises AP-IO-010 … -012 when the port is taken or not allowed."""
        sock = bind_socket(self._host, self._port, socket.SOCK_DGRAM)
        self._port = sock.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Requests(self._requested), sock=sock
        )

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        for sending in tuple(self._transfers.values()):
            sending.close()

    def _requested(self, packet: bytes, peer: Peer) -> None:
        if self._transport is None or len(packet) < 4 or packet[:2] == b"\0\5":
            # An error is never answered with an error.
            return
        try:
            request = read_request(packet)
        except Malformed as refusal:
            self._refuse(peer, ILLEGAL_REQUEST.code, refusal.text)
            self._transport.sendto(error(refusal.code, refusal.text), peer)
            return
        if peer in self._transfers:
            # The same request once more: its first answer was lost, the transfer sends it again by itself.
            return
        content = self._files(request.name)
        if content is None:
            self._transport.sendto(error(ErrorCode.FILE_NOT_FOUND, "File not found"), peer)
            return
        if len(self._transfers) >= self._max or self._per_host[peer[0]] >= self._max_per_host:
            # Silence: the asker repeats its request, and by then there may be room.
            self._refuse(peer, TOO_MANY_TRANSFERS.code, "too many transfers")
            return
        self._send(Transfer(request, content), peer)

    def _send(self, transfer: Transfer, peer: Peer) -> None:
        # The address that was asked, a port of its own.
        sending = _Sending(transfer, peer, bind_socket(self._host, 0, socket.SOCK_DGRAM), self._over)
        self._transfers[peer] = sending
        self._per_host[peer[0]] += 1
        sending.open()

    def _over(self, peer: Peer) -> None:
        if self._transfers.pop(peer, None) is not None:
            self._per_host[peer[0]] -= 1
            if not self._per_host[peer[0]]:
                del self._per_host[peer[0]]

    def _refuse(self, peer: Peer, code: str, why: str) -> None:
        self._refused += 1
        if self._refused & (self._refused - 1) == 0:  # 1, 2, 4, 8 …: a flood does not flood the log
            log.warning(
                "TFTP request refused",
                extra={"code": code, "peer": peer[0], "why": why, "refused": self._refused},
            )


class _Requests(asyncio.DatagramProtocol):
    def __init__(self, requested: Callable[[bytes, Peer], None]) -> None:
        self._requested = requested

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._requested(data, (addr[0], addr[1]))


class _Sending(asyncio.DatagramProtocol):
    """One transfer on its own socket."""

    def __init__(
        self, transfer: Transfer, peer: Peer, sock: socket.socket, over: Callable[[Peer], None]
    ) -> None:
        self._transfer = transfer
        self._peer = peer
        self._socket = sock
        self._over = over
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[object] | None = None

    def open(self) -> None:
        """`connection_made` follows in a later turn of the loop."""
        endpoint = self._loop.create_datagram_endpoint(lambda: self, sock=self._socket)
        self._opening = self._loop.create_task(endpoint)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._out(self._transfer.start(self._loop.time()))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is None:
            return
        if (addr[0], addr[1]) != self._peer:
            # A stranger on this port gets an error and changes nothing (RFC 1350 §4).
            self._transport.sendto(error(ErrorCode.UNKNOWN_TRANSFER, "Unknown transfer"), addr)
            return
        self._out(self._transfer.handle(data, self._loop.time()))

    def _expired(self) -> None:
        self._timer = None
        self._out(self._transfer.expired(self._loop.time()))

    def _out(self, packets: Sequence[bytes]) -> None:
        if self._transport is None:
            return
        for packet in packets:
            self._transport.sendto(packet, self._peer)
        if self._transfer.done:
            self.close()
            return
        deadline = self._transfer.deadline
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._expired) if deadline is not None else None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.close()
        elif self._opening is not None and self._opening.cancel():
            self._socket.close()
            self._over(self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._over(self._peer)
