"""SRV selection, RFC 2782."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from antiphon.kernel.random import SequenceRandom
from antiphon.protocols.dns.srv import Srv, is_refusal, order


class Lots(SequenceRandom):
    """Real lots from a fixed seed."""

    def __init__(self) -> None:
        super().__init__()
        self._random = random.Random(2782)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


def test_the_three_records_of_the_sample_are_tried_by_priority() -> None:
    records = [
        Srv(6, 30, 8443, "cucm3.example.test"),
        Srv(2, 20, 8443, "cucm2.example.test"),
        Srv(1, 5, 8443, "cucm1.example.test"),
    ]
    assert [record.target[:5] for record in order(records, Lots())] == ["cucm1", "cucm2", "cucm3"]


def test_within_a_priority_the_weights_decide_how_often_one_comes_first() -> None:
    records = [Srv(0, 60, 5060, "a"), Srv(0, 20, 5060, "b"), Srv(0, 20, 5060, "c"), Srv(1, 0, 5060, "d")]
    lots = Lots()
    firsts = Counter(order(records, lots)[0].target for _ in range(2000))
    assert firsts["d"] == 0
    assert 1100 < firsts["a"] < 1300
    assert 320 < firsts["b"] < 480


def test_a_weight_of_zero_has_a_small_chance_but_has_one() -> None:
    lots = Lots()
    firsts = Counter(order([Srv(0, 0, 1, "zero"), Srv(0, 9, 1, "nine")], lots)[0].target for _ in range(2000))
    assert 100 < firsts["zero"] < 320


def test_a_target_of_the_root_says_that_there_is_no_such_service() -> None:
    assert is_refusal([Srv(0, 0, 0, ".")])
    assert not is_refusal([Srv(0, 0, 5060, "a")])
    assert not is_refusal([])


@given(st.lists(st.builds(Srv, *[st.integers(0, 65535)] * 3, st.sampled_from("abcdefgh")), max_size=12))
def test_every_record_is_tried_once_and_priorities_never_go_back(records: list[Srv]) -> None:
    ordered = order(records, Lots())
    assert sorted(ordered) == sorted(set(records))
    assert [record.priority for record in ordered] == sorted(record.priority for record in ordered)
