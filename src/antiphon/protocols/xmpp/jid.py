"""XMPP addresses. Source: RFC 7622; profiles of RFC 8265 by precis-i18n; domains by IDNA 2008."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

import idna
from precis_i18n import get_profile

_PART_BYTES = 1023
_CACHED_LENGTH = 256
"""Longer addresses are prepared anew each time, so that the cache holds at most a few MiB."""

# The ASCII subset of each part's profile: nothing here is changed but for case.
_ASCII_LOCAL = re.compile(r"[!#$%()*+,\-.0-9;=?A-Z\[\\\]^_`a-z{|}~]+")
_ASCII_RESOURCE = re.compile(r"[ -~]+")
_ASCII_DOMAIN = re.compile(
    r"(?!.*xn--)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_FORBIDDEN_LOCAL = frozenset("\"&'/:<>@")

_username = get_profile("UsernameCaseMapped")
_opaque = get_profile("OpaqueString")


class MalformedJid(ValueError):
    """Not an address: the stanza error is `jid-malformed`."""


class Jid(NamedTuple):
    """An address. Values made by `parse` or `prepared` are prepared: equal addresses are equal tuples."""

    local: str
    """Empty for a domain or domain/resource."""
    domain: str
    resource: str = ""

    @classmethod
    def parse(cls, text: str) -> Jid:
        """Raises `MalformedJid`."""
        if len(text) <= _CACHED_LENGTH:
            return _parse_cached(text)
        return _parse(text)

    @classmethod
    def prepared(cls, local: str, domain: str, resource: str = "") -> Jid:
        """From unprepared parts; raises `MalformedJid`."""
        return cls(
            prepare_local(local) if local else "",
            prepare_domain(domain),
            prepare_resource(resource) if resource else "",
        )

    @property
    def bare(self) -> Jid:
        return Jid(self.local, self.domain) if self.resource else self

    @property
    def is_bare(self) -> bool:
        return not self.resource

    def with_resource(self, resource: str) -> Jid:
        """`resource` must be prepared."""
        return Jid(self.local, self.domain, resource)

    def __str__(self) -> str:
        local, domain, resource = self
        bare = f"{local}@{domain}" if local else domain
        return f"{bare}/{resource}" if resource else bare


def _parse(text: str) -> Jid:
    # RFC 7622 §3.2: the first "/" begins the resourcepart, then the first "@" ends the localpart.
    address, slash, resource = text.partition("/")
    local, at, domain = address.partition("@") if "@" in address else ("", "", address)
    if (slash and not resource) or (at and not local):
        raise MalformedJid("an empty part")
    return Jid(
        prepare_local(local) if local else "",
        prepare_domain(domain),
        prepare_resource(resource) if resource else "",
    )


_parse_cached = lru_cache(maxsize=16384)(_parse)


def prepare_local(text: str) -> str:
    """The UsernameCaseMapped profile without the characters of RFC 7622 §3.3.1. Raises `MalformedJid`."""
    if _ASCII_LOCAL.fullmatch(text) and len(text) <= _PART_BYTES:
        return text.lower()
    if len(text) > _PART_BYTES or not _FORBIDDEN_LOCAL.isdisjoint(text):
        raise MalformedJid("localpart")
    prepared = _enforce(_username, text, "localpart")
    if not _FORBIDDEN_LOCAL.isdisjoint(prepared):  # a full-width form was mapped to one of them
        raise MalformedJid("localpart")
    return prepared


def prepare_resource(text: str) -> str:
    """The OpaqueString profile. Raises `MalformedJid`."""
    if _ASCII_RESOURCE.fullmatch(text) and len(text) <= _PART_BYTES:
        return text
    if len(text) > _PART_BYTES:
        raise MalformedJid("resourcepart")
    return _enforce(_opaque, text, "resourcepart")


def prepare_domain(text: str) -> str:
    """Lower-case U-labels or an IP literal, without a final dot (RFC 7622 §3.2). Raises `MalformedJid`."""
    if len(text) > _PART_BYTES:
        raise MalformedJid("domainpart")
    lower = text.removesuffix(".").lower()
    if len(lower) <= 253 and _ASCII_DOMAIN.fullmatch(lower):
        return lower
    if lower.startswith("["):
        return _ipv6_literal(lower)
    try:
        return idna.decode(idna.encode(lower, uts46=True))
    except (UnicodeError, ValueError, IndexError):
        raise MalformedJid("domainpart") from None


def _ipv6_literal(text: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(text[1:-1] if text[-1] == ']' else '').compressed}]"
    except ValueError:
        raise MalformedJid("domainpart") from None


def _enforce(profile: object, text: str, part: str) -> str:
    try:
        prepared: str = profile.enforce(text)  # type: ignore[attr-defined]
    except (UnicodeError, ValueError):
        raise MalformedJid(part) from None
    if len(prepared.encode()) > _PART_BYTES:
        raise MalformedJid(part)
    return prepared
