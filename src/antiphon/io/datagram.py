"""The datagram driver: one UDP socket under a `DatagramEndpoint`."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from antiphon.kernel.core import Address, DatagramEndpoint

log = logging.getLogger(__name__)


class DatagramDriver(asyncio.DatagramProtocol):
    """A `DatagramFlow` for its door, a protocol for the loop."""

    def __init__(self, endpoint: DatagramEndpoint, loop: asyncio.AbstractEventLoop) -> None:
        self._endpoint = endpoint
        self._now = loop.time
        self._transport: asyncio.DatagramTransport = cast(asyncio.DatagramTransport, None)
        self.local = Address("", 0)

    def send_to(self, data: bytes, peer: Address) -> None:
        """Replaced by the transport's own method once there is one: a datagram passes through nothing of ours."""

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.send_to = self._transport.sendto  # type: ignore[method-assign, assignment]
        name = transport.get_extra_info("sockname")
        self.local = Address(name[0], name[1])
        self._endpoint.bound(self, self._now())

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        try:
            self._endpoint.received(data, Address(addr[0], addr[1]), self._now())
        except Exception:
            # A fault of ours on one datagram loses that datagram and nothing else.
            log.exception("endpoint failed", extra={"code": "AP-IO-001", "peer": f"{addr[0]}:{addr[1]}"})

    def error_received(self, exc: Exception) -> None:
        # An ICMP error of one peer; its transaction times out by itself.
        log.debug("datagram error", extra={"why": str(exc)})
