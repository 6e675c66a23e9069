"""Hostile bytes on every SIP port, while other people's phones and chats go on."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import pytest
from tests.lab import RunningLab
from tests.system.innocents import Innocents
from tests.system.peers import Connection, tcp, tls

MB = 1024 * 1024


def torture() -> list[bytes]:
    for parent in Path(__file__).resolve().parents:
        found = parent / "shared" / "corpora" / "rfc4475"
        if found.is_dir():
            return [path.read_bytes() for path in sorted(found.glob("*.dat"))]
    pytest.skip("the RFC 4475 corpus is not beside the checkout (shared/corpora/rfc4475)")


def options(extra: bytes = b"", length: bytes = b"Content-Length: 0\r\n", body: bytes = b"") -> bytes:
    return (
        b"OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKx;rport\r\n"
        b"From: <sip:a@example.test>;tag=1\r\nTo: <sip:example.test>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
        b"Max-Forwards: 70\r\n" + extra + length + b"\r\n" + body
    )


def streams(lab: RunningLab) -> list[Connection]:
    """One connection to each stream port that takes everybody."""
    name = "cucm1.example.test"
    return [
        tcp(lab.call_address, 5060),
        tls(lab, lab.call_address, 5061, name, ("sip",)),
        tls(lab, lab.call_address, 5090, name, ("sip",)),
    ]


def refused_or_closed(connection: Connection) -> None:
    while re.search(rb"SIP/2\.0 [45]\d\d ", connection.buffer) is None:
        assert not connection.buffer.startswith(b"SIP/2.0 2"), connection.buffer
        if not connection.more(8):
            return


HOSTILE = {
    "no SIP": b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n",
    "noise": bytes(range(256)) * 400,
    "a head without end": b"OPTIONS sip:example.test SIP/2.0\r\nX: " + b"a" * (MB // 2),
    "many fields": options(b"X-%d: y\r\n" % 1 * 20_000),
    "a body larger than allowed": options(length=b"Content-Length: 999999999\r\n"),
    "a negative length": options(length=b"Content-Length: -1\r\n"),
    "a length of another kind": options(length=b"Content-Length: 1e3\r\n"),
    "two lengths": options(b"Content-Length: 10\r\n"),
    "no length": options(length=b""),
    "NUL in a field": options(b"Subject: \0\r\n"),
    "bare line feeds": options().replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_stream_is_answered_with_an_error_or_closed_and_nobody_else_notices(
    lab: RunningLab, what: str
) -> None:
    before = lab.resident_bytes()
    with Innocents(lab):
        for connection in streams(lab):
            with connection:
                connection.said(HOSTILE[what] + b"\r\n\r\n" + HOSTILE[what])
                refused_or_closed(connection)
    assert lab.resident_bytes() - before < 16 * MB
    assert "AP-SIP-001" in lab.codes()


def test_the_torture_messages_over_udp_and_tcp_harm_nobody(lab: RunningLab) -> None:
    messages = torture()
    before = lab.resident_bytes()
    with Innocents(lab), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        for message in messages:
            udp.sendto(message, (lab.call_address, 5060))
            with tcp(lab.call_address, 5060) as stream:
                stream.say(message)
                stream.sock.shutdown(socket.SHUT_WR)
                stream.rest()
        udp.sendto(options().replace(b"TCP", b"UDP"), (lab.call_address, 5060))
        udp.settimeout(10)
        answers = [udp.recv(65536)]
        while b"CSeq: 1 OPTIONS" not in answers[-1] or b"Call-ID: x\r\n" not in answers[-1]:
            answers.append(udp.recv(65536))
    assert answers[-1].startswith(b"SIP/2.0 200")
    assert lab.resident_bytes() - before < 16 * MB
    assert "AP-IO-001" not in lab.codes()
    assert "AP-SIP-009" not in lab.codes()
    assert "Traceback" not in lab.log()


def test_a_flood_of_noise_over_udp_leaves_few_lines_in_the_log(lab: RunningLab) -> None:
    before, lines = lab.resident_bytes(), lab.log().count("\n")
    with Innocents(lab) as others:
        for _ in range(20):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.bind(("127.0.0.1", 0))
                for number in range(500):
                    udp.sendto(
                        b"INVITE sip:%d SIP/2.0\r\nVia: broken\r\n\r\n" % number, (lab.call_address, 5060)
                    )
            others.live_on()
    assert lab.resident_bytes() - before < 16 * MB
    assert lab.log().count("\n") - lines < 20 * 12


def test_nobody_passes_the_mutual_tls_port_without_a_certificate(lab: RunningLab) -> None:
    with Innocents(lab):
        try:
            connection = tls(lab, lab.call_address, 5091, "cucm1.example.test", ("sip",))
        except (ssl.SSLError, ConnectionError):
            connection = None  # refused within the handshake
        if connection is not None:
            with connection:
                connection.said(options())
                assert connection.rest(10) == b""
    assert "AP-TLS-001" in lab.codes()
