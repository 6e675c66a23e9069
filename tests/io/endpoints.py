"""Endpoints that the driver tests talk to."""

from __future__ import annotations

import asyncio

from antiphon.kernel.core import Address, DatagramFlow, Flow


class Recorder:
    """Collects what a flow brings and lets a test wait for it."""

    def __init__(self) -> None:
        self.flow: Flow | None = None
        self.data = b""
        self.messages: list[bytes] = []
        self.deadline: float | None = None
        self.expirations = 0
        self.drains = 0
        self.is_open = asyncio.Event()
        self.is_secured = asyncio.Event()
        self.is_closed = asyncio.Event()
        self.changed = asyncio.Event()

    def opened(self, flow: Flow, now: float) -> None:
        self.flow = flow
        self.is_open.set()

    def secured(self, now: float) -> None:
        self.is_secured.set()

    def received(self, data: bytes, now: float) -> None:
        self.data += data
        self.messages.append(data)
        self.changed.set()

    def drained(self, now: float) -> None:
        self.drains += 1
        self.changed.set()

    def expired(self, now: float) -> None:
        self.deadline = None
        self.expirations += 1
        self.changed.set()

    def closed(self, now: float) -> None:
        self.is_closed.set()

    async def until(self, length: int) -> bytes:
        while len(self.data) < length:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 5)
        return self.data


class Echo(Recorder):
    """Answers what it hears, piece by piece."""

    def received(self, data: bytes, now: float) -> None:
        super().received(data, now)
        assert self.flow is not None
        self.flow.send(data)


class StartTls(Echo):
    """Echo in clear; the word `starttls` asks for TLS."""

    def received(self, data: bytes, now: float) -> None:
        assert self.flow is not None
        if data.startswith(b"starttls"):
            self.flow.send(b"proceed")
            self.flow.start_tls()
            return
        super().received(data, now)


class Broken(Recorder):
    def received(self, data: bytes, now: float) -> None:
        raise RuntimeError("a fault of ours")


class DatagramEcho:
    def __init__(self) -> None:
        self.flow: DatagramFlow | None = None

    def bound(self, flow: DatagramFlow, now: float) -> None:
        self.flow = flow

    def received(self, data: bytes, peer: Address, now: float) -> None:
        assert self.flow is not None
        if data == b"break":
            raise RuntimeError("a fault of ours")
        self.flow.send_to(data, peer)
