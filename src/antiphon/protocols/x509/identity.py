"""Is this the server it should be? The fields are tried in the documented order; the first match decides.

XMPP: XmppAddr, SRVName, dNSName, common name (S4-35 … S4-38). HTTP and SIP: dNSName, common name (S4-39, S4-40).
A wildcard is the whole left-most label and stands for exactly one label, in dNSName and in the common name (S4-41).

Two deviations, both for safety: the common name counts only where the certificate has no other name for a server
(RFC 9525 §2.1 does not look at it at all; old clients look at it always, `common_name_beside_others`), and an IP
address is compared with the iPAddress field only, never with a text (S4-43).
"""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass

import idna
from cryptography import x509

from antiphon.protocols.x509.names import Names, names_of


class Field(enum.Enum):
    """Where the matching name stood."""

    XMPP_ADDR = "SubjectAltName otherName xmppAddr"
    SRV_NAME = "SubjectAltName otherName srvName"
    DNS_NAME = "SubjectAltName dNSName"
    IP_ADDRESS = "SubjectAltName iPAddress"
    COMMON_NAME = "Subject CN"


@dataclass(frozen=True, slots=True)
class Match:
    field: Field
    presented: str
    """The name as the certificate has it, e.g. `*.example.test`."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Whom the client wanted to reach."""

    host: str
    """For HTTP and SIP the host of the address; for XMPP the domain (S4-62), not the server's own name."""
    xmpp: bool = False
    srv_service: str = "_xmpp-client"

    @classmethod
    def for_xmpp(cls, domain: str, *, server_to_server: bool = False) -> Expected:
        return cls(domain, True, "_xmpp-server" if server_to_server else "_xmpp-client")


def match(
    certificate: x509.Certificate | Names, expected: Expected, *, common_name_beside_others: bool = False
) -> Match | None:
    """The first field that says `expected`, or None. Never raises."""
    names = certificate if isinstance(certificate, Names) else names_of(certificate)
    host = ascii_name(expected.host)
    if host is None:
        return None
    if (address := _address(host)) is not None:
        return Match(Field.IP_ADDRESS, address) if address in names.ip_addresses else None
    if expected.xmpp:
        if host in (ascii_name(name) for name in names.xmpp_addrs):
            return Match(Field.XMPP_ADDR, host)
        srv = f"{expected.srv_service}.{host}"
        if srv in (name.rstrip(".") for name in names.srv_names):
            return Match(Field.SRV_NAME, srv)
    for presented in names.dns_names:
        if _same(presented, host):
            return Match(Field.DNS_NAME, presented)
    if common_name_beside_others or not names.has_alternative:
        for presented in names.common_names:
            if _same(presented, host):
                return Match(Field.COMMON_NAME, presented)
    return None


def ascii_name(name: str) -> str | None:
    """Lower case, without the last dot, in A-labels (RFC 5890); None for what is no host name."""
    name = name.strip().lower().rstrip(".")
    if not name or len(name) > 253 or "*" in name:
        return None
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _address(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def _same(presented: str, host: str) -> bool:
    presented = presented.lower().rstrip(".")
    if not presented.startswith("*."):
        return "*" not in presented and presented == host
    rest = presented[2:]
    label, _, parent = host.partition(".")
    # `*.test` would stand for every domain under a top-level one.
    return bool(label) and "." in rest and "*" not in rest and parent == rest
