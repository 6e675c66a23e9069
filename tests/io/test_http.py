"""The HTTP listeners: what they give applications, and what they refuse."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request
from tests.io.conftest import FixedTls
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from antiphon.io import http
from antiphon.io.http import HttpServers
from antiphon.kernel.core import Address

# The octet that is too much is the last one: nothing is left unread that would make the close a reset.
TOO_LONG = b"GET / HTTP/1.1\r\nHost: x\r\nX: ".ljust(http.HEADER_LIMIT + 1, b"a")
REQUEST = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path and the length of the body."""
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    text = f"{scope['path']} {length}".encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]}
    )
    await send({"type": "http.response.body", "body": text})


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    servers = HttpServers()
    yield await servers.serve("127.0.0.1", 0, app)
    await servers.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, address: Address) -> Client:
        return cls(*await asyncio.open_connection(*address))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def ask(self, data: bytes) -> bytes:
        """One response with Content-Length."""
        self.send(data)
        async with asyncio.timeout(5):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return head.split(b"\r\n")[0] + b"|" + await self._reader.readexactly(length)

    async def rest(self) -> bytes:
        async with asyncio.timeout(5):
            return await self._reader.read()

    async def flood(self, begun: bytes) -> None:
        """Send until the server has had enough."""
        self.send(begun)
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                while not self._reader.at_eof():
                    self.send(b"a" * 16384)
                    await self._writer.drain()
                    await asyncio.sleep(0)

    def close(self) -> None:
        self._writer.close()


async def test_requests_follow_each_other_on_one_connection(address: Address) -> None:
    client = await Client.to(address)
    for number in range(3):
        assert await client.ask(REQUEST % number) == b"HTTP/1.1 200 OK|/%d 0" % number
    client.close()


async def test_a_head_without_end_is_refused_and_the_connection_closed(address: Address) -> None:
    client = await Client.to(address)
    client.send(TOO_LONG)
    assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
    client.close()


async def test_a_later_request_on_the_connection_is_bounded_too(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    client = await Client.to(address)
    assert await client.ask(REQUEST % 1) == b"HTTP/1.1 200 OK|/1 0"
    # What arrives in one read with the head's first octet is not counted, so it takes more than the limit.
    await client.flood(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    assert [getattr(record, "code", "") for record in caplog.records] == ["AP-IO-014"]
    client.close()


async def test_a_body_is_no_part_of_the_head(address: Address) -> None:
    client = await Client.to(address)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    assert await client.ask(head + b"a" * 300_000) == b"HTTP/1.1 200 OK|/ 300000"
    assert await client.ask(REQUEST % 2) == b"HTTP/1.1 200 OK|/2 0"
    client.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: "])
async def test_who_does_not_come_to_an_end_is_cut_off(
    address: Address, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(http, "HEAD_S", 0.05)
    client = await Client.to(address)
    client.send(begun)
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
    client.close()


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01"])
async def test_a_handshake_that_stays_half_open_is_cut_off(
    tls: FixedTls, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(http, "HANDSHAKE_S", 0.05)
    servers = HttpServers()
    client = await Client.to(await servers.serve("127.0.0.1", 0, app, tls=tls))
    client.send(begun)
    assert await client.rest() == b""
    client.close()
    await servers.close()


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("around", [b"1;", b"1\r\na\r\n0\r\nX: "])
async def test_what_stands_around_a_body_is_bounded(
    address: Address, caplog: pytest.LogCaptureFixture, around: bytes
) -> None:
    client = await Client.to(address)
    client.send(CHUNKED)
    await client.flood(around)
    assert [getattr(record, "code", "") for record in caplog.records] == ["AP-IO-014"]
    client.close()


async def test_chunks_of_one_octet_are_taken(address: Address) -> None:
    client = await Client.to(address)
    assert await client.ask(CHUNKED + b"1\r\na\r\n" * 60_000 + b"0\r\n\r\n") == b"HTTP/1.1 200 OK|/ 60000"
    client.close()


async def test_what_is_not_http_is_refused_with_a_code(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    client = await Client.to(address)
    client.send(b"\0\1\2\3\r\n\r\n")
    assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
    assert "AP-IO-014" in [getattr(record, "code", "") for record in caplog.records]
    client.close()


async def test_a_client_that_leaves_inside_its_request_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    left = asyncio.Event()

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        try:
            await Request(scope, receive).body()
        finally:
            left.set()

    servers = HttpServers()
    client = await Client.to(await servers.serve("127.0.0.1", 0, reading))
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na")
    client.close()
    await asyncio.wait_for(left.wait(), 5)
    await servers.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_nothing_of_a_connection_that_was_reset_is_kept(address: Address) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(REQUEST % 1)
    await reader.readexactly(15)
    # The rest of the answer is not read: closing is a reset.
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    async with asyncio.timeout(5):  # much less than a connection is kept alive
        while gc.collect() >= 0 and any(isinstance(each, HttpToolsProtocol) for each in gc.get_objects()):
            await asyncio.sleep(0.05)


async def test_a_fault_of_the_application_is_logged_with_a_code_and_answered_500(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    servers = HttpServers()
    client = await Client.to(await servers.serve("127.0.0.1", 0, broken))
    assert (await client.ask(REQUEST % 1)).startswith(b"HTTP/1.1 500 ")
    client.close()
    await servers.close()
    assert "AP-IO-001" in [getattr(record, "code", "") for record in caplog.records]


async def test_a_body_that_does_not_come_is_not_waited_for(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_S", 0.05)
    client = await Client.to(address)
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
    client.close()


async def test_who_does_not_read_the_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "STALLED_S", 0.05)
    over = asyncio.Event()

    async def large(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(1000):
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        finally:
            over.set()

    servers = HttpServers()
    address = await servers.serve("127.0.0.1", 0, large)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(tuple(address))
        deaf.sendall(REQUEST % 1)
        await asyncio.wait_for(over.wait(), 10)
    await servers.close()


async def test_one_address_does_not_keep_others_out(
    address: Address, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http, "MAX_PER_ADDRESS", 3)
    held = [await Client.to(address) for _ in range(3)]
    one_more = await Client.to(address)
    with contextlib.suppress(ConnectionError):
        assert await one_more.rest() == b""
    reader, writer = await asyncio.open_connection(*address, local_addr=("127.0.0.2", 0))
    assert await Client(reader, writer).ask(REQUEST % 1) == b"HTTP/1.1 200 OK|/1 0"
    writer.close()
    held.pop().close()
    one_more.close()
    async with asyncio.timeout(5):
        while True:  # until the server has noticed who left
            again = await Client.to(address)
            held.append(again)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                assert await again.ask(REQUEST % 2) == b"HTTP/1.1 200 OK|/2 0"
                break
    assert "AP-IO-013" in [getattr(record, "code", "") for record in caplog.records]
    for each in held:
        each.close()


async def test_an_answer_may_take_longer_than_a_head(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HEAD_S", 0.05)
    client = await Client.to(address)
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
    await asyncio.sleep(0.1)  # the time that a head may take, twice
    assert await client.ask(b"b") == b"HTTP/1.1 200 OK|/ 2"
    client.close()
