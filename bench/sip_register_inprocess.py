#!/usr/bin/env python3
"""CPU of a REGISTER refresh and of an OPTIONS inside the SIP door: no sockets, no loop, a flow that throws bytes away.

    python bench/sip_register_inprocess.py [--users 200] [--count 50000] [--transport udp|tcp|tls] [--profile]

Prints one JSON line a phase: microseconds of CPU an operation, of the best of 25 batches (other work on the machine only
ever adds) and of the median one. The clients' share (building requests and proofs) is done before the clock starts. The
other phases are parts of the first: `floor` is the splitting that no Python can do without.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import statistics
import time
from collections.abc import Callable, Sequence

from antiphon.interfaces.sip import Listener, Scheme, SipDatagramEndpoint, SipDoor, SipStreamEndpoint
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.core import Address
from antiphon.kernel.features import load
from antiphon.kernel.time import VirtualTime
from antiphon.model import Device, DeviceLine, Line, Principal, User
from antiphon.protocols.sip import digest
from antiphon.protocols.sip.auth import parse_credentials
from antiphon.protocols.sip.check import fault
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.parse import parse_datagram
from antiphon.services.call.service import CallService
from antiphon.services.directory.memory import Memory
from antiphon.services.registrar.service import Registrar

REALM = "ccmsipline"


class SystemRandom:
    def token(self, nbytes: int = 16) -> str:
        return os.urandom(nbytes).hex()

    def raw(self, nbytes: int) -> bytes:
        return os.urandom(nbytes)

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class Secrets:
    def __init__(self) -> None:
        self._ha1: dict[tuple[str, str], str] = {}

    def digest_ha1(self, userid: str, realm: str, algorithm: str) -> str | None:
        known = self._ha1.get((userid, algorithm))
        if known is None:
            known = self._ha1[userid, algorithm] = digest.ha1(userid, realm, "pw", algorithm)
        return known

    def attempt(self, userid: str, source: str) -> None: ...

    def sign_in_failed(self, userid: str, source: str) -> None: ...

    def sign_in_succeeded(self, userid: str, source: str) -> None: ...

    def verify_token(self, token: str, /) -> Principal:
        return Principal(token, "token")


class Null:
    """A flow and a datagram flow that only remember the last bytes."""

    def __init__(self, transport: str, peer: Address) -> None:
        self.transport = transport
        self.local = Address("127.0.0.1", 5060)
        self.peer = peer
        self.security = None
        self.pending = 0
        self.last = b""

    def send(self, data: bytes) -> None:
        self.last = data

    def send_to(self, data: bytes, peer: Address) -> None:
        self.last = data

    def start_tls(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Client:
    """One phone: what it sends, and the endpoint and flow it sends to."""

    def __init__(self, user: str, address: Address, transport: str) -> None:
        self.user = user
        self.address = address
        self.transport = transport
        self.flow = Null(transport, address)
        self.feed: Callable[[bytes], None]
        self.nonce = ""
        self.algorithm = "MD5"

    def register(self, cseq: int, nc: int) -> bytes:
        tail = "" if self.transport == "udp" else f";transport={self.transport}"
        return (
            f"REGISTER sip:localhost SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.upper()} {self.address};branch=z9hG4bKR{cseq}x{self.user};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@localhost>;tag=R{cseq}\r\nTo: <sip:{self.user}@localhost>\r\n"
            f"Call-ID: R-{self.user}@127.0.0.1\r\nCSeq: {cseq} REGISTER\r\n"
            f"Contact: <sip:{self.user}@{self.address}{tail}>;expires=3600\r\n{self._proof(nc)}"
            "User-Agent: bench\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    def options(self, cseq: int) -> bytes:
        return (
            "OPTIONS sip:localhost SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.upper()} {self.address};branch=z9hG4bKO{cseq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@localhost>;tag=O{cseq}\r\nTo: <sip:localhost>\r\n"
            f"Call-ID: O{cseq}@127.0.0.1\r\nCSeq: {cseq} OPTIONS\r\nContact: <sip:{self.user}@{self.address}>\r\n"
            "Accept: application/sdp\r\nUser-Agent: bench\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    def _proof(self, nc: int) -> str:
        if not self.nonce:
            return ""
        params = {
            "username": self.user, "realm": REALM, "nonce": self.nonce, "uri": "sip:localhost", "nc": f"{nc:08x}",
            "cnonce": "0a4f113b", "qop": "auth",
        }  # fmt: skip
        secret = digest.ha1(self.user, REALM, "pw", self.algorithm)
        answer = digest.response(secret, "REGISTER", params, self.algorithm)
        return (
            f'Authorization: Digest username="{self.user}", realm="{REALM}", nonce="{self.nonce}", uri="sip:localhost", '
            f'response="{answer}", algorithm={self.algorithm}, qop=auth, nc={nc:08x}, cnonce="0a4f113b"\r\n'
        )


def build(users: int, transport: str) -> list[Client]:
    """A door with its services and so many phones, registered once."""
    clock, bus, random = VirtualTime(1000.0), LocalBus(), SystemRandom()
    directory, secrets = Memory(), Secrets()
    registrar = Registrar(clock, bus)
    calls = CallService(directory, clock, random, bus, load("antiphon.services.call.features"))
    door = SipDoor(
        registrar=registrar, calls=calls, directory=directory, credentials=secrets, tokens=secrets, timers=clock,
        random=random, domain="localhost",
    )  # fmt: skip
    listener = Listener("node", "127.0.0.1", 5060, transport, Scheme.DIGEST, REALM, ("MD5",))
    clients = [Client(f"u{i}", Address("127.0.0.1", 20000 + i), transport) for i in range(users)]
    datagrams = SipDatagramEndpoint(door, listener)
    shared = Null("udp", Address("", 0))
    datagrams.bound(shared, clock.now())
    for client in clients:
        directory.keep(User(client.user, f"u-{client.user}"))
        directory.keep(Line(client.user, f"l-{client.user}", owner=client.user))
        directory.keep(
            Device(
                f"SEP{client.user}", f"d-{client.user}", owner=client.user, lines=(DeviceLine(client.user),),
                sip_oauth=False, digest_algorithms=("MD5",),
            )
        )  # fmt: skip
        if transport == "udp":
            client.flow = shared
            client.feed = over_udp(datagrams, client.address, clock)
        else:
            endpoint = SipStreamEndpoint(door, listener)
            endpoint.opened(client.flow, clock.now())
            client.feed = over_stream(endpoint, clock)
        challenge(client)
    return clients


def over_udp(endpoint: SipDatagramEndpoint, address: Address, clock: VirtualTime) -> Callable[[bytes], None]:
    return lambda data: endpoint.received(data, address, clock.now())


def over_stream(endpoint: SipStreamEndpoint, clock: VirtualTime) -> Callable[[bytes], None]:
    return lambda data: endpoint.received(data, clock.now())


def challenge(client: Client) -> None:
    client.feed(client.register(1, 0))
    answer = parse_datagram(client.flow.last)
    assert isinstance(answer, Response), answer
    assert answer.status == 401, answer
    offered = parse_credentials(answer.values("WWW-Authenticate")[0])
    assert offered is not None
    client.nonce, client.algorithm = offered.params["nonce"], offered.params["algorithm"]
    client.feed(client.register(2, 1))
    assert client.flow.last.startswith(b"SIP/2.0 200"), client.flow.last


def measure(name: str, work: Sequence[tuple[Callable[[bytes], object], bytes]], profile: bool) -> None:
    profiler = cProfile.Profile() if profile else None
    if profiler:
        profiler.enable()
    batches: list[float] = []
    size = max(1, len(work) // 25)
    for at in range(0, len(work) - size + 1, size):
        batch = work[at : at + size]
        begin = time.process_time()
        for feed, data in batch:
            feed(data)
        batches.append((time.process_time() - begin) / size * 1e6)
    if profiler:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    figures = {"cpu_us": round(min(batches), 2), "cpu_us_median": round(statistics.median(batches), 2)}
    print(json.dumps({"phase": name, "ops": len(work), **figures}), flush=True)


def floor(data: bytes) -> None:
    """What any Python that looks at a message does: decode, cut into lines, split names from values."""
    for line in data.decode().split("\r\n"):
        name, _, value = line.partition(":")
        name.strip().lower(), value.strip()


def parsed(data: bytes) -> None:
    message = parse_datagram(data)
    assert isinstance(message, Request)
    fault(message)


def proved(data: bytes) -> None:
    message = parse_datagram(data)
    assert isinstance(message, Request)
    credentials = parse_credentials(message.fields["Authorization"])
    assert credentials is not None
    digest.matches("0" * 32, "REGISTER", credentials.params, "MD5")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--users", type=int, default=200)
    options.add_argument("--count", type=int, default=50_000)
    options.add_argument("--transport", default="udp", choices=("udp", "tcp", "tls"))
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    clients = build(given.users, given.transport)
    rounds = max(1, given.count // given.users)
    refreshes = [(c.feed, c.register(3 + n, 2 + n)) for n in range(rounds) for c in clients]
    asking = [(c.feed, c.options(n)) for n in range(rounds) for c in clients]
    measure("refresh", refreshes, given.profile)
    for client in clients[:1]:
        assert client.flow.last.startswith(b"SIP/2.0 200"), client.flow.last
    measure("options", asking, given.profile)
    measure("floor: split", [(floor, data) for _, data in refreshes], given.profile)
    measure("parse", [(parsed, data) for _, data in refreshes], given.profile)
    measure("parse and digest", [(proved, data) for _, data in refreshes], given.profile)


if __name__ == "__main__":
    main()
