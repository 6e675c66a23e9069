"""Server certificates: what each is for, and which names it must say."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from antiphon.protocols.x509.identity import Expected
from antiphon.protocols.x509.names import Names, names_of


class Purpose(enum.Enum):
    """By the names that administrators of such systems know."""

    TOMCAT = "tomcat"
    """HTTPS, and SIP over TLS including 5090 and 5091 (S3-20)."""
    XMPP = "cup-xmpp"
    CALL_MANAGER = "callmanager"


def names_for(node: str, purpose: Purpose, domain: str, also: tuple[str, ...] = ()) -> Names:
    """The names of a new certificate. `also`: further host names, or further XMPP domains."""
    match purpose:
        case Purpose.TOMCAT:
            return Names(dns_names=_distinct(node, *also), common_names=(node,))
        case Purpose.XMPP:
            domains = _distinct(domain, *also)
            return Names(
                xmpp_addrs=domains,
                srv_names=tuple(
                    f"{service}.{each}" for each in domains for service in ("_xmpp-client", "_xmpp-server")
                ),
                dns_names=_distinct(*domains, node),
                common_names=(node,),
            )
        case Purpose.CALL_MANAGER:
            return Names(dns_names=_distinct(node, domain, *also), common_names=(node,))


def required_of(node: str, purpose: Purpose, domain: str) -> Expected:
    """What clients compare: the XMPP domain (S4-62), or the node's own name."""
    return Expected.for_xmpp(domain) if purpose is Purpose.XMPP else Expected(node)


def _distinct(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.lower() for name in names))


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """One certificate in use, with its key in the same file."""

    node: str
    purpose: Purpose
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    """What is sent behind it; without the root."""
    path: Path
    """PEM: the private key, the certificate, the chain (mode 0600)."""
    ours: bool
    """Signed by the deployment's own authority, which renews it without being asked."""

    @property
    def names(self) -> Names:
        return names_of(self.certificate)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def not_before(self) -> float:
        return self.certificate.not_valid_before_utc.timestamp()

    @property
    def not_after(self) -> float:
        return self.certificate.not_valid_after_utc.timestamp()
