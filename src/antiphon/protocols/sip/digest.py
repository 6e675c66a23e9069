"""Digest: stateless nonces, counted use, and the check of a response.

A nonce is made from the time, a serial number and a keyed hash over both and the client's address: nothing is stored for a
peer that only asks. What is stored is the highest count of each nonce that was used successfully.

Source: RFC 7616, RFC 8760 §2.5; RFC 3261 §22.4
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache

_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
ALGORITHMS = tuple(_HASHES)

_MAC_BYTES = 12
_REQUIRED = frozenset({"username", "realm", "nonce", "uri", "response", "cnonce"})


def ha1(username: str, realm: str, password: str, algorithm: str) -> str:
    """H(A1), in lower-case hex: what is stored instead of a password."""
    return _HASHES[algorithm](f"{username}:{realm}:{password}".encode())


def _ha2(algorithm: str, method: str, uri: str) -> str:
    return _HASHES[algorithm](f"{method}:{uri}".encode("utf-8", "surrogateescape"))


_cached_ha2 = lru_cache(maxsize=4096)(_ha2)


def response(ha1_hex: str, method: str, params: dict[str, str], algorithm: str) -> str:
    """What `response=` must say for these parameters with qop=auth."""
    uri = params["uri"]
    a2 = _cached_ha2(algorithm, method, uri) if len(uri) <= 256 else _ha2(algorithm, method, uri)
    text = f"{ha1_hex}:{params['nonce']}:{params['nc']}:{params['cnonce']}:{params['qop']}:{a2}"
    return _HASHES[algorithm](text.encode("utf-8", "surrogateescape"))


def complete(params: dict[str, str]) -> bool:
    """Are the parameters there that a check needs, with qop=auth and a count of eight hex digits?"""
    return params.get("qop") == "auth" and len(params.get("nc", "")) == 8 and params.keys() >= _REQUIRED


def matches(ha1_hex: str, method: str, params: dict[str, str], algorithm: str) -> bool:
    """Is the response right? Compared in constant time."""
    expected = response(ha1_hex, method, params, algorithm)
    return hmac.compare_digest(expected.encode(), params["response"].encode("utf-8", "surrogateescape"))


class Nonce(enum.Enum):
    """What a nonce and its count are worth."""

    GOOD = "good"
    STALE = "stale"
    """Ours, but too old or no longer known: challenge again with stale=true."""
    REPLAYED = "replayed"
    FOREIGN = "foreign"
    """Not ours, or another address's."""


class _Used:
    __slots__ = ("count", "issued", "source")

    def __init__(self, count: int, issued: float, source: str) -> None:
        self.count = count
        self.issued = issued
        self.source = source


class Nonces:
    """Issues nonces and judges them. `first_s` is how long a fresh one waits for its first use, `reuse_s` how long a client
    may go on counting with one that it has used; `limit` bounds how many used ones are remembered."""

    def __init__(
        self, key: bytes, first_s: float = 60.0, reuse_s: float = 600.0, limit: int = 100_000
    ) -> None:
        self._key = key[:64]
        self._first_s = first_s
        self._reuse_s = reuse_s
        self._limit = limit
        self._used: dict[str, _Used] = {}
        self._forgotten_until = float("-inf")
        self._serial = 0

    def issue(self, source: str, now: float) -> str:
        """`source` is the client's address without its port: NATs move ports, not networks."""
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        body = int(now * 1000).to_bytes(6, "big") + self._serial.to_bytes(4, "big")
        return urlsafe_b64encode(body + self._mac(body, source)).decode().rstrip("=")

    def judge(self, nonce: str, nc: str, source: str, now: float) -> Nonce:
        """The worth of a nonce, before anything is known about the response. Changes nothing."""
        try:
            count = int(nc, 16)
        except ValueError:
            return Nonce.FOREIGN
        used = self._used.get(nonce)
        if used is not None:
            if used.source != source:
                return Nonce.FOREIGN
            if now - used.issued > self._reuse_s:
                return Nonce.STALE
            return Nonce.GOOD if count > used.count else Nonce.REPLAYED
        issued = self._issued(nonce, source)
        if issued is None:
            return Nonce.FOREIGN
        # A nonce that may have been used and forgotten cannot be told from a replayed one.
        if now - issued > self._first_s or issued <= self._forgotten_until:
            return Nonce.STALE
        return Nonce.GOOD

    def use(self, nonce: str, nc: str, source: str) -> None:
        """Counts a use, after `judge` found it good and the response was right."""
        used = self._used.get(nonce)
        if used is not None:
            used.count = int(nc, 16)
            return
        issued = self._issued(nonce, source)
        if issued is None:
            return
        if len(self._used) >= self._limit:
            oldest = next(iter(self._used))
            self._forgotten_until = max(self._forgotten_until, self._used.pop(oldest).issued)
        self._used[nonce] = _Used(int(nc, 16), issued, source)

    def _issued(self, nonce: str, source: str) -> float | None:
        if len(nonce) != 30:
            return None
        try:
            raw = urlsafe_b64decode(nonce + "==")
        except ValueError:
            return None
        body = raw[:10]
        if not hmac.compare_digest(raw[10:], self._mac(body, source)):
            return None
        return int.from_bytes(body[:6], "big") / 1000

    def _mac(self, body: bytes, source: str) -> bytes:
        return hashlib.blake2s(body + source.encode(), key=self._key[:32], digest_size=_MAC_BYTES).digest()
