from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.rtp.event import DIGITS, DigitReader, TelephoneEvent, key_press, parse, serialise

events = st.builds(
    TelephoneEvent, st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 65535)
)


@given(events)
def test_what_is_serialised_is_parsed_back(event: TelephoneEvent) -> None:
    assert parse(serialise(event)) == event


def test_a_key_press_grows_and_ends_three_times() -> None:
    seen = [parse(payload) for payload in key_press("5", 160)]
    assert [(e.duration, e.end) for e in seen if e] == [
        (160, False), (320, False), (480, False), (640, False), (800, False), (800, True), (800, True), (800, True)
    ]  # fmt: skip
    assert {e.digit for e in seen if e} == {"5"}


def test_each_key_press_is_read_once_however_many_packets_arrive() -> None:
    reader = DigitReader()
    read = []
    for timestamp, digit in ((100, "1"), (2000, "1"), (4000, "#")):
        read += [reader.read(payload, timestamp) for payload in list(key_press(digit, 160))[2:]]
    assert [digit for digit in read if digit] == ["1", "1", "#"]


def test_events_that_are_no_digits_are_passed_over() -> None:
    reader = DigitReader()
    assert reader.read(serialise(TelephoneEvent(16, False, 10, 160)), 1) is None
    assert reader.read(b"\x01", 2) is None
    assert len(DIGITS) == 16
    with pytest.raises(ValueError):
        list(key_press("x", 160))
