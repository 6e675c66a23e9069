"""Names: the domain of an address, SRV owner names, and what is not a name at all."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

import idna

MAX_NAME = 253
"""Octets of a name in text form without the final dot. Source: RFC 1035 §2.3.4."""
MAX_LABEL = 63


class Mailbox(NamedTuple):
    """The two halves of what a person types at sign-in, e.g. `alice@example.test`."""

    local: str
    domain: str
    """In A-label form, lower case, without a final dot."""


def is_address(text: str) -> bool:
    """Whether `text` is an IP address (an SRV target must not be one, RFC 2782 "Target")."""
    try:
        ipaddress.ip_address(text.strip("[]").rstrip("."))
    except ValueError:
        return False
    return True


def normalise(domain: str) -> str:
    """The A-label form of a domain, lower case, without the final dot. Raises ValueError when it is no domain name."""
    text = domain.strip().rstrip(".").lower()
    if not text or is_address(text):
        raise ValueError(f"not a domain name: {domain!r}")
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise ValueError(f"not a domain name: {domain!r}") from error
    if len(text) > MAX_NAME or any(not _is_label(label) for label in text.split(".")):
        raise ValueError(f"not a domain name: {domain!r}")
    return text


def _is_label(label: str) -> bool:
    return 0 < len(label) <= MAX_LABEL and all(c.isalnum() or c in "-_" for c in label)


def mailbox(address: str) -> Mailbox:
    """Split `user@domain`; the last `@` separates. Raises ValueError."""
    local, at, domain = address.strip().rpartition("@")
    if not at or not local or any(c.isspace() or not c.isprintable() for c in local):
        raise ValueError(f"not an address of the form user@domain: {address!r}")
    return Mailbox(local, normalise(domain))


def srv_name(service: str, protocol: str, domain: str) -> str:
    """`_cisco-uds._tcp.example.test` from ("cisco-uds", "tcp", "example.test")."""
    return f"_{service}._{protocol}.{domain}"


def underscore_twin(name: str) -> str | None:
    """The commonest misspelling of an SRV name: `_cisco_uds` for `_cisco-uds` (S1-49, S2-46). None without a hyphen."""
    service, dot, rest = name.partition(".")
    if not dot or "-" not in service:
        return None
    return f"{service.replace('-', '_')}.{rest}"
