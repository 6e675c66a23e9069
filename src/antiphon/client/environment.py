"""How a client reaches the outside: which name server it asks and whom it trusts.

Kept with a sign-in, so that what worked when signing in works for every later command.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from antiphon.client.paths import state_dir
from antiphon.client.trust import TrustStore
from antiphon.io.dns_client import Resolver, parse_server
from antiphon.kernel.core import Address
from antiphon.protocols.x509.identity import Expected


@dataclass(frozen=True, slots=True)
class Environment:
    """`resolver` None is the system's; `ca_file` adds authorities (PEM) to the system's."""

    resolver: Address | None = None
    ca_file: Path | None = None

    @classmethod
    def parse(cls, resolver: str = "", ca_file: str = "") -> Self:
        """From what a person typed. Raises ValueError for a resolver that is no address."""
        return cls(
            parse_server(resolver) if resolver else None,
            Path(ca_file).expanduser().absolute() if ca_file else None,
        )

    def open_resolver(self) -> Resolver:
        return Resolver(self.resolver)

    def trust(self) -> TrustStore:
        """The system's authorities, those of `ca_file`, and what this person has installed or accepted."""
        return TrustStore(state_dir() / "trust", ca_file=self.ca_file)

    def context_for(self, host: str, port: int) -> ssl.SSLContext:
        """For one HTTPS or SIP server: a certificate that was accepted for it counts, and nothing else then."""
        return self.trust().context(Expected(host), port)

    def tls_context(self) -> ssl.SSLContext:
        """For HTTPS and SIP: dNSName, then CN, a wildcard as the leftmost label (S4-39 … S4-41).

        The library checks in exactly this order: the common name only where the certificate has no dNSName.
        """
        context = ssl.create_default_context()
        if self.ca_file is not None:
            context.load_verify_locations(self.ca_file)
        return context

    def as_json(self) -> dict[str, Any]:
        return {
            "resolver": str(self.resolver) if self.resolver else "",
            "ca_file": str(self.ca_file) if self.ca_file else "",
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls.parse(str(value.get("resolver", "")), str(value.get("ca_file", "")))
