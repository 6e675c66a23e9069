"""SASL mechanisms, the server's half. Source: RFC 6120 §6, RFC 4616, RFC 5802, RFC 7628.

A mechanism reads the client's messages and says what to do next: challenge it, or have the door check what it claims. What
holds for all: the identity that was proved is the identity of the session; an authorization identity must be empty or
say the same (`negotiation.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from antiphon.protocols.scram import HashName, ScramKeys
from antiphon.protocols.xmpp.scram import ScramRefused, ScramServer

Keys = Callable[[str, HashName], ScramKeys]


@dataclass(frozen=True, slots=True)
class Challenge:
    data: bytes


@dataclass(frozen=True, slots=True)
class CheckSecret:
    """Is `secret` a password, one-time password or token of `username`?"""

    username: str
    secret: str
    authzid: str


@dataclass(frozen=True, slots=True)
class CheckToken:
    """Whose access token is this?"""

    token: str
    authzid: str


@dataclass(frozen=True, slots=True)
class Proved:
    """`username` has proved to know its keys; `data` goes with the success."""

    username: str
    data: bytes
    authzid: str


@dataclass(frozen=True, slots=True)
class Refused:
    """`condition` of RFC 6120 §6.5; `guess` says that somebody may be guessing (counts for the limit)."""

    condition: str
    username: str = ""
    guess: bool = False


Step = Challenge | CheckSecret | CheckToken | Proved | Refused


@dataclass(frozen=True, slots=True)
class Offer:
    """What one stream may use."""

    encrypted: bool
    """PLAIN and tokens only then, or when the operator allows it (measurements on loopback)."""
    binding: bytes = b""
    """tls-server-end-point of this connection."""
    oauth_metadata: str = ""
    """Where a client whose token is refused may look for the way to another (RFC 7628 §3.2.2)."""


class Mechanism(Protocol):
    def step(self, message: bytes) -> Step: ...


class Plain:
    """RFC 4616."""

    def step(self, message: bytes) -> Step:
        parts = _text(message).split("\0") if _is_text(message) else []
        if len(parts) != 3 or not parts[1] or not parts[2]:
            return Refused("malformed-request")
        return CheckSecret(parts[1], parts[2], parts[0])


class OAuthBearer:
    """RFC 7628. A refused token gets a JSON challenge first, and the failure after the client's answer to that."""

    def __init__(self, offer: Offer) -> None:
        self._metadata = offer.oauth_metadata
        self._refused = False

    def step(self, message: bytes) -> Step:
        if self._refused:
            return Refused("not-authorized", guess=True)
        if not _is_text(message):
            return Refused("malformed-request")
        header, separator, rest = _text(message).partition("\x01")
        flag, _, authzid = header.rstrip(",").partition(",")
        pairs = dict(part.partition("=")[::2] for part in rest.split("\x01") if part)
        scheme, _, token = pairs.get("auth", "").partition(" ")
        if not separator or flag not in ("n", "y") or (authzid and not authzid.startswith("a=")):
            return Refused("malformed-request")
        if scheme.lower() != "bearer" or not token.strip():
            return self.refuse()
        return CheckToken(token.strip(), authzid[2:].replace("=2C", ",").replace("=3D", "="))

    def refuse(self) -> Step:
        self._refused = True
        reason = {"status": "invalid_token"}
        if self._metadata:
            reason["openid-configuration"] = self._metadata
        return Challenge(json.dumps(reason).encode())


class CiscoToken:
    """CISCO-VTG-TOKEN: `userid=…` NUL `token=…`; the token is a one-time password or an access token."""

    def step(self, message: bytes) -> Step:
        pairs = (
            dict(part.partition("=")[::2] for part in _text(message).split("\0")) if _is_text(message) else {}
        )
        username, token = pairs.get("userid", ""), pairs.get("token", "")
        if not username or not token:
            return Refused("malformed-request")
        return CheckSecret(username, token, "")


class Scram:
    """RFC 5802, RFC 7677."""

    def __init__(
        self, name: HashName, plus: bool, plus_offered: bool, offer: Offer, keys: Keys, nonce: str
    ) -> None:
        self._exchange = ScramServer(name, plus, plus_offered, offer.binding)
        self._keys = keys
        self._nonce = nonce
        self._begun = False

    def step(self, message: bytes) -> Step:
        exchange = self._exchange
        try:
            if not self._begun:
                self._begun = True
                return Challenge(exchange.first(message, self._keys, self._nonce))
            return Proved(exchange.username, exchange.final(message), exchange.authzid)
        except ScramRefused as refused:
            return Refused(refused.condition, exchange.username, refused.condition == "not-authorized")


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(message: bytes) -> str:
    return message.decode()


_SCRAM: Final[dict[str, tuple[HashName, bool]]] = {
    "SCRAM-SHA-256-PLUS": ("sha-256", True),
    "SCRAM-SHA-1-PLUS": ("sha-1", True),
    "SCRAM-SHA-256": ("sha-256", False),
    "SCRAM-SHA-1": ("sha-1", False),
}
_CLEAR: Final[dict[str, Callable[[Offer], Mechanism]]] = {
    "OAUTHBEARER": OAuthBearer,
    "PLAIN": lambda _: Plain(),
    "CISCO-VTG-TOKEN": lambda _: CiscoToken(),
}
ALL: Final = (*_SCRAM, *_CLEAR)
"""In the order of preference."""


@lru_cache(maxsize=64)
def offered(enabled: tuple[str, ...], offer: Offer) -> tuple[str, ...]:
    """What a stream in this situation may use, of what is enabled, in the order of preference."""
    return tuple(
        name
        for name in ALL
        if name in enabled
        and (name not in _CLEAR or offer.encrypted)
        and (not name.endswith("-PLUS") or offer.binding)
    )


def begin(name: str, among: tuple[str, ...], offer: Offer, keys: Keys, nonce: Callable[[], str]) -> Mechanism:
    """One attempt with one of the mechanisms that were `offered` (`among`)."""
    scram = _SCRAM.get(name)
    if scram is None:
        return _CLEAR[name](offer)
    plus_offered = any(each.endswith("-PLUS") for each in among)
    return Scram(*scram, plus_offered, offer, keys, nonce())
