"""Settings of provisioning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SipPorts:
    """Where a call node listens."""

    sip: int = 5060
    sip_tls: int = 5061
    oauth: int = 5090
    """`sipOAuthPort`, 1024-49151 (S3-28)."""
    oauth_edge: int = 5091
    """`sipMRAOAuthPort`, 1024-49151."""


@dataclass(frozen=True, slots=True)
class ProvisioningSettings:
    """What all devices of a cluster have in common."""

    sip: SipPorts = SipPorts()
    time_zone: str = "Etc/UTC"
    """Name in the tz database."""
    media_ports: tuple[int, int] = (16384, 32766)
    register_expires_s: int = 3600
    """What a device asks for; the registrar may grant less (S3-58)."""
    keep_alive_s: int = 120
    connection_monitor_s: int = 120
    """How long the primary must stay reachable before a device falls back to it."""
    voicemail_number: str = ""
    plain_port: int = 6970
    phone_tls_port: int = 6971
    client_tls_port: int = 6972
