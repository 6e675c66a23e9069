"""Hostile XML on the XMPP ports, before and after sign-in, while other people chat on."""

from __future__ import annotations

import socket
import time

import pytest
from tests.lab import RunningLab
from tests.system.innocents import Innocents
from tests.system.peers import DOMAIN, HEADER, Connection, XmppPeer, tcp, tls

MB = 1024 * 1024
BOMB = (
    b"<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'lol'>"
    + b"".join(b"<!ENTITY %c '%s'>" % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(10))
    + b"]><stream:stream to='example.test' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>&k;"
)
STRANGE = {
    "entity bomb": BOMB,
    "not XML": bytes(range(256)) * 100,
    "HTTP": b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n",
    "not UTF-8": HEADER + b"<message>\xff\xfe\xc0\xaf</message>",
    "UTF-16": HEADER.decode().encode("utf-16"),
    "deep nesting": HEADER + b"<a>" * 100_000,
    "many names": HEADER + b"".join(b"<n%d/>" % number for number in range(20_000)),
    "a huge attribute": HEADER + b"<auth a='" + b"x" * MB + b"'/>",
    "a name without end": HEADER + b"<" + b"n" * MB,
    "a text without end": HEADER + b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + b"=" * MB,
    "many attributes": HEADER + b"<auth " + b" ".join(b"a%d=''" % number for number in range(5000)) + b"/>",
    "many namespaces": HEADER
    + b"<auth "
    + b" ".join(b"xmlns:a%d='u'" % number for number in range(500))
    + b"/>",
    "a comment": HEADER + b"<!-- x -->",
    "a processing instruction": HEADER + b"<?php x?>",
    "an undeclared prefix": HEADER + b"<who:is this='?'/>",
    "a stanza before sign-in": HEADER + b"<message to='ivan@example.test'><body>x</body></message>",
    "a header for another domain": HEADER.replace(b"example.test", b"elsewhere.test"),
    "a header without namespace": b"<stream>",
}


@pytest.mark.parametrize("direct", [False, True], ids=["5222", "5223"])
@pytest.mark.parametrize("what", STRANGE)
def test_a_stranger_gets_a_stream_error_or_a_close(lab: RunningLab, what: str, direct: bool) -> None:
    before = lab.resident_bytes()
    with Innocents(lab):
        connection = (
            tls(lab, lab.im_address, 5223, DOMAIN, ("xmpp-client",)) if direct else tcp(lab.im_address, 5222)
        )
        with connection:
            connection.said(STRANGE[what])
            answer = connection.rest(10)
            assert answer == b"" or b"<stream:error" in answer, answer
            assert len(answer) < 4096
    assert lab.resident_bytes() - before < 16 * MB
    assert "AP-XMPP-001" in lab.codes()
    assert "AP-IO-001" not in lab.codes()


INSIDE = {
    "deep nesting": b"<message to='ivan@example.test'>" + b"<a>" * 1000,
    "many names": b"<message to='ivan@example.test'>" + b"".join(b"<n%d/>" % n for n in range(800_000)),
    "many namespaces": b"<message to='ivan@example.test'>"
    + b"".join(b"<n xmlns='u:%d'/>" % n for n in range(200_000)),
    "many elements": b"<message to='ivan@example.test'>" + b"<n/>" * 100_000,
    "a large stanza": b"<message to='ivan@example.test'><body>" + b"x" * (4 * MB),
    "an entity": b"<message to='ivan@example.test'><body>&nbsp;</body></message>",
    "a forged sender": b"<message from='ivan@example.test/x' to='ivan@example.test'><body>x</body></message>",
    "a stream element": b"<stream:error/>",
    "a nested stream": HEADER.partition(b"?>")[2],
    "an unknown root": b"<evil xmlns='urn:evil'/>" * 10,
}


@pytest.mark.parametrize("what", INSIDE)
def test_a_signed_in_user_who_attacks_loses_their_stream_and_nobody_else_notices(
    lab: RunningLab, what: str
) -> None:
    before = lab.resident_bytes()
    with Innocents(lab), XmppPeer(lab, "dave", "attacker") as dave:
        dave.present()
        dave.said(INSIDE[what])
        assert b"<stream:error" in dave.rest(20)
    assert lab.resident_bytes() - before < 24 * MB
    assert "AP-IO-001" not in lab.codes()


def test_names_that_never_repeat_in_good_stanzas_take_no_memory(lab: RunningLab) -> None:
    """A parser that interns names for ever grows with each of these."""
    with Innocents(lab), XmppPeer(lab, "dave", "attacker") as dave:
        dave.present()

        def attack(begin: int) -> None:
            for start in range(begin, begin + 50_000, 2000):
                names = b"".join(b"<n%x/>" % number for number in range(start, start + 2000))
                dave.say(b"<message to='dave@example.test/attacker'>" + names + b"</message>")
                dave.until(b"</message>", 20)

        attack(0)
        before = lab.resident_bytes()
        attack(50_000)
        attack(100_000)
        attack(150_000)
        assert lab.resident_bytes() - before < 8 * MB


def test_attributes_that_come_byte_by_byte_are_bounded(lab: RunningLab) -> None:
    before = lab.resident_bytes()
    with Innocents(lab):
        connection = tcp(lab.im_address, 5222)
        with connection:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.say(HEADER + b"<auth a='")
            said = 0
            while connection.said(b"x") and said < 60_000:
                said += 1
            assert b"policy-violation" in connection.rest(10)
    assert said < 60_000
    assert lab.resident_bytes() - before < 8 * MB


def test_a_peer_that_does_not_read_is_given_up_and_costs_little(lab: RunningLab) -> None:
    with (
        Innocents(lab) as others,
        XmppPeer(lab, "dave", "deaf") as deaf,
        XmppPeer(lab, "erin", "loud") as loud,
    ):
        deaf.present()
        before = lab.resident_bytes()
        body = "x" * 8000
        for number in range(1500):
            loud.message(deaf.jid, body)
            if number % 100 == 99:
                loud.ping(30)
        others.live_on()
        assert lab.resident_bytes() - before < 24 * MB


def half_open(lab: RunningLab) -> list[Connection]:
    silent = [tcp(lab.im_address, 5222), tcp(lab.im_address, 5223), tcp(lab.call_address, 5060)]
    silent += [tcp(lab.call_address, port) for port in (5061, 5090, 5091, 5443, 8443, 6972)]
    begun = [tcp(lab.im_address, 5223), *(tcp(lab.call_address, port) for port in (5061, 5090, 8443, 6972))]
    for connection in begun:
        connection.say(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
    slow_head = tcp(lab.call_address, 6970)
    slow_head.say(b"GET / HTTP/1.1\r\nHost")
    return [*silent, *begun, slow_head]


@pytest.mark.timeout(120)
def test_silent_connections_and_half_open_handshakes_are_closed_within_thirty_seconds(
    lab: RunningLab,
) -> None:
    begun = time.monotonic()
    with Innocents(lab):
        for connection in half_open(lab):
            with connection:
                connection.rest(max(1.0, 31 - (time.monotonic() - begun)))
                assert connection.ended
    assert time.monotonic() - begun < 31
