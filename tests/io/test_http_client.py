"""The HTTP client finds its hosts through our resolver and checks the name it was given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx2
import pytest
import trustme

from antiphon.io.dns_client import Resolver
from antiphon.io.dns_server import DnsServer
from antiphon.io.http_client import http_client
from antiphon.protocols.dns.authority import Authority, Record

AUTHORITY = trustme.CA()


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    await writer.drain()
    writer.close()


@pytest.fixture
async def resolver() -> AsyncIterator[Resolver]:
    records = [
        Record("cucm1.example.test", "A", "127.0.0.9"),  # nobody listens on the first address
        Record("cucm1.example.test", "A", "127.0.0.1"),
        Record("other.example.test", "A", "127.0.0.1"),
    ]
    server = DnsServer(Authority(["example.test"], records), "127.0.0.1", 0)
    await server.start()
    yield Resolver(server.address)
    await server.stop()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("cucm1.example.test").configure_cert(context)
    server = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


async def test_a_name_of_the_lab_is_reached_and_its_certificate_checked(
    resolver: Resolver, port: int
) -> None:
    async with http_client(resolver, trusting()) as client:
        answer = await client.get(f"https://cucm1.example.test:{port}/")
    assert (answer.status_code, answer.content) == (200, b"hello")


async def test_a_certificate_for_another_name_is_refused(resolver: Resolver, port: int) -> None:
    async with http_client(resolver, trusting()) as client:
        with pytest.raises(httpx2.ConnectError, match=r"other\.example\.test"):
            await client.get(f"https://other.example.test:{port}/")


async def test_a_name_that_does_not_resolve_says_so(resolver: Resolver) -> None:
    async with http_client(resolver, trusting()) as client:
        with pytest.raises(httpx2.ConnectError, match=r"nobody\.example\.test: no such name"):
            await client.get("https://nobody.example.test/")
