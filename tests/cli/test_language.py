"""Text for people in their language: complete, with the same placeholders, and found as gettext finds it."""

from __future__ import annotations

import os
import string
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from antiphon.cli.language import LOCALE, catalogue_of, entries, wanted

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("fr", "ko", "zh-Hans", "zh-Hant")


def read(language: str) -> dict[str, str]:
    return {key: text for key, text in entries((LOCALE / f"{language}.po").read_text("utf-8")) if key}


def placeholders(text: str) -> list[tuple[str, str | None]]:
    return sorted(
        (field, spec) for _before, field, spec, _how in string.Formatter().parse(text) if field is not None
    )


def test_the_catalogues_hold_what_the_source_says() -> None:
    done = subprocess.run(
        [sys.executable, "tools/catalogues.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated_with_the_same_placeholders(language: str) -> None:
    for message, text in read(language).items():
        assert text, f"{language}: {message!r} is not translated"
        assert placeholders(text) == placeholders(message)
        assert text.startswith("\n") == message.startswith("\n")
        assert text.endswith((" ", "：")) or not message.endswith(" ")
        assert unicodedata.is_normalized("NFC", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_and_options_stay_as_they_are_typed(language: str) -> None:
    for message, text in read(language).items():
        typed = message.split("`")[1::2] + [w for w in message.split() if w.startswith("--")]
        assert all(word.rstrip(".,:;") in text for word in typed), text


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("fr_CA.UTF-8", "fr"),
        ("ko", "ko"),
        ("zh", "zh-Hans"),
        ("zh_CN.GB18030", "zh-Hans"),
        ("zh_SG", "zh-Hans"),
        ("zh_TW.UTF-8", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-Hant-MO", "zh-Hant"),
        ("zh_Hans_HK", "zh-Hans"),
        ("C", "en"),
        ("C.UTF-8", "en"),
        ("en_GB@euro", "en"),
        ("../../etc/passwd", ""),
    ],
)
def test_a_locale_finds_its_catalogue(tag: str, name: str) -> None:
    assert catalogue_of(tag) == name


def test_the_first_variable_that_is_set_decides() -> None:
    assert wanted({"LANG": "fr_FR.UTF-8"}) == ["fr"]
    assert wanted({"LANGUAGE": "de:zh_TW:fr", "LANG": "ko_KR.UTF-8"}) == ["de", "zh-Hant", "fr"]
    assert wanted({"LC_ALL": "C", "LANG": "fr"}) == ["en"]
    assert wanted({}) == []


def test_comments_folded_lines_and_fuzzy_entries_are_read() -> None:
    text = '#: a.py\n#, fuzzy\nmsgid "one"\nmsgstr "un"\n\nmsgid ""\n"two "\n"words"\nmsgstr "deux \\"mots\\"\\n"\n'
    assert list(entries(text)) == [("one", ""), ("two words", 'deux "mots"\n')]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "AP-LAB-003: Le labo n'est pas en marche."),
        ("ko_KR.UTF-8", "AP-LAB-003: 랩이 실행되고 있지 않습니다."),
        ("zh_CN.UTF-8", "AP-LAB-003: 实验环境没有运行。"),
        ("zh_TW.UTF-8", "AP-LAB-003: 實驗環境沒有執行。"),
        ("de:en:fr", "AP-LAB-003: The lab is not running."),
        ("../fr", "AP-LAB-003: The lab is not running."),
    ],
)
def test_a_command_speaks_the_language_that_is_asked_for(language: str, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "antiphon.cli.main", "lab", "status", "--dir", str(tmp_path)],
        env={**os.environ, "LANGUAGE": language, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr.startswith(said)
    assert done.returncode == 4
