"""Hostile requests on the HTTP ports, TFTP, DNS and the WebSockets, while other people notice nothing."""

from __future__ import annotations

import os
import socket
import struct
import time

import pytest
from tests.lab import RunningLab, eventually
from tests.system.innocents import Innocents
from tests.system.peers import Api, Connection, tcp, tls

MB = 1024 * 1024
CALL_NODE = "cucm1.example.test"
TOKEN = b"POST /ssosp/oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = TOKEN + b"Transfer-Encoding: chunked\r\n\r\n"
HOSTILE = {
    "no HTTP": bytes(range(256)) * 10,
    "a TLS hello inside TLS": b"\x16\x03\x01\x02\x00\x01" + b"\0" * 512,
    "a line without end": b"GET /" + b"a" * MB,
    "a field without end": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MB,
    "many fields": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "a body larger than allowed": TOKEN + b"Content-Length: 1000000000\r\n\r\n" + b"a" * MB,
    "a length that is none": TOKEN + b"Content-Length: -5\r\n\r\n",
    "two lengths": TOKEN + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "a length and chunks": TOKEN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is none": CHUNKED + b"zz\r\n",
    "a chunk of all the world": CHUNKED + b"ffffffffffffffff\r\n" + b"a" * MB,
    "a chunk extension without end": CHUNKED + b"1;" + b"a" * MB,
    "chunks without end": CHUNKED + b"1\r\na\r\n" * 200_000,
    "trailers without end": CHUNKED + b"0\r\n" + b"X: y\r\n" * 100_000,
    "a path out of the tree": b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "an encoded path out of the tree": b"GET /%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a NUL in the path": b"GET /a%00b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}  # fmt: skip


def http_ports(lab: RunningLab) -> list[Connection]:
    return [
        tls(lab, lab.call_address, 8443, CALL_NODE),
        tcp(lab.call_address, 6970),
        tls(lab, lab.call_address, 6972, CALL_NODE),
    ]


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_request_is_refused_or_the_connection_closed(lab: RunningLab, what: str) -> None:
    before = lab.resident_bytes()
    with Innocents(lab):
        for connection in http_ports(lab):
            with connection:
                connection.said(HOSTILE[what])
                while b"\r\n\r\n" not in connection.buffer and connection.more(8):
                    pass
                answer = connection.buffer
                assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501 ")), answer[:200]
                assert b"root:" not in answer
    assert lab.resident_bytes() - before < 16 * MB
    assert "AP-IO-014" in lab.codes()
    assert "Traceback" not in lab.log()


def test_slow_heads_and_bodies_do_not_keep_others_from_being_served(lab: RunningLab) -> None:
    slow = [connection for _ in range(30) for connection in http_ports(lab)]
    with Innocents(lab):
        for connection in slow:
            connection.say(TOKEN + b"Content-Length: 50\r\n")
        for connection in slow:
            connection.say(b"\r\na")
        assert Api(lab, "dave").json("GET", "/api/v1/identity/token")["userid"] == "dave"
        for connection in slow:
            connection.close()


def test_silent_connections_of_one_address_leave_room_for_others(lab: RunningLab) -> None:
    with Innocents(lab):
        held = [
            socket.create_connection((lab.call_address, 6970), 10, ("127.0.0.66", 0)) for _ in range(2100)
        ]
        with tcp(lab.call_address, 6970) as other:
            other.say(b"GET /CSFALICE.cnf.xml HTTP/1.1\r\nHost: x\r\n\r\n")
            assert other.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        for sock in held:
            sock.close()


NAMES = [
    b"../../../etc/passwd",
    b"..\\..\\etc\\passwd",
    b"/etc/passwd",
    b"%2e%2e/etc/passwd",
    b"CSFALICE.cnf.xml/../secret",
    b"",
    b"a" * 5000,
    b"\xff\xfe",
]


def test_tftp_gives_nothing_away_and_answers_only_what_can_be_answered(lab: RunningLab) -> None:
    port = int(
        next(
            address.rpartition(":")[2] for _, what, address in lab.environment["listeners"] if what == "tftp"
        )
    )
    with Innocents(lab), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.bind(("127.0.0.1", 0))
        asker.settimeout(5)
        for name in NAMES:
            asker.sendto(b"\0\1" + name + b"\0octet\0", (lab.call_address, port))
            answer = asker.recv(2048)
            assert answer[:2] == b"\0\5", answer
        asker.sendto(b"\0\2name\0octet\0", (lab.call_address, port))
        assert asker.recv(2048)[:2] == b"\0\5"
        for packet in (b"", b"\0", b"\0\5\0\1no\0", b"\xff" * 1000, b"\0\1", b"\0\1name", os.urandom(500)):
            asker.sendto(packet, (lab.call_address, port))
    assert "Traceback" not in lab.log()


def question(name: bytes = b"\x07example\x04test\0", count: int = 1) -> bytes:
    return struct.pack("!6H", 7, 0x0100, count, 0, 0, 0) + name + b"\0\1\0\1"


GARBAGE = [
    b"",
    b"\0" * 11,
    os.urandom(512),
    b"\xff" * 512,
    question(b"\xc0\x0c"),  # a name that points at itself
    question(b"\x3f" + b"a" * 10),
    question(b"".join(b"\x01a" for _ in range(200)) + b"\0"),
    question(count=65535),
    question()[:-1],
]


def test_dns_survives_garbage_over_udp_and_tcp(lab: RunningLab) -> None:
    host, _, port = lab.environment["resolver"].rpartition(":")
    with Innocents(lab), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        for packet in GARBAGE:
            asker.sendto(packet, (host, int(port)))
            with tcp(host, int(port)) as stream:
                stream.say(struct.pack("!H", len(packet)) + packet)
                stream.sock.shutdown(socket.SHUT_WR)
                stream.rest(12)
        asker.sendto(struct.pack("!H", 4711) + question()[2:], (host, int(port)))
        while asker.recv(4096)[:2] != struct.pack("!H", 4711):
            pass
    assert "Traceback" not in lab.log()


def test_dns_gives_up_whoever_is_silent_over_tcp(lab: RunningLab) -> None:
    host, _, port = lab.environment["resolver"].rpartition(":")
    with Innocents(lab):
        held = [tcp(host, int(port)) for _ in range(100)]
        for connection in held:
            connection.say(b"\0")
        begun = time.monotonic()
        for connection in held:
            with connection:
                connection.rest(15)
        assert time.monotonic() - begun < 15


# --- WebSocket ---------------------------------------------------------------------------------------------------------

UPGRADE = (
    b"GET /%b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%b\r\n"
)


def websocket(lab: RunningLab, protocol: bytes) -> Connection:
    if protocol == b"xmpp":
        connection = tls(lab, lab.im_address, 5443, "imp1.example.test")
    else:
        connection = tls(lab, lab.call_address, 5443, CALL_NODE)
    connection.say(UPGRADE % (b"ws", b"Sec-WebSocket-Protocol: %b\r\n" % protocol))
    assert b" 101 " in connection.until(b"\r\n\r\n")
    return connection


def frame(head: int, length: int, data: bytes) -> bytes:
    size = bytes([0x80 | 127]) + struct.pack("!Q", length)
    return bytes([head]) + size + b"\0\0\0\0" + data


FRAMES = {
    "a frame larger than allowed": frame(0x81, 2**40, b"x" * MB),
    "fragments without end": frame(0x01, 1000, b"x" * 1000) + frame(0x00, 1000, b"x" * 1000) * 2000,
    "empty fragments without end": frame(0x01, 1, b"x") + frame(0x00, 0, b"") * 50_000 + b"\xff\xff",
    "reserved bits": b"\xf1\x80\0\0\0\0",
    "an unknown opcode": b"\x83\x80\0\0\0\0",
    "a frame without mask": b"\x81\x05hello",
    "a large control frame": b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256,
    "a continuation of nothing": b"\x80\x80\0\0\0\0",
    "text that is no UTF-8": b"\x81\x82\0\0\0\0\xff\xfe",
}


@pytest.mark.parametrize("protocol", [b"xmpp", b"sip"])
@pytest.mark.parametrize("what", FRAMES)
def test_a_frame_bomb_closes_the_websocket(lab: RunningLab, what: str, protocol: bytes) -> None:
    before = lab.resident_bytes()
    with Innocents(lab), websocket(lab, protocol) as connection:
        connection.said(FRAMES[what])
        answer = connection.rest(20)
        assert answer[:1] in (b"", b"\x88", b"\x81"), answer[:100]
    assert lab.resident_bytes() - before < 16 * MB
    assert "AP-IO-001" not in lab.codes()


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Sec-WebSocket-Protocol: smtp\r\n",
        b"Sec-WebSocket-Protocol: xmpp\r\nOrigin: https://evil.test\r\n",
    ],
)
def test_a_websocket_of_nobody_we_know_is_refused(lab: RunningLab, fields: bytes) -> None:
    with tls(lab, lab.im_address, 5443, "imp1.example.test") as connection:
        connection.say(UPGRADE % (b"xmpp-websocket", fields))
        assert b"HTTP/1.1 40" in connection.until(b"\r\n\r\n")


def test_pings_without_end_are_no_load_on_others(lab: RunningLab) -> None:
    before = lab.resident_bytes()
    with Innocents(lab), websocket(lab, b"sip") as connection:
        connection.sock.settimeout(10)
        for _ in range(20):
            connection.said(b"\x89\x84\0\0\0\0ping" * 1000)
    eventually(lambda: lab.resident_bytes() - before < 16 * MB)
