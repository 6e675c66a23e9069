"""The Via header: where a request came from and which transaction it belongs to.

Source: RFC 3261 §20.42, RFC 3581
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from antiphon.protocols.sip.grammar import LWS, Malformed, is_token, parameters, print_parameters, split
from antiphon.protocols.sip.uri import host_and_port

MAGIC_COOKIE = "z9hG4bK"
"""§8.1.1.7: branches that begin so are unique by themselves."""

_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/]+")
_USUAL = frozenset({"branch", "rport", "received", "alias", "keep"})


class Via:
    """One Via element. `raw` is the text it was parsed from."""

    __slots__ = ("host", "params", "port", "raw", "transport")

    def __init__(
        self, transport: str, host: str, port: int | None, params: Mapping[str, str | None], raw: str = ""
    ) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params
        self.raw = raw

    @property
    def branch(self) -> str:
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def stamped(self, host: str, port: int) -> str:
        """The element as it goes into a response: `received` and `rport` come from the socket, never from the peer.

        Source: RFC 3261 §18.2.1, RFC 3581 §4
        """
        params = self.params
        if "rport" not in params and "received" not in params and host == self.host:
            return self.raw
        if (
            "rport" in params
            and "received" not in params
            and params["rport"] is None
            and self.raw.count(";rport") == 1
        ):
            return self.raw.replace(";rport", f";rport={port};received={host}")
        kept = {name: value for name, value in params.items() if name != "received"}
        if "rport" in kept:
            kept["rport"] = str(port)
            kept["received"] = host
        elif host != self.host:
            kept["received"] = host
        return f"SIP/2.0/{self.transport} {self.sent_by}{print_parameters(kept)}"

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{print_parameters(self.params)}"


def parse_via(text: str) -> Via:
    """One element. Raises `Malformed`."""
    head, *rest = text.split(";")
    try:
        transport, host, port = _cached_head(head)
    except Malformed:
        return _general(text)
    params: dict[str, str | None] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if name in params or name not in _USUAL:
            return _general(text)
        if equals and not (value.isalnum() and value.isascii()) and _VALUE.fullmatch(value) is None:
            return _general(text)
        params[name] = value if equals else None
    return Via(transport, host, port, params, text)


def _head(text: str) -> tuple[str, str, int | None]:
    """`SIP/2.0/UDP host:port` in its usual spelling: the part that is the same in all requests of a peer."""
    if text[:8] != "SIP/2.0/":
        raise Malformed("Via protocol")
    transport, space, sent_by = text[8:].partition(" ")
    if not space or not is_token(transport) or len(text) > 128:
        raise Malformed("Via transport")
    host, port = host_and_port(sent_by)
    return transport.upper(), host, port


_cached_head = lru_cache(maxsize=8192)(_head)


def _general(text: str) -> Via:
    """White space may stand around every slash, colon, semicolon and equals sign."""
    protocol, slash, rest = text.partition("/")
    version, slash2, rest = rest.partition("/")
    rest = rest.lstrip(LWS)
    transport = rest.replace("\t", " ").partition(" ")[0]
    sent_by, semicolon, params = rest[len(transport) :].partition(";")
    if not slash or not slash2 or protocol.strip(LWS).upper() != "SIP" or version.strip(LWS) != "2.0":
        raise Malformed("Via protocol")
    if not is_token(transport):
        raise Malformed("Via transport")
    sent_by = " ".join(sent_by.split()).replace(" :", ":").replace(": ", ":")
    host, port = host_and_port(sent_by)
    return Via(transport.upper(), host, port, parameters(semicolon + params), text)


def parse_vias(text: str) -> list[Via]:
    """Every element of one or more fields, the newest first."""
    return [parse_via(part) for field in text.split("\n") for part in split(field, ",")]
