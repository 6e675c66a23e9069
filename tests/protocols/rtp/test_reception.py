from __future__ import annotations

import pytest

from antiphon.protocols.rtp.packet import Packet
from antiphon.protocols.rtp.reception import Reception


def hear(reception: Reception, *sequences: int, late: float = 0.0) -> None:
    for sequence in sequences:
        packet = Packet(0, sequence % 65536, sequence * 160 % 2**32, 1, b"")
        reception.note(packet, sequence * 0.02 + (late if sequence % 2 else 0.0))


def test_loss_is_counted_across_the_wrap_and_the_fraction_is_since_the_last_report() -> None:
    reception = Reception(1, 8000)
    hear(reception, *range(65530, 65540), *range(65545, 65550))
    block = reception.report()
    assert (reception.received, reception.expected, reception.lost) == (15, 20, 5)
    assert (block.fraction_lost, block.lost, block.highest_sequence) == (5 * 256 // 20, 5, 65549)
    hear(reception, *range(65550, 65560))
    assert reception.report().fraction_lost == 0


def test_an_even_stream_has_no_jitter_and_an_uneven_one_approaches_its_swing() -> None:
    reception = Reception(1, 8000)
    hear(reception, *range(200))
    assert reception.jitter_s == pytest.approx(0.0, abs=1e-6)
    hear(reception, *range(200, 600), late=0.01)
    assert reception.jitter_s == pytest.approx(0.01, rel=0.01)


def test_duplicates_make_loss_negative_and_nothing_breaks() -> None:
    reception = Reception(1, 8000)
    hear(reception, 1, 1, 1)
    assert reception.report().lost == -2


def test_a_source_that_begins_anew_is_counted_anew() -> None:
    reception = Reception(1, 8000)
    hear(reception, 1, 2, 30000)
    assert (reception.expected, reception.received) == (1, 1)
