"""The lab's name server on real sockets, asked by dig, c-ares and our own resolver."""

from __future__ import annotations

import asyncio
import shutil
import struct
from collections.abc import AsyncIterator

import aiodns
import dns.message
import pytest

from antiphon.io.dns_server import MAX_CONNECTIONS, DnsServer
from antiphon.kernel.errors import DomainError
from antiphon.protocols.dns.authority import Authority, Record

RECORDS = [
    Record("cucm1.example.test", "A", "127.0.1.1"),
    Record("_cisco-uds._tcp.example.test", "SRV", "0 0 8443 cucm1.example.test."),
    *[
        Record("_many._tcp.example.test", "SRV", f"0 0 {port} host{port}.example.test.")
        for port in range(1, 61)
    ],
]


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    running = DnsServer(Authority(["example.test"], RECORDS), "127.0.0.1", 0)
    await running.start()
    yield running
    await running.stop()


async def dig(server: DnsServer, *arguments: str) -> str:
    if shutil.which("dig") is None:
        pytest.skip("dig is not installed (bind9-dnsutils)")
    process = await asyncio.create_subprocess_exec(
        "dig", f"@{server.address.host}", "-p", str(server.address.port), "+tries=1", "+time=3", *arguments,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


@pytest.mark.interop
async def test_dig_sees_the_srv_record_and_the_address_of_its_target(server: DnsServer) -> None:
    out = await dig(server, "_cisco-uds._tcp.example.test", "SRV")
    assert "status: NOERROR" in out
    assert "0 0 8443 cucm1.example.test." in out
    assert "127.0.1.1" in out


@pytest.mark.interop
async def test_dig_falls_back_to_tcp_when_the_answer_is_truncated(server: DnsServer) -> None:
    out = await dig(server, "_many._tcp.example.test", "SRV")
    assert "retrying in TCP mode" in out
    assert out.count("IN\tSRV") == 60 + 1
    assert "(TCP)" in out


@pytest.mark.interop
async def test_dig_sees_nxdomain_and_empty_names_apart(server: DnsServer) -> None:
    assert "status: NXDOMAIN" in await dig(server, "_cisco_uds._tcp.example.test", "SRV")
    assert "status: NOERROR" in await dig(server, "_tcp.example.test", "A")
    assert "status: REFUSED" in await dig(server, "example.org", "A")


@pytest.mark.interop
async def test_c_ares_reads_the_answer(server: DnsServer) -> None:
    port = server.address.port
    resolver = aiodns.DNSResolver(nameservers=["127.0.0.1"], udp_port=port, tcp_port=port)
    answer = await resolver.query_dns("_cisco-uds._tcp.example.test", "SRV")
    assert [getattr(record.data, "target", "") for record in answer.answer] == ["cucm1.example.test"]
    await resolver.close()


async def test_several_questions_share_a_tcp_connection_and_nonsense_closes_it(server: DnsServer) -> None:
    reader, writer = await asyncio.open_connection(*server.address)
    query = dns.message.make_query("cucm1.example.test", "A").to_wire()
    for _ in range(2):
        writer.write(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        assert (await reader.readexactly(length))[:2] == query[:2]
    writer.write(b"\0\3abc")
    assert await reader.read() == b""
    writer.close()


async def test_connections_are_limited(server: DnsServer) -> None:
    held = [await asyncio.open_connection(*server.address) for _ in range(MAX_CONNECTIONS)]
    reader, writer = await asyncio.open_connection(*server.address)
    assert await reader.read() == b""
    for _, other in [*held, (reader, writer)]:
        other.close()


async def test_a_port_in_use_is_an_error(server: DnsServer) -> None:
    second = DnsServer(Authority(["example.test"], []), "127.0.0.1", server.address.port)
    with pytest.raises(DomainError, match="AP-IO-010"):
        await second.start()
