"""Search by the beginning of names, numbers and addresses, without regard to case.

Source: UDS `/users`: `name=x y` means first `x*` and last `y*`, or the reverse, or any name that begins with `x y`.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

from antiphon.model import User
from antiphon.services.directory.errors import BAD_SEARCH

MAX_LIMIT = 500
"""The largest page, whatever was asked for (UDS "User Search Limit" 1-500)."""
DEFAULT_LIMIT = 64

NAMES = ("first", "last", "displayname")
# What a person types into a search box may stand in any of these.
FIELDS: dict[str, tuple[str, ...]] = {
    "name": NAMES,
    "first": ("first",),
    "last": ("last",),
    "displayname": ("displayname",),
    "userid": ("userid",),
    "number": ("telephone", "mobile", "home"),
    "email": ("mail",),
}
_LAST = "\U0010ffff"


class SearchPage(NamedTuple):
    users: tuple[User, ...]
    total: int
    """How many there are on all pages."""


def fold(text: str) -> str:
    """What two spellings of one word have in common. Runs of spaces count as one."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def keys_of(user: User) -> dict[str, str]:
    return {
        "first": fold(user.first_name),
        "last": fold(user.last_name),
        "displayname": fold(user.display_name),
        "userid": user.userid,
        "telephone": fold(user.telephone),
        "mobile": fold(user.mobile),
        "home": fold(user.home_phone),
        "mail": fold(user.mail),
    }


class SearchIndex:
    """One sorted list per field: a search costs the logarithm of the users plus what it finds."""

    def __init__(self) -> None:
        self._sorted: dict[str, list[tuple[str, str]]] = {field: [] for field in keys_of(User("", ""))}
        self._users: dict[str, tuple[User, dict[str, str]]] = {}

    def fill(self, users: Iterable[User]) -> None:
        """Replace everything; cheaper than adding one by one."""
        self._users = {user.userid: (user, keys_of(user)) for user in users if user.enabled}
        for field, entries in self._sorted.items():
            entries[:] = sorted(
                (keys[field], userid) for userid, (_, keys) in self._users.items() if keys[field]
            )

    def put(self, user: User) -> None:
        self.remove(user.userid)
        if not user.enabled:
            return
        keys = keys_of(user)
        self._users[user.userid] = (user, keys)
        for field, key in keys.items():
            if key:
                insort(self._sorted[field], (key, user.userid))

    def remove(self, userid: str) -> None:
        if (known := self._users.pop(userid, None)) is None:
            return
        for field, key in known[1].items():
            if key:
                del self._sorted[field][bisect_left(self._sorted[field], (key, userid))]

    def search(self, text: str, field: str, start: int, limit: int) -> SearchPage:
        """Disabled users are not found. Ordered by last, then first name, then userid. Raises AP-DIR-024."""
        if field not in FIELDS:
            raise BAD_SEARCH.error(field[:64])
        wanted = fold(text)
        found = self._found(wanted, FIELDS[field]) if wanted else set(self._users)
        if field == "name" and " " in wanted:
            found |= self._both_names(wanted)
        ordered = sorted(found, key=self._order)
        start = max(start, 0)
        page = ordered[start : start + min(max(limit, 0), MAX_LIMIT)]
        return SearchPage(tuple(self._users[userid][0] for userid in page), len(ordered))

    def _found(self, wanted: str, fields: Iterable[str]) -> set[str]:
        return {userid for field in fields for userid in self._beginning_with(field, wanted)}

    def _both_names(self, wanted: str) -> set[str]:
        """Of three words or more any break may be the one between the names."""
        words = wanted.split(" ")
        found: set[str] = set()
        for at in range(1, len(words)):
            one, other = " ".join(words[:at]), " ".join(words[at:])
            found |= self._beginning_with("first", one) & self._beginning_with("last", other)
            found |= self._beginning_with("last", one) & self._beginning_with("first", other)
        return found

    def _beginning_with(self, field: str, wanted: str) -> set[str]:
        entries = self._sorted[field]
        return {
            userid
            for _, userid in entries[
                bisect_left(entries, (wanted, "")) : bisect_left(entries, (wanted + _LAST, ""))
            ]
        }

    def _order(self, userid: str) -> tuple[str, str, str]:
        keys = self._users[userid][1]
        return keys["last"] or keys["displayname"], keys["first"], userid
