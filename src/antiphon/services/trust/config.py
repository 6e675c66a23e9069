"""Settings of trust."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrustSettings:
    organisation: str = "Antiphon"
    """Stands before the authorities' names."""
    key: str = "ec-256"
    """Of `protocols.x509.issue.KEY_KINDS`; `rsa-2048` for phones that cannot do elliptic curves."""
    root_days: int = 3650
    issuing_days: int = 1825
    certificate_days: float = 397
    """Apple's and the browsers' limit for certificates of a public authority; a private one may go beyond."""
    warn_days: tuple[int, ...] = (30, 14, 3)
