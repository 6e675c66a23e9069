"""Text for people in their language: gettext catalogues below `antiphon/locale`, English where there is none."""

from __future__ import annotations

import gettext
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("antiphon", Path(__file__).parent.parent / "locale", fallback=True)


def _(message: str) -> str:
    """The message in the language of `LANGUAGE`, `LC_ALL`, `LC_MESSAGES` or `LANG`."""
    return _catalogue().gettext(message)
