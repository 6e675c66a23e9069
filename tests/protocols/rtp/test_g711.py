from __future__ import annotations

import numpy as np
import pytest

from antiphon.protocols.rtp import g711

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_OCTET = bytes(range(256))


@pytest.mark.parametrize(
    ("octet", "sample"),
    [(0xFF, 0), (0x7F, 0), (0x80, 32124), (0x00, -32124), (0xF0, 120), (0x70, -120)],
)
def test_mu_law_decodes_the_ends_of_its_table(octet: int, sample: int) -> None:
    assert g711.decode_ulaw(bytes([octet])).tolist() == [sample]


@pytest.mark.parametrize(
    ("octet", "sample"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0x80, 5504)]
)
def test_a_law_decodes_the_ends_of_its_table(octet: int, sample: int) -> None:
    assert g711.decode_alaw(bytes([octet])).tolist() == [sample]


def test_every_octet_survives_being_decoded_and_encoded() -> None:
    assert g711.encode_alaw(g711.decode_alaw(EVERY_OCTET)) == EVERY_OCTET
    # µ-law has two zeros; the negative one is written as the positive one.
    assert g711.encode_ulaw(g711.decode_ulaw(EVERY_OCTET)) == EVERY_OCTET.replace(b"\x7f", b"\xff")


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_the_error_stays_within_half_a_step_of_the_segment(law: str) -> None:
    encode, decode = getattr(g711, f"encode_{law}"), getattr(g711, f"decode_{law}")
    error = np.abs(decode(encode(EVERY_SAMPLE)).astype(int) - EVERY_SAMPLE)
    allowed = np.maximum(np.abs(EVERY_SAMPLE.astype(int)) / 31, 8) + 4
    inside = np.abs(EVERY_SAMPLE.astype(int)) < 32124
    assert bool((error <= allowed)[inside].all())


def test_the_tables_agree_with_another_implementation() -> None:
    av = pytest.importorskip("av")
    for name, decode in (("pcm_mulaw", g711.decode_ulaw), ("pcm_alaw", g711.decode_alaw)):
        context = av.CodecContext.create(name, "r")
        context.sample_rate = 8000
        context.layout = "mono"
        theirs = context.decode(av.Packet(EVERY_OCTET))[0].to_ndarray().reshape(-1)
        assert decode(EVERY_OCTET).tolist() == theirs.tolist()
