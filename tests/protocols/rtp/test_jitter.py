from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.rtp.jitter import JitterBuffer
from antiphon.protocols.rtp.packet import Packet


def packet(sequence: int) -> Packet:
    return Packet(0, sequence % 65536, sequence * 160 % 2**32, 1, b"")


def played(buffer: JitterBuffer, times: int) -> list[int | None]:
    taken = (buffer.get() for _ in range(times))
    return [None if one is None else one.sequence for one in taken]


def test_packets_come_out_in_order_across_the_wrap() -> None:
    buffer = JitterBuffer(delay=3)
    for sequence in (65534, 0, 65535, 1):
        buffer.put(packet(sequence))
    assert played(buffer, 4) == [65534, 65535, 0, 1]


def test_nothing_is_played_before_the_delay_has_filled() -> None:
    buffer = JitterBuffer(delay=3)
    buffer.put(packet(1))
    assert played(buffer, 2) == [None, None]
    buffer.put(packet(2))
    buffer.put(packet(3))
    assert played(buffer, 3) == [1, 2, 3]


def test_the_end_of_a_talk_spurt_is_played_although_it_is_shorter_than_the_delay() -> None:
    buffer = JitterBuffer(delay=3)
    buffer.put(packet(7))
    assert played(buffer, 5) == [None, None, None, 7, None]


def test_a_missing_packet_leaves_one_gap_and_is_refused_afterwards() -> None:
    buffer = JitterBuffer(delay=2)
    for sequence in (1, 3, 4):
        buffer.put(packet(sequence))
    assert played(buffer, 3) == [1, None, 3]
    assert not buffer.put(packet(2))
    assert (buffer.lost, buffer.late) == (1, 1)


def test_a_duplicate_is_played_once() -> None:
    buffer = JitterBuffer(delay=1)
    buffer.put(packet(1))
    assert not buffer.put(packet(1))
    assert played(buffer, 2) == [1, None]


def test_a_source_that_begins_anew_is_followed() -> None:
    buffer = JitterBuffer(delay=1)
    buffer.put(packet(1))
    buffer.get()
    buffer.put(packet(40000))
    assert played(buffer, 1) == [40000]


@given(st.lists(st.integers(0, 65535), max_size=300), st.lists(st.booleans(), max_size=300))
def test_it_never_holds_more_than_its_capacity_and_never_goes_back(
    numbers: list[int], gets: list[bool]
) -> None:
    buffer = JitterBuffer(delay=2, capacity=8)
    for index, number in enumerate(numbers):
        buffer.put(packet(number))
        assert len(buffer) <= 8
        if index < len(gets) and gets[index]:
            buffer.get()


@given(st.permutations(range(65530, 65542)))
def test_any_order_within_the_buffer_is_put_right(order: list[int]) -> None:
    buffer = JitterBuffer(delay=12, capacity=50)
    for number in order:
        assert buffer.put(packet(number))
    assert played(buffer, 12) == [number % 65536 for number in range(65530, 65542)]
