"""Addresses in From, To, Contact, Route, Record-Route, Refer-To.

Source: RFC 3261 §20.10, §25.1 (name-addr, addr-spec)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from antiphon.protocols.sip.grammar import (
    LWS,
    Malformed,
    end_of_quoted,
    parameters,
    print_parameters,
    split,
    unquote,
)
from antiphon.protocols.sip.uri import SipUri, parse_uri, scheme_of

MAX_CACHED = 512

_DISPLAY = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t\u0080-\U0010ffff]*")


class NameAddr:
    """`"Display" <uri>;params`. `uri` is as sent, `sip` its parsed form. Immutable by agreement: parsed ones are cached."""

    __slots__ = ("display", "params", "uri")

    def __init__(self, uri: str, params: Mapping[str, str | None] | None = None, display: str = "") -> None:
        self.display = display
        self.uri = uri
        self.params: Mapping[str, str | None] = params or {}

    @property
    def sip(self) -> SipUri:
        """Raises `Malformed` for a URI of another scheme."""
        return parse_uri(self.uri)

    @property
    def tag(self) -> str:
        return self.params.get("tag") or ""

    @property
    def name(self) -> str:
        """The display name without its quotes."""
        return unquote(self.display)

    @property
    def address(self) -> str:
        """Name and URI without the header's parameters."""
        return f"{self.display} <{self.uri}>" if self.display else f"<{self.uri}>"

    def parameter(self, name: str) -> str:
        """The value of a parameter without its quotes; empty when absent or without a value."""
        return unquote(self.params.get(name) or "")

    def __str__(self) -> str:
        return self.address + print_parameters(self.params)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NameAddr) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"


def parse_name_addr(text: str) -> NameAddr:
    """One address with its parameters. Raises `Malformed`."""
    return _cached(text) if len(text) <= MAX_CACHED else _parse(text)


def parse_name_addrs(text: str) -> list[NameAddr]:
    """Addresses of one or more header fields: comma between elements, line feed between fields."""
    if "," not in text and "\n" not in text:
        return [parse_name_addr(text)]
    return [parse_name_addr(part) for field in text.split("\n") for part in split(field, ",")]


def _parse(text: str) -> NameAddr:
    text = text.strip(LWS)
    first = text[:1]
    if first == "<":
        return _bracketed("", text)
    if first == '"':
        end = end_of_quoted(text, 0)
        display, rest = text[:end], text[end:].lstrip(LWS)
        if not rest.startswith("<"):
            raise Malformed("display name without an address")
        return _bracketed(display, rest)
    begin = text.find("<")
    if begin < 0:
        return _bare(text)
    display = text[:begin].rstrip(LWS)
    if _DISPLAY.fullmatch(display) is None:
        # `sip:a@b;x="<"`: the bracket stands in a quoted parameter of an address without brackets.
        if '"' in display:
            return _bare(text)
        raise Malformed(f"display name: {display[:32]!r}")
    return _bracketed(display, text[begin:])


_cached = lru_cache(maxsize=8192)(_parse)


def _bracketed(display: str, rest: str) -> NameAddr:
    end = rest.find(">")
    if end < 0:
        raise Malformed("angle bracket without an end")
    uri = rest[1:end]
    _check(uri)
    return NameAddr(uri, parameters(rest[end + 1 :]), display)


def _bare(text: str) -> NameAddr:
    """§20: a URI with a comma, question mark or semicolon must be bracketed, so here a semicolon ends it."""
    uri, semicolon, params = text.partition(";")
    uri = uri.rstrip(LWS)
    if "?" in uri or "," in uri:
        raise Malformed("URI that must be in angle brackets")
    _check(uri)
    return NameAddr(uri, parameters(semicolon + params))


def _check(uri: str) -> None:
    if uri[:4] in ("sip:", "SIP:") or uri[:5] in ("sips:", "SIPS:"):
        parse_uri(uri)
    else:
        scheme_of(uri)
