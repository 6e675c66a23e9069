"""SRTP keys in SDP: the value of `a=crypto`.

Source: RFC 4568 §4, §6, §9.1; RFC 7714 §14.2 (AES-GCM suites).
"""

from __future__ import annotations

import base64
import binascii
import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from antiphon.kernel.random import Random


class _Sizes(NamedTuple):
    key: int
    salt: int


class Suite(enum.Enum):
    """Crypto suites by their name in SDP, the preferred one first."""

    AEAD_AES_256_GCM = "AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"

    @property
    def key_length(self) -> int:
        """Octets of master key and master salt together."""
        sizes = _SIZES[self]
        return sizes.key + sizes.salt


_SIZES = {
    Suite.AEAD_AES_256_GCM: _Sizes(32, 12),
    Suite.AEAD_AES_128_GCM: _Sizes(16, 12),
    Suite.AES_CM_128_HMAC_SHA1_80: _Sizes(16, 14),
    Suite.AES_CM_128_HMAC_SHA1_32: _Sizes(16, 14),
}

_LINE = re.compile(
    r"(?P<tag>[1-9]\d{0,8}) +(?P<suite>[A-Za-z0-9_]+) +inline:(?P<key>[A-Za-z0-9+/]{16,128}={0,2})"
    r"(?P<rest>(?:\|[^|; ]{1,32}){0,2})(?P<more>(?:;[^ ]*)?)(?P<session>(?: +[^ ]+)*) *"
)


@dataclass(frozen=True, slots=True)
class Crypto:
    """One `a=crypto` line. `key` is the master key followed by the master salt."""

    tag: int
    suite: Suite
    key: bytes

    def __repr__(self) -> str:
        # The key never reaches a log by way of a traceback or an assertion.
        return f"Crypto(tag={self.tag}, suite={self.suite.value})"

    def value(self) -> str:
        return f"{self.tag} {self.suite.value} inline:{base64.b64encode(self.key).decode()}"


def parse(value: str) -> Crypto | None:
    """The line, or None where it is malformed or asks for what is not done here: an unknown suite, an MKI, several
    keys, or a session parameter that changes the protection (`UNENCRYPTED_SRTP`, `KDR` …; RFC 4568 §6.3: a line with a
    parameter that is not understood is not to be used)."""
    match = _LINE.fullmatch(value)
    if match is None or match["more"] or ":" in match["rest"]:
        return None
    if any(not parameter.startswith("-") for parameter in match["session"].split()):
        return None
    try:
        suite = Suite(match["suite"].upper())
        key = base64.b64decode(match["key"] + "=" * (-len(match["key"]) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return Crypto(int(match["tag"]), suite, key) if len(key) == suite.key_length else None


def offer(random: Random, suites: Iterable[Suite] = tuple(Suite)) -> tuple[Crypto, ...]:
    """One line a suite with a fresh key each, tags counting from 1."""
    return tuple(
        Crypto(tag, suite, random.raw(suite.key_length)) for tag, suite in enumerate(suites, start=1)
    )


def answer(offered: Iterable[Crypto], random: Random) -> tuple[Crypto, Crypto] | None:
    """(the peer's line, ours): the first offered line is taken, with its tag and suite and a key of our own.

    Source: RFC 4568 §5.1.2: the offerer lists its lines by preference.
    """
    for theirs in offered:
        return theirs, Crypto(theirs.tag, theirs.suite, random.raw(theirs.suite.key_length))
    return None
