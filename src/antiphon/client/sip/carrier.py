"""The agent's flows: one TCP or TLS connection, or one UDP socket."""

from __future__ import annotations

import asyncio

from antiphon.client.errors import SERVER_UNREACHABLE
from antiphon.client.sip.agent import Agent
from antiphon.io.dns_client import Resolver
from antiphon.kernel.core import Address, Flow


class StreamCarrier:
    """An `Endpoint` towards the server and a `Carrier` for the agent."""

    deadline: float | None = None

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._flow: Flow | None = None

    @property
    def transport(self) -> str:
        return self.flow.transport.upper()

    @property
    def flow(self) -> Flow:
        assert self._flow is not None
        return self._flow

    @property
    def local(self) -> Address:
        return self.flow.local

    @property
    def peer(self) -> Address:
        return self.flow.peer

    def send(self, data: bytes) -> None:
        self.flow.send(data)

    def close(self) -> None:
        self.flow.close()

    def opened(self, flow: Flow, now: float) -> None:
        self._flow = flow
        self._agent.attach(self)

    def secured(self, now: float) -> None:
        """TLS is there from the beginning here."""

    def received(self, data: bytes, now: float) -> None:
        self._agent.received(data)

    def drained(self, now: float) -> None:
        """A phone sends too little to wait for."""

    def expired(self, now: float) -> None:
        """The agent keeps its own timers."""

    def closed(self, now: float) -> None:
        self._agent.closed(self)


class DatagramCarrier(asyncio.DatagramProtocol):
    """One UDP socket, connected to the server, so that nobody else's datagrams get in."""

    transport = "UDP"

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._socket: asyncio.DatagramTransport | None = None

    @property
    def socket(self) -> asyncio.DatagramTransport:
        assert self._socket is not None
        return self._socket

    @property
    def local(self) -> Address:
        host, port = self.socket.get_extra_info("sockname")[:2]
        return Address(host, port)

    @property
    def peer(self) -> Address:
        host, port = self.socket.get_extra_info("peername")[:2]
        return Address(host, port)

    def send(self, data: bytes) -> None:
        self.socket.sendto(data)

    def close(self) -> None:
        self.socket.close()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._socket = transport
        self._agent.attach(self)

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        self._agent.received_datagram(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._agent.closed(self)


async def open_datagram(agent: Agent, resolver: Resolver, host: str, port: int) -> None:
    """Raises AP-CLIENT-004 where the host has no address."""
    answer = await resolver.address(host)
    if not answer.addresses:
        raise SERVER_UNREACHABLE.error(f"{host}: {answer.outcome.value}")
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(
        lambda: DatagramCarrier(agent), remote_addr=(answer.addresses[0], port)
    )
