"""The token bucket says how long to wait, and never forgives more than its burst."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.interfaces.xmpp.rate import Bucket


def test_a_burst_passes_and_debt_is_paid_in_time() -> None:
    bucket = Bucket(rate=10, burst=20, now=0.0)
    assert bucket.take(20, 0.0) == 0.0
    assert bucket.take(5, 0.0) == 0.5
    assert bucket.take(0, 0.5) == 0.0
    assert bucket.take(20, 100.0) == 0.0
    assert bucket.take(1, 100.0) == 0.1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=50))
def test_whoever_waits_as_told_keeps_to_the_rate(sizes: list[int]) -> None:
    bucket, now = Bucket(rate=10, burst=20, now=0.0), 0.0
    for size in sizes:
        now += bucket.take(size, now)
    assert sum(sizes) <= 20 + 10 * now + 1e-6
