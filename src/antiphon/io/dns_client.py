"""The resolver every connection of the client goes through: SRV records and addresses.

It asks the system's name servers or one named server; a named server (`--resolver 127.0.0.1:5300`) is how one machine
sees the lab from inside or from outside.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import time
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from antiphon.io.clock import SystemRandom
from antiphon.kernel.core import Address
from antiphon.kernel.random import Random
from antiphon.protocols.dns.names import is_address
from antiphon.protocols.dns.srv import Srv, is_refusal, order

TIMEOUT_S = 5.0


class Outcome(enum.Enum):
    """What a question came to."""

    FOUND = "found"
    NO_SUCH_NAME = "no such name"
    NO_RECORDS = "no such records"
    REFUSED_SERVICE = "service not offered"
    """An SRV record whose target is the root (RFC 2782)."""
    NO_ANSWER = "no answer"
    """No server answered in time, or none could."""


@dataclass(frozen=True, slots=True)
class SrvAnswer:
    name: str
    outcome: Outcome
    records: tuple[Srv, ...]
    """In the order in which they are to be tried."""
    took_s: float


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    name: str
    outcome: Outcome
    addresses: tuple[str, ...]
    took_s: float


class Resolver:
    """Asks DNS. Never raises on what comes back: the outcome is part of the answer."""

    def __init__(
        self, server: Address | None = None, timeout_s: float = TIMEOUT_S, lots: Random | None = None
    ) -> None:
        self.server = server
        self._timeout_s = timeout_s
        self._lots: Random = lots if lots is not None else SystemRandom()
        self._dns: dns.asyncresolver.Resolver | None = None

    def __str__(self) -> str:
        return str(self.server) if self.server is not None else "the system's name servers"

    async def srv(self, name: str) -> SrvAnswer:
        started = time.monotonic()
        outcome, texts = await self._ask(name, "SRV")
        records = order(map(_srv, texts), self._lots)
        if is_refusal(records):
            outcome, records = Outcome.REFUSED_SERVICE, ()
        return SrvAnswer(name, outcome, records, time.monotonic() - started)

    async def address(self, name: str) -> AddressAnswer:
        """IPv4 and IPv6 addresses of a host; an address stands for itself."""
        started = time.monotonic()
        if is_address(name):
            return AddressAnswer(name, Outcome.FOUND, (name.strip("[]"),), 0.0)
        if self.server is None:
            # The system's own way, so that its hosts file and search list count as they do for every other program.
            outcome, found = await self._system(name)
        else:
            outcome, found = await self._both_families(name)
        return AddressAnswer(name, outcome, found, time.monotonic() - started)

    async def texts(self, name: str, kind: str) -> tuple[Outcome, tuple[str, ...]]:
        """Records of any type in presentation form, e.g. for a diagnosis."""
        return await self._ask(name, kind)

    async def _both_families(self, name: str) -> tuple[Outcome, tuple[str, ...]]:
        (first, fours), (second, sixes) = await asyncio.gather(self._ask(name, "A"), self._ask(name, "AAAA"))
        if fours or sixes:
            return Outcome.FOUND, fours + sixes
        return (first if first is not Outcome.NO_RECORDS else second), ()

    async def _system(self, name: str) -> tuple[Outcome, tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except TimeoutError:
            return Outcome.NO_ANSWER, ()
        except (OSError, UnicodeError) as error:
            gone = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            return (Outcome.NO_ANSWER if gone else Outcome.NO_SUCH_NAME), ()
        return Outcome.FOUND, tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def _ask(self, name: str, kind: str) -> tuple[Outcome, tuple[str, ...]]:
        try:
            answer = await self._resolver().resolve(name, kind, search=False, lifetime=self._timeout_s)
        except dns.resolver.NXDOMAIN:
            return Outcome.NO_SUCH_NAME, ()
        except dns.resolver.NoAnswer:
            return Outcome.NO_RECORDS, ()
        except (dns.exception.DNSException, OSError, ValueError):
            return Outcome.NO_ANSWER, ()
        rdtype = dns.rdatatype.from_text(kind)
        return Outcome.FOUND, tuple(data.to_text() for data in answer if data.rdtype == rdtype)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._dns is None:
            self._dns = dns.asyncresolver.Resolver(configure=self.server is None)
            if self.server is not None:
                self._dns.nameservers = [self.server.host]
                self._dns.port = self.server.port
        return self._dns


def _srv(text: str) -> Srv:
    priority, weight, port, target = text.split()
    return Srv(int(priority), int(weight), int(port), target if target == "." else target.rstrip("."))


def parse_server(text: str, port: int = 53) -> Address:
    """`host`, `host:port`, `[v6]` or `[v6]:port`. Raises ValueError."""
    host, colon, tail = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.endswith("]")):
        host, tail = text, str(port)
    host = host.strip("[]")
    if not is_address(host) or not tail.isdecimal() or not 0 < int(tail) < 65536:
        raise ValueError(f"not an address of a name server: {text!r} (write 127.0.0.1:5300)")
    return Address(host, int(tail))
