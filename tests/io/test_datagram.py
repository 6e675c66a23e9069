from __future__ import annotations

import asyncio
import socket

import pytest
from tests.io.endpoints import DatagramEcho

from antiphon.io.listen import Listeners


async def ask(address: tuple[str, int], data: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(address)
        await loop.sock_sendall(sock, data)
        return await asyncio.wait_for(loop.sock_recv(sock, 65536), 5)


async def test_a_datagram_is_answered_to_its_sender(listeners: Listeners) -> None:
    address = await listeners.datagram("127.0.0.1", 0, DatagramEcho())
    assert await ask(address, b"hello") == b"hello"


async def test_a_fault_on_one_datagram_loses_only_that_one(
    listeners: Listeners, caplog: pytest.LogCaptureFixture
) -> None:
    address = await listeners.datagram("127.0.0.1", 0, DatagramEcho())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"break", address)
    assert await ask(address, b"hello") == b"hello"
    assert "AP-IO-001" in [getattr(record, "code", None) for record in caplog.records]


async def test_what_is_sent_after_the_end_is_dropped_in_silence(listeners: Listeners) -> None:
    echo = DatagramEcho()
    address = await listeners.datagram("127.0.0.1", 0, echo)
    assert echo.flow is not None
    await listeners.close()
    echo.flow.send_to(b"too late", address)
