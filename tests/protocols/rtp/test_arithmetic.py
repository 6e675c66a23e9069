from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.rtp.arithmetic import advance, distance, extend


@given(st.integers(0, 65535), st.integers(-32767, 32767))
def test_distance_undoes_advance(start: int, by: int) -> None:
    assert distance(advance(start, by), start) == by


@given(st.integers(0, 2**31), st.integers(-32767, 32767))
def test_an_extended_number_is_the_closest_one_with_these_low_bits(near: int, by: int) -> None:
    assert extend((near + by) % 65536, near) == near + by
