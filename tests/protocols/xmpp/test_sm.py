"""Stream management counters and queue, XEP-0198."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.xmpp.sm import WRAP, StreamManagement, TooHigh, parse_h


def test_what_is_confirmed_leaves_the_queue_and_is_told() -> None:
    sm = StreamManagement()
    taken: list[int] = []
    for n in range(5):
        sm.push(b"%d" % n, lambda n=n: taken.append(n))  # type: ignore[misc]
    sm.confirm(3)
    assert taken == [0, 1, 2]
    assert list(sm) == [b"3", b"4"]
    assert sm.unacked_bytes == 2
    sm.confirm(3)
    assert taken == [0, 1, 2]


def test_confirming_more_than_was_sent_is_an_error() -> None:
    sm = StreamManagement()
    sm.push(b"x")
    with pytest.raises(TooHigh) as error:
        sm.confirm(2)
    assert error.value.extra() == b"<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>"


def test_confirming_less_than_before_is_an_error() -> None:
    sm = StreamManagement()
    for _ in range(3):
        sm.push(b"x")
    sm.confirm(2)
    with pytest.raises(TooHigh):
        sm.confirm(1)


def test_the_counters_wrap_at_two_to_the_thirty_second() -> None:
    sm = StreamManagement()
    sm.sent = WRAP - 2
    for n in range(4):
        sm.push(b"%d" % n)
    assert sm.sent == 2
    sm.confirm(WRAP - 1)
    assert list(sm) == [b"1", b"2", b"3"]
    sm.confirm(1)
    assert list(sm) == [b"3"]


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "a", "٣", "4294967296", "99999999999", " 1"])
def test_h_is_a_number_below_two_to_the_thirty_second(text: str) -> None:
    assert parse_h(text) is None
    assert parse_h("4294967295") == WRAP - 1


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, WRAP - 1))
def test_the_queue_is_always_what_was_sent_and_not_confirmed(steps: list[int], start: int) -> None:
    sm = StreamManagement()
    sm.sent = start
    sent = confirmed = 0
    for step in steps:
        if step:
            for _ in range(step):
                sm.push(b"%d" % sent)
                sent += 1
        else:
            confirmed += (sent - confirmed + 1) // 2
            sm.confirm((start + confirmed) % WRAP)
        assert list(sm) == [b"%d" % n for n in range(confirmed, sent)]
