"""The resolver against the lab's name server and against silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from antiphon.io.dns_client import Outcome, Resolver, parse_server
from antiphon.io.dns_server import DnsServer
from antiphon.kernel.core import Address
from antiphon.protocols.dns.authority import Authority, Record

RECORDS = [
    Record("cucm1.example.test", "A", "127.0.1.1"),
    Record("cucm1.example.test", "AAAA", "::1"),
    Record("_cisco-uds._tcp.example.test", "SRV", "6 30 8443 cucm3.example.test."),
    Record("_cisco-uds._tcp.example.test", "SRV", "1 5 8443 cucm1.example.test."),
    Record("_sip._udp.example.test", "SRV", "0 0 0 ."),
]


@pytest.fixture
async def resolver() -> AsyncIterator[Resolver]:
    server = DnsServer(Authority(["example.test"], RECORDS), "127.0.0.1", 0)
    await server.start()
    yield Resolver(server.address)
    await server.stop()


async def test_srv_records_come_in_the_order_to_try(resolver: Resolver) -> None:
    answer = await resolver.srv("_cisco-uds._tcp.example.test")
    assert answer.outcome is Outcome.FOUND
    assert [record.target for record in answer.records] == ["cucm1.example.test", "cucm3.example.test"]
    assert answer.took_s > 0


async def test_what_is_missing_says_how(resolver: Resolver) -> None:
    assert (await resolver.srv("_cuplogin._tcp.example.test")).outcome is Outcome.NO_SUCH_NAME
    assert (await resolver.srv("cucm1.example.test")).outcome is Outcome.NO_RECORDS
    assert (await resolver.srv("_sip._udp.example.test")).outcome is Outcome.REFUSED_SERVICE
    assert (await resolver.address("nobody.example.test")).outcome is Outcome.NO_SUCH_NAME
    assert (await resolver.srv("a..b")).outcome is Outcome.NO_ANSWER


async def test_addresses_of_both_families_are_found(resolver: Resolver) -> None:
    assert (await resolver.address("cucm1.example.test")).addresses == ("127.0.1.1", "::1")
    assert (await resolver.address("192.0.2.1")).addresses == ("192.0.2.1",)


async def test_a_silent_server_is_no_answer_within_the_timeout() -> None:
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    server = Address("127.0.0.1", silent.get_extra_info("sockname")[1])
    answer = await Resolver(server, timeout_s=0.2).srv("_cisco-uds._tcp.example.test")
    silent.close()
    assert answer.outcome is Outcome.NO_ANSWER
    assert answer.took_s < 2


async def test_without_a_named_server_the_system_decides() -> None:
    assert "127.0.0.1" in (await Resolver().address("localhost")).addresses


def test_a_server_is_written_as_address_and_port() -> None:
    assert parse_server("127.0.0.1:5300") == ("127.0.0.1", 5300)
    assert parse_server("127.0.0.1") == ("127.0.0.1", 53)
    assert parse_server("[::1]:5300") == ("::1", 5300)
    assert parse_server("::1") == ("::1", 53)
    for text in ("dns.example.test:53", "127.0.0.1:0", "127.0.0.1:x", ""):
        with pytest.raises(ValueError):
            parse_server(text)
