"""Facts that trust publishes."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.kernel.bus import Event


@dataclass(frozen=True, slots=True)
class CertificateChanged(Event):
    """A server certificate was made, renewed or imported; new connections get it."""

    node: str
    purpose: str
    not_after: float


@dataclass(frozen=True, slots=True)
class AuthoritiesChanged(Event):
    """Another set of authorities is trusted for peers."""


@dataclass(frozen=True, slots=True)
class CertificateExpiring(Event):
    """Thirty, fourteen or three days are left, or none. Each is said once per process."""

    node: str
    purpose: str
    days_left: int
