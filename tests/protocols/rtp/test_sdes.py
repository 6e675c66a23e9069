from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.kernel.random import SequenceRandom
from antiphon.protocols.rtp.sdes import Crypto, Suite, answer, offer, parse

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"


def test_the_example_of_rfc_4568_section_4_1_is_understood() -> None:
    crypto = parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20")
    assert crypto is not None
    assert (crypto.tag, crypto.suite, len(crypto.key)) == (1, Suite.AES_CM_128_HMAC_SHA1_80, 30)


@given(st.integers(1, 999_999_999), st.sampled_from(Suite), st.data())
def test_what_is_written_is_read_back(tag: int, suite: Suite, data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=suite.key_length, max_size=suite.key_length))
    assert parse(Crypto(tag, suite, key).value()) == Crypto(tag, suite, key)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1 F8_128_HMAC_SHA1_80 inline:" + KEY,
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY + "|2^20|1:4",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY + ";inline:" + KEY,
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY + " UNENCRYPTED_SRTP",
        "1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAA",
        "0 AES_CM_128_HMAC_SHA1_80 inline:" + KEY,
        "1 AES_CM_128_HMAC_SHA1_80 clear:" + KEY,
    ],
)
def test_a_line_that_cannot_be_honoured_is_not_used(value: str) -> None:
    assert parse(value) is None


@given(st.text(max_size=200))
def test_arbitrary_text_never_raises(value: str) -> None:
    parse(value)


def test_an_answer_keeps_tag_and_suite_and_has_its_own_key() -> None:
    random = SequenceRandom()
    lines = offer(random)
    assert [line.tag for line in lines] == [1, 2, 3, 4]
    chosen = answer(lines[2:], random)
    assert chosen is not None
    theirs, ours = chosen
    assert (ours.tag, ours.suite) == (3, lines[2].suite)
    assert ours.key != theirs.key
    assert answer((), random) is None


def test_a_key_is_not_shown_when_a_line_is_printed() -> None:
    assert repr(Crypto(1, Suite.AEAD_AES_128_GCM, b"k" * 28)) == "Crypto(tag=1, suite=AEAD_AES_128_GCM)"
