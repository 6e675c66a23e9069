from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interfaces.sip.site import Phone, Site, StreamPhone

from antiphon.interfaces.sip import Listener, Scheme
from antiphon.interfaces.sip.replies import date
from antiphon.protocols.sip.message import Response

OPTIONS = (
    "OPTIONS sip:cucm1.example.test SIP/2.0\r\nVia: SIP/2.0/{0} 127.0.0.1:9;branch=z9hG4bK{1}\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:cucm1.example.test>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n{2}Content-Length: 0\r\n\r\n"
)


@pytest.fixture
def site() -> Site:
    return Site()


def options(transport: str = "UDP", branch: str = "1", extra: str = "") -> bytes:
    return OPTIONS.format(transport, branch, extra).encode()


def statuses(phone: Phone) -> list[int]:
    return [response.status for response in phone.responses()]


def test_options_says_what_the_server_can_do(site: Site) -> None:
    phone = site.phone("alice")
    phone.put(options())
    response = phone.response()
    assert response.status == 200
    assert "INVITE" in response.get("Allow")
    assert (response.get("Accept"), "timer" in response.tokens("Supported")) == ("application/sdp", True)
    assert site.door.transactions == 0


def test_answers_go_to_the_socket_they_came_from(site: Site) -> None:
    """S3 port rows; RFC 3581: what the peer says about its address is not believed."""
    phone = site.phone("alice")
    phone.put(options(extra="").replace(b"127.0.0.1:9;", b"10.9.9.9:9;rport;received=8.8.8.8;"))
    via = phone.response().via
    assert (via.params["received"], via.params["rport"]) == ("127.0.0.1", str(phone.address.port))


# RFC 4475 at the door: what each message of the corpus is answered with. Digest ports challenge first.
ANSWERS: dict[str, list[int]] = {
    "wsinv": [481],  # a To tag of a dialog that nobody has
    "intmeth": [501],
    "esc01": [407],
    "escnull": [401],
    "esc02": [501],
    "lwsdisp": [200],
    "longreq": [407],
    "dblreq": [401],
    "semiuri": [200],
    "transports": [200],
    "mpart01": [405],
    "unreason": [],
    "noreason": [],
    "badinv01": [400],
    "clerr": [400],
    "ncl": [400],
    "scalar02": [400],
    "scalarlg": [],
    "quotbal": [400],
    "ltgtruri": [400],
    "lwsruri": [400],
    "lwsstart": [400],
    "trws": [400],
    "escruri": [400],
    "baddate": [407],
    "regbadct": [400],
    "badaspec": [400],
    "baddn": [400],
    "badvers": [505],
    "mismatch01": [400],
    "mismatch02": [400],
    "bigcode": [],
    "badbranch": [200],
    "insuf": [400],
    "unkscm": [416],
    "novelsc": [416],
    "unksm2": [404],
    "bext01": [420],
    "invut": [415],
    "regaut01": [401],
    "multi01": [400],
    "mcl01": [400],
    "bcast": [],
    "zeromf": [200],
    "cparam01": [401],
    "cparam02": [401],
    "regescrt": [400],
    "sdp01": [406],
    "inv2543": [407],
}


def corpus() -> Path | None:
    for parent in Path(__file__).resolve().parents:
        found = parent / "shared" / "corpora" / "rfc4475"
        if found.is_dir():
            return found
    return None


@pytest.mark.parametrize("name", ANSWERS)
def test_every_torture_message_gets_its_answer(site: Site, name: str) -> None:
    directory = corpus()
    if directory is None:
        pytest.skip("the RFC 4475 corpus is not beside the checkout (shared/corpora/rfc4475)")
    phone = site.phone("alice")
    phone.put((directory / f"{name}.dat").read_bytes())
    # By the status line: what a response repeats of a bad request may be unreadable as well.
    assert [int(data[8:11]) for data in phone.raw] == ANSWERS[name]
    phone.take()
    # Nothing is left behind, and the door serves on.
    assert (site.door.legs, site.door.transactions) == (0, 0)
    phone.put(options())
    assert statuses(phone) == [200]


def test_the_unsupported_options_are_named(site: Site) -> None:
    phone = site.phone("alice")
    phone.put(options(extra="Require: nothing, timer, never\r\n"))
    response = phone.response()
    assert (response.status, response.get("Unsupported")) == (420, "nothing, never")


def stream(site: Site, transport: str = "tcp", port: int = 5060) -> StreamPhone:
    phone = site.phone("alice", transport, port)
    assert isinstance(phone, StreamPhone)
    return phone


def test_a_stream_may_come_in_pieces_and_in_bunches(site: Site) -> None:
    phone = stream(site)
    data = options("TCP", "1") + options("TCP", "2")
    for byte in data:
        phone.put(bytes([byte]))
    assert statuses(phone) == [200, 200]
    phone.put(data + data)
    assert statuses(phone) == [200] * 4


def test_a_ping_is_answered_with_a_pong(site: Site) -> None:
    """RFC 5626 §4.4.1."""
    phone = stream(site)
    phone.put(b"\r\n\r\n")
    assert phone.raw == [b"\r\n"]


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_a_websocket_message_is_a_sip_message(site: Site, transport: str) -> None:
    """RFC 7118."""
    phone = stream(site, transport, 443 if transport == "wss" else 5060)
    phone.put(options(transport.upper()))
    assert statuses(phone) == [200]
    phone.put(b"\r\n\r\n")
    assert phone.raw[-1] == b"\r\n"


def test_a_silent_connection_is_closed(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    phone = stream(site)
    assert phone.endpoint.deadline == site.time.now() + 15
    phone.put(options("TCP"))
    assert phone.endpoint.deadline == site.time.now() + 3600
    phone.endpoint.expired(site.time.now() + 3600)
    assert phone.flow.closed
    assert caplog.records[-1].__dict__["code"] == "AP-SIP-003"


def test_half_a_message_is_not_waited_for_forever(site: Site) -> None:
    phone = stream(site)
    phone.put(options("TCP"))
    phone.put(options("TCP")[:50])
    assert phone.endpoint.deadline == site.time.now() + 20
    site.time.advance(10)
    phone.put(options("TCP")[50:60])
    assert phone.endpoint.deadline == site.time.now() + 10
    phone.put(options("TCP")[60:])
    assert phone.endpoint.deadline == site.time.now() + 3600


def test_a_stream_whose_boundaries_are_lost_is_answered_and_closed(site: Site) -> None:
    phone = stream(site)
    phone.put(options("TCP").replace(b"Content-Length: 0\r\n", b""))
    assert statuses(phone) == [400]
    assert phone.flow.closed


@pytest.mark.parametrize("transport", ["tcp", "ws"])
def test_a_connection_with_too_many_errors_is_closed(
    site: Site, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    phone = stream(site, transport)
    bad = options(transport.upper()).replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE")
    for _ in range(9):
        phone.put(bad)
    assert not phone.flow.closed
    phone.put(bad)
    assert phone.flow.closed
    assert statuses(phone) == [400] * 10
    assert "AP-SIP-002" in [record.__dict__.get("code") for record in caplog.records]


@pytest.mark.parametrize("transport", ["tcp", "ws"])
def test_a_connection_with_a_message_that_cannot_be_answered_is_closed(site: Site, transport: str) -> None:
    phone = stream(site, transport)
    phone.put(options(transport.upper(), extra="Subject: \0\r\n"))
    assert phone.raw == []
    assert phone.flow.closed


def test_an_unreadable_ack_closes_nothing(site: Site) -> None:
    phone = stream(site)
    phone.put(options("TCP").replace(b"OPTIONS", b"ACK").replace(b"CSeq: 1 ACK", b"CSeq: 1 BYE"))
    assert phone.raw == []
    assert not phone.flow.closed


def test_http_on_a_sip_port_is_closed_without_an_answer(site: Site) -> None:
    phone = stream(site)
    phone.put(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert phone.raw == []
    assert phone.flow.closed


def test_too_many_transactions_are_refused(site: Site) -> None:
    from antiphon.interfaces.sip import SipDatagramEndpoint, SipDoor

    door = SipDoor(
        registrar=site.registrar,
        calls=site.calls,
        directory=site.directory,
        credentials=site.secrets,
        tokens=site.secrets,
        timers=site.time,
        random=site.random,
        domain="example.test",
        max_transactions=0,
    )
    site.udp = SipDatagramEndpoint(door, site.listener("udp", 5060))
    site.udp.bound(site.datagrams, site.time.now())
    phone = site.phone("alice")
    phone.send_request("INVITE", "sip:1002@x", "<sip:1001@x>;tag=1", "<sip:1002@x>", "c", 1)
    response = phone.response()
    assert (response.status, response.get("Retry-After")) == (503, "5")


def test_a_fault_of_ours_costs_one_message_and_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(number: str) -> object:
        raise RuntimeError("broken")

    site.directory.devices_with_line = broken  # type: ignore[method-assign,assignment]
    phone = site.phone("bob")
    phone.send_request("REGISTER", "sip:x", f"<{phone.uri}>;tag=1", f"<{phone.uri}>", "c", 1)
    assert phone.inbox == []
    assert caplog.records[-1].__dict__["code"] == "AP-SIP-009"
    phone.put(options())
    assert statuses(phone) == [200]


def test_secrets_are_never_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site.phone("alice", "tls", 5090).register(proof='Proxy-Authorization: Bearer token="hunter2"\r\n')
    first = (phone := site.phone("bob")).register_once()
    wrong = phone.proof(first, "REGISTER", "sip:example.test", password="hunter2")
    phone.register_once(wrong)
    text = "".join(str(record.__dict__) for record in caplog.records)
    assert "hunter2" not in text
    assert wrong.split('response="')[1][:32] not in text


def test_a_token_port_without_tls_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="TLS"):
        Listener("n", "h", 5060, "tcp", Scheme.BEARER)


def test_after_a_restart_a_udp_binding_is_rung_at_its_address(site: Site) -> None:
    bob = site.registered("bob")
    (binding,) = site.registrar.bindings("1002")
    binding.flow = None
    alice = site.registered("alice")
    alice.invite("1002")
    assert bob.request("INVITE")


def test_dates_are_those_of_the_calendar() -> None:
    assert date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert date(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT"
    assert date(4102444799) == "Thu, 31 Dec 2099 23:59:59 GMT"
    assert date(0) == "Thu, 01 Jan 1970 00:00:00 GMT"


@given(st.lists(st.binary(max_size=80), max_size=6), st.sampled_from(["udp", "tcp", "ws"]))
@settings(max_examples=80, deadline=None)
def test_no_bytes_make_an_endpoint_raise(chunks: list[bytes], transport: str) -> None:
    site = Site()
    phone = site.phone("alice", transport)
    for chunk in chunks:
        phone.put(chunk)
        phone.put(options(transport.upper(), extra=chunk.decode("latin-1") + "\r\n"))
    if isinstance(phone, StreamPhone):
        phone.endpoint.expired(site.time.now())
        phone.endpoint.drained(site.time.now())
        phone.disconnect()


_SIP = st.lists(
    st.sampled_from(
        [
            "REGISTER",
            "INVITE",
            "ACK",
            "BYE",
            "CANCEL",
            "OPTIONS",
            "REFER",
            "UPDATE",
            "INFO",
            "NOTIFY",
            "PRACK",
            "X",
        ]
    ),
    min_size=1,
    max_size=12,
)


@given(_SIP, st.lists(st.integers(0, 3), min_size=12, max_size=12), st.booleans())
@settings(max_examples=80, deadline=None)
def test_no_order_of_requests_makes_the_door_fail(methods: list[str], picks: list[int], tagged: bool) -> None:
    site = Site()
    alice, bob = site.registered("alice", "tls", 5090), site.registered("bob")
    bodies = [(b"", ""), (b"v=0", "Content-Type: application/sdp\r\n")]
    for method, pick in zip(methods, picks, strict=False):
        body, kind = bodies[pick % 2]
        to = "<sip:1002@x>;tag=zz" if tagged and pick > 1 else "<sip:1002@x>"
        alice.send_request(
            method,
            "sip:1002@x",
            f"<{alice.uri}>;tag=1",
            to,
            f"c{pick}",
            1 + pick,
            kind,
            body,
            f"z9hG4bK{pick}",
        )
        for request in bob.requests():
            bob.respond(request, [180, 200, 486, 100][pick], "b", body=body)
    site.time.advance(200)
    assert isinstance(site.door.legs, int)
    assert all(isinstance(r, Response) for r in alice.responses())


def test_a_flood_of_nonsense_does_not_flood_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    phone = site.phone("alice")
    for _ in range(1000):
        phone.put(options().replace(b"CSeq: 1 OPTIONS", b"CSeq: x"))
    assert [record.__dict__["code"] for record in caplog.records] == ["AP-SIP-001"] * 10
    phone.take()
    phone.put(options())
    assert statuses(phone) == [200]


def test_other_users_do_not_notice_a_bad_one(site: Site) -> None:
    bad, good = stream(site), stream(site)
    for _ in range(20):
        bad.put(b"\x00\xff" * 40_000)
    assert bad.flow.closed
    good.put(options("TCP"))
    assert statuses(good) == [200]
