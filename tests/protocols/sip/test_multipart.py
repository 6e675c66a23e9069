from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.multipart import MAX_PARTS, body_of, parts


def message(content_type: str, body: bytes) -> Request:
    return Request("INVITE", "sip:a@b", {"Content-Type": content_type}, body)


TWO = (
    b"--uniqueBoundary\r\nContent-Type: application/sdp\r\nContent-Disposition: session;handling=optional\r\n\r\nv=0\r\n"
    b"\r\n--uniqueBoundary\r\n\r\nplain\r\n--uniqueBoundary--\r\n"
)


def test_parts_come_apart_at_the_boundary() -> None:
    two = message("multipart/mixed; boundary=uniqueBoundary", TWO)
    assert [(p.content_type, p.body) for p in parts(two)] == [
        ("application/sdp", b"v=0\r\n"),
        ("text/plain", b"plain"),
    ]
    assert body_of(two, "application/sdp") == b"v=0\r\n"
    assert body_of(two, "application/pidf+xml") is None


def test_a_single_body_is_one_part() -> None:
    assert body_of(message("Application/SDP;charset=utf-8", b"v=0"), "application/sdp") == b"v=0"
    assert parts(message("application/sdp", b"")) == []


@pytest.mark.parametrize(
    "kind", ["multipart/mixed", 'multipart/mixed;boundary=""', "multipart/mixed;boundary=" + "x" * 99]
)
def test_a_multipart_without_a_usable_boundary_has_no_parts(kind: str) -> None:
    assert parts(message(kind, TWO)) == []


def test_parts_are_bounded() -> None:
    many = message("multipart/mixed;boundary=b", b"--b\r\n\r\nx\r\n" * 1000)
    assert len(parts(many)) == MAX_PARTS


@given(st.text(max_size=40), st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_body_makes_the_parser_raise(kind: str, body: bytes) -> None:
    parts(message("multipart/mixed;" + kind, body))
    parts(message("multipart/mixed;boundary=b", body.replace(b"\x00", b"\r\n--b")))
