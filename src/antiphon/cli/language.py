"""Text for people in their language: catalogues (.po) below `antiphon/locale`, English where there is none.

The catalogues are read as they are: there is no compiled form that could be out of date.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

LOCALE = Path(__file__).parent.parent / "locale"
SOURCE = "en"
_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_TRADITIONAL = {"TW", "HK", "MO", "HANT"}


def _(message: str) -> str:
    """The message in the language of `LANGUAGE`, `LC_ALL`, `LC_MESSAGES` or `LANG`, as gettext reads them."""
    return _catalogue().get(message, message)


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, str]:
    for name in wanted(os.environ):
        if name == SOURCE:
            break
        path = LOCALE / f"{name}.po"
        if path.exists():
            return {key: text for key, text in entries(path.read_text("utf-8")) if key and text}
    return {}


def wanted(environment: os._Environ[str] | dict[str, str]) -> list[str]:
    """Catalogues in the order in which the person prefers them."""
    value = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return [catalogue_of(tag) for tag in value.split(":") if tag]


def catalogue_of(tag: str) -> str:
    """`zh_TW.UTF-8` → `zh-Hant`, `fr-CA` → `fr`, `C` → `en`. Chinese is told apart by script, then by country.

    Empty for what is no language.
    """
    language, *parts = tag.partition(".")[0].partition("@")[0].replace("-", "_").split("_")
    language = language.lower()
    if not language.isalpha():
        return ""
    if language in ("c", "posix"):
        return SOURCE
    if language == "zh":
        told = {part.upper() for part in parts}
        return "zh-Hant" if told & _TRADITIONAL and "HANS" not in told else "zh-Hans"
    return language


def entries(text: str) -> Iterator[tuple[str, str]]:
    """(msgid, msgstr) of each entry of a .po file. Fuzzy entries count as untranslated."""
    for block in text.split("\n\n"):
        found = {"msgid": "", "msgstr": ""}
        at, fuzzy = "", False
        for line in block.splitlines():
            if line.startswith("#"):
                fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
                continue
            keyword, _space, quoted = line.partition(" ") if not line.startswith('"') else (at, "", line)
            if keyword in found and quoted:
                at = keyword
                found[at] += ast.literal_eval(quoted)
        if at:
            yield found["msgid"], "" if fuzzy else found["msgstr"]
