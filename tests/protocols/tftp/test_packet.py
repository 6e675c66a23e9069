"""TFTP requests, good and bad."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.tftp.packet import ErrorCode, Malformed, ReadRequest, ack_number, error, read_request


def rrq(*fields: str) -> bytes:
    return b"\0\1" + "".join(f"{field}\0" for field in fields).encode()


def test_a_read_request_is_name_mode_and_options() -> None:
    assert read_request(rrq("CSFALICE.cnf.xml", "octet")) == ReadRequest("CSFALICE.cnf.xml")
    request = read_request(rrq("a.xml", "NETASCII", "BlkSize", "1024", "tsize", "0"))
    assert request == ReadRequest("a.xml", True, {"blksize": "1024", "tsize": "0"})


@pytest.mark.parametrize(
    "name", ["../a", "/etc/passwd", "a/../b", "..\\a", ".hidden", "a\tb", "", "x" * 600, "\u00e9.xml"]
)
def test_a_name_that_is_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(Malformed) as refusal:
        read_request(rrq(name, "octet"))
    assert refusal.value.code in (ErrorCode.ACCESS_VIOLATION, ErrorCode.ILLEGAL_OPERATION)


def test_nobody_writes() -> None:
    with pytest.raises(Malformed) as refusal:
        read_request(b"\0\2a.xml\0octet\0")
    assert refusal.value.code == ErrorCode.ACCESS_VIOLATION


OTHERS = [
    b"",
    b"\0\1",
    b"\0\1a",
    b"\0\1a\0",
    b"\0\1a\0octet",
    b"\0\1a\0mail\0",
    b"\0\3\0\1",
    b"\1\1a\0octet\0",
]


@pytest.mark.parametrize("packet", [*OTHERS, b"\0\7a\0octet\0"])
def test_other_packets_are_illegal_operations(packet: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        read_request(packet)
    assert refusal.value.code == ErrorCode.ILLEGAL_OPERATION


def test_errors_and_acknowledgements_have_their_form() -> None:
    assert error(ErrorCode.FILE_NOT_FOUND, "no") == b"\0\5\0\1no\0"
    assert ack_number(b"\0\4\1\0") == 256
    assert ack_number(b"\0\4\1") is None


@given(st.binary(max_size=600))
def test_arbitrary_octets_are_a_request_or_malformed(packet: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert read_request(packet).name
