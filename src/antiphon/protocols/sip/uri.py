"""SIP and SIPS URIs.

Source: RFC 3261 §19.1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote

from antiphon.protocols.sip.grammar import Malformed, number

MAX_CACHED = 256

_USER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#]|%[0-9A-Fa-f]{2})+")
_PASSWORD = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*")
_HOST = re.compile(r"[A-Za-z0-9\-._]+|\[[0-9A-Fa-f:.]+\]")
_PARAM = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()\[\]/:&+$]|%[0-9A-Fa-f]{2})+")
_HEADERS = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()\[\]/?:+$=&]|%[0-9A-Fa-f]{2})+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*")
_ABSOLUTE = re.compile(r"[A-Za-z0-9\-_.!~*'();/?:@&=+$,%#\[\]]+")


class SipUri:
    """A sip: or sips: URI. `user` is as sent, escapes and all; `username` is what it says. Immutable by agreement."""

    __slots__ = ("headers", "host", "params", "password", "port", "scheme", "user")

    def __init__(
        self,
        host: str,
        user: str = "",
        port: int | None = None,
        params: Mapping[str, str | None] | None = None,
        scheme: str = "sip",
        password: str | None = None,
        headers: str = "",
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.params: Mapping[str, str | None] = params or {}
        self.headers = headers

    @property
    def username(self) -> str:
        return unquote(self.user, errors="replace") if "%" in self.user else self.user

    def __str__(self) -> str:
        out = [self.scheme, ":"]
        if self.user:
            out.append(self.user if self.password is None else f"{self.user}:{self.password}")
            out.append("@")
        out.append(self.host)
        if self.port is not None:
            out.append(f":{self.port}")
        out.extend(
            [f";{name}" if value is None else f";{name}={value}" for name, value in self.params.items()]
        )
        if self.headers:
            out.append("?" + self.headers)
        return "".join(out)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SipUri) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"SipUri({str(self)!r})"


def scheme_of(text: str) -> str:
    """The scheme in lower case. Raises `Malformed` for text that is no absolute URI."""
    scheme, colon, rest = text.partition(":")
    if not colon or _SCHEME.fullmatch(scheme) is None or _ABSOLUTE.fullmatch(rest) is None:
        raise Malformed(f"not a URI: {text[:32]!r}")
    return scheme.lower()


def parse_uri(text: str) -> SipUri:
    """Raises `Malformed`, also for a URI of another scheme."""
    return _cached(text) if len(text) <= MAX_CACHED else _parse(text)


def _parse(text: str) -> SipUri:
    scheme, _, rest = text.partition(":")
    scheme = scheme.lower()
    if scheme not in ("sip", "sips"):
        raise Malformed(f"not a SIP URI: {text[:32]!r}")
    userinfo, at, rest = rest.rpartition("@")
    user, password = _userinfo(userinfo) if at else ("", None)
    rest, question, headers = rest.partition("?")
    if question and _HEADERS.fullmatch(headers) is None:
        raise Malformed("header part of a URI")
    hostport, *params = rest.split(";")
    host, port = host_and_port(hostport)
    return SipUri(host, user, port, _params(params), scheme, password, headers)


_cached = lru_cache(maxsize=8192)(_parse)


def _userinfo(text: str) -> tuple[str, str | None]:
    user, colon, password = text.partition(":")
    if _USER.fullmatch(user) is None or _PASSWORD.fullmatch(password) is None:
        raise Malformed("user part of a URI")
    return user, password if colon else None


def host_and_port(text: str) -> tuple[str, int | None]:
    """`host[:port]`, an IPv6 address in brackets."""
    if text.startswith("["):
        host, bracket, port = text.partition("]")
        host += bracket
        if port and port[0] != ":":
            raise Malformed("text after an IPv6 address")
        port, colon = port[1:], port[:1]
    else:
        host, colon, port = text.partition(":")
    if _HOST.fullmatch(host) is None:
        raise Malformed(f"host: {host[:32]!r}")
    return host, number(port, 65535) if colon else None


def _params(parts: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.lower()
        if _PARAM.fullmatch(name) is None or name in found or (equals and _PARAM.fullmatch(value) is None):
            raise Malformed(f"URI parameter: {part[:32]!r}")
        found[name] = value if equals else None
    return found
