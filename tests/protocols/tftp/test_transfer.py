"""A transfer, packet by packet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.tftp.packet import ReadRequest
from antiphon.protocols.tftp.transfer import TRIES, Transfer


def ack(number: int) -> bytes:
    return b"\0\4" + (number & 0xFFFF).to_bytes(2, "big")


def fetch(transfer: Transfer) -> bytes:
    """Acknowledge everything until it is over; what was received."""
    received = b""
    packets = list(transfer.start(0.0))
    while packets:
        packet = packets.pop()
        if packet[1] == 3:
            received += packet[4:]
            packets += transfer.handle(b"\0\4" + packet[2:4], 0.0)
        else:
            packets += transfer.handle(ack(0), 0.0)
    return received


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 1024])
def test_every_length_arrives_and_the_last_block_is_short(length: int) -> None:
    transfer = Transfer(ReadRequest("a"), bytes(length))
    assert fetch(transfer) == bytes(length)
    assert transfer.completed


def test_a_multiple_of_the_block_size_ends_with_an_empty_block() -> None:
    transfer = Transfer(ReadRequest("a"), bytes(512))
    assert transfer.start(0.0) == (b"\0\3\0\1" + bytes(512),)
    assert transfer.handle(ack(1), 0.0) == (b"\0\3\0\2",)
    assert not transfer.done
    assert transfer.handle(ack(2), 0.0) == ()
    assert transfer.done


def test_options_are_acknowledged_before_the_first_block() -> None:
    options = {"tsize": "0", "blksize": "1024", "timeout": "3", "windowsize": "16"}
    transfer = Transfer(ReadRequest("a", options=options), bytes(1500))
    assert transfer.start(0.0) == (b"\0\6blksize\x001024\0timeout\x003\0tsize\x001500\0",)
    assert transfer.deadline == 3.0
    (first,) = transfer.handle(ack(0), 0.0)
    assert len(first) == 4 + 1024


@pytest.mark.parametrize("size", ["7", "x", "", "-1", "123456789"])
def test_a_block_size_that_cannot_be_is_passed_over(size: str) -> None:
    transfer = Transfer(ReadRequest("a", options={"blksize": size}), bytes(600))
    assert len(transfer.start(0.0)[0]) == 4 + 512


def test_a_block_that_is_not_acknowledged_is_sent_again_ever_more_slowly_and_then_given_up() -> None:
    transfer = Transfer(ReadRequest("a"), b"x")
    sent = list(transfer.start(0.0))
    waits = []
    while transfer.deadline is not None:
        waits.append(transfer.deadline)
        sent += transfer.expired(transfer.deadline)
    assert sent == [b"\0\3\0\1x"] * TRIES
    assert waits == [1.0, 3.0, 7.0, 15.0, 31.0]
    assert transfer.done
    assert not transfer.completed


def test_a_repeated_acknowledgement_is_not_answered() -> None:
    transfer = Transfer(ReadRequest("a"), bytes(1200))
    transfer.start(0.0)
    assert len(transfer.handle(ack(1), 0.0)) == 1
    assert transfer.handle(ack(1), 0.0) == ()


def test_an_error_of_the_asker_ends_it() -> None:
    transfer = Transfer(ReadRequest("a"), bytes(1200))
    transfer.start(0.0)
    assert transfer.handle(b"\0\5\0\0stop\0", 0.0) == ()
    assert transfer.done
    assert not transfer.completed


def test_netascii_ends_lines_with_two_octets() -> None:
    assert fetch(Transfer(ReadRequest("a", netascii=True), b"a\nb\rc")) == b"a\r\nb\r\0c"


def test_block_numbers_go_round_after_65535() -> None:
    transfer = Transfer(ReadRequest("a", options={"blksize": "8"}), bytes(8 * 70000))
    assert len(fetch(transfer)) == 8 * 70000


@given(st.lists(st.binary(max_size=8) | st.sampled_from([ack(0), ack(1), ack(2)]), max_size=20))
def test_arbitrary_packets_never_raise(packets: list[bytes]) -> None:
    transfer = Transfer(ReadRequest("a"), bytes(1100))
    transfer.start(0.0)
    for packet in packets:
        assert len(transfer.handle(packet, 0.0)) <= 1
