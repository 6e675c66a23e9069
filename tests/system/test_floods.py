"""Thousands of connections that come and go leave nothing behind: neither memory nor descriptors."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lab import RunningLab, eventually
from tests.system.innocents import Innocents
from tests.system.peers import DOMAIN, HEADER

MB = 1024 * 1024
ROUND = 500
ATTACKER = "127.0.0.66"


def descriptors(lab: RunningLab) -> int:
    return len(os.listdir(Path(f"/proc/{lab.pid}/fd")))


def plain(lab: RunningLab, port: int, said: bytes) -> None:
    host = lab.im_address if port in (5222, 5223) else lab.call_address
    with socket.create_connection((host, port), 10, (ATTACKER, 0)) as sock:
        if said:
            sock.sendall(said)


def secured(lab: RunningLab, port: int, said: bytes) -> None:
    host = lab.im_address if port == 5223 else lab.call_address
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), 10, (ATTACKER, 0)) as sock,
        context.wrap_socket(sock, server_hostname=DOMAIN if port == 5223 else None) as tls,
    ):
        tls.sendall(said)


HTTP = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
SIP = b"OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\n"
FLOODS: dict[str, tuple[Callable[[RunningLab, int, bytes], None], int, bytes, int]] = {
    "XMPP, silent": (plain, 5222, b"", ROUND),
    "XMPP, a header": (plain, 5222, HEADER, ROUND),
    "XMPP over TLS": (secured, 5223, HEADER, ROUND // 5),
    "SIP, silent": (plain, 5060, b"", ROUND),
    "SIP, half a message": (plain, 5060, SIP, ROUND),
    "SIP over TLS": (secured, 5061, SIP, ROUND // 5),
    "half a handshake": (plain, 5061, b"\x16\x03\x01\x02\x00\x01", ROUND),
    "HTTP": (plain, 6970, HTTP, ROUND),
    "HTTPS": (secured, 8443, HTTP, ROUND // 5),
    "HTTPS, half a handshake": (plain, 8443, b"\x16\x03\x01\x02\x00\x01", ROUND),
    "WebSocket, half a request": (secured, 5443, b"GET / HTTP/1.1\r\n", ROUND // 5),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_connections_that_come_and_go_leave_memory_and_descriptors_flat(lab: RunningLab, kind: str) -> None:
    connect, port, said, count = FLOODS[kind]
    idle = descriptors(lab)
    with Innocents(lab) as others:
        for _ in range(count):  # what is made once and kept: buffers, caches, the allocator's arenas
            connect(lab, port, said)
        others.live_on()
        before = lab.resident_bytes()
        for _ in range(3):
            for _ in range(count):
                connect(lab, port, said)
            others.live_on()
        grown = lab.resident_bytes() - before
    eventually(lambda: descriptors(lab) <= idle + 2)
    assert grown < 6 * MB, f"{grown / 3 / count:.0f} bytes a connection"


def test_many_connections_at_once_are_held_and_let_go(lab: RunningLab) -> None:
    idle = descriptors(lab)
    before = lab.resident_bytes()
    with Innocents(lab) as others:
        held = [
            socket.create_connection((host, port), 10, (ATTACKER, 0))
            for _ in range(500)
            for host, port in ((lab.im_address, 5222), (lab.im_address, 5223), (lab.call_address, 5060))
        ]
        others.live_on()
        assert lab.resident_bytes() - before < 40 * MB
        for sock in held:
            sock.close()
    eventually(lambda: descriptors(lab) <= idle + 2)


def test_a_flood_of_bad_requests_writes_a_bounded_number_of_lines(lab: RunningLab) -> None:
    lines = lab.log().count("\n")
    with Innocents(lab):
        for _ in range(1000):
            plain(lab, 6970, b"\0\r\n\r\n")
            plain(lab, 5061, b"no TLS\r\n\r\n")
    assert lab.log().count("\n") - lines < 1000


def test_a_flood_of_requests_over_udp_leaves_memory_flat(lab: RunningLab) -> None:
    """A different source, call and line in each; every one would like a transaction, a nonce, a count."""
    with Innocents(lab) as others:
        _datagrams(lab, others)
        before = lab.resident_bytes()
        for _ in range(3):
            _datagrams(lab, others)
        assert lab.resident_bytes() - before < 8 * MB


def _datagrams(lab: RunningLab, others: Innocents) -> None:
    for source in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((f"127.0.66.{source + 1}", 0))
            for number in range(100):
                for method in ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"):
                    call = os.urandom(8).hex()
                    udp.sendto(
                        f"{method} sip:{number}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call}\r\n"
                        f"From: <sip:{number}@{DOMAIN}>;tag={call}\r\nTo: <sip:{number}@{DOMAIN}>\r\nCall-ID: {call}\r\n"
                        f"CSeq: 1 {method}\r\nContact: <sip:x@192.0.2.1>\r\nMax-Forwards: 70\r\n"
                        "Content-Length: 0\r\n\r\n".encode(),
                        (lab.call_address, 5060),
                    )
        others.live_on()
