from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.interfaces.http.pages.catalogue import CATALOGUE, LOCALES, texts_for


@pytest.mark.parametrize("key", sorted(CATALOGUE))
def test_every_text_is_there_in_every_language_with_the_same_places_to_fill(key: str) -> None:
    texts = CATALOGUE[key]
    assert len(texts) == len(LOCALES)
    assert all(texts)
    places = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts]
    assert all(each == places[0] for each in places)


def test_the_two_chinese_scripts_are_not_copies_of_each_other() -> None:
    differing = [key for key, texts in CATALOGUE.items() if texts[3] != texts[4]]
    assert len(differing) > len(CATALOGUE) * 0.8


@pytest.mark.parametrize(
    ("wanted", "locale"),
    [
        (["", "fr"], "fr"),
        (["ko", "fr"], "ko"),
        (["xx", "fr"], "fr"),
        (["en;q=0.1,ko;q=0.9"], "ko"),
        (["zh-Hans-TW"], "zh-Hans"),
        (["zh-hk"], "zh-Hant"),
        (["fr;q=0"], "en"),
        ([], "en"),
    ],
)
def test_the_most_wanted_known_language_is_used(wanted: list[str], locale: str) -> None:
    assert texts_for(*wanted).locale == locale


@given(st.text(max_size=600))
def test_no_header_breaks_a_page(header: str) -> None:
    assert texts_for(header).locale in LOCALES


def test_texts_hold_no_markup() -> None:
    assert not [text for texts in CATALOGUE.values() for text in texts if re.search(r"[<>&]", text)]
