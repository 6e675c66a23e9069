"""Devices: what registers."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class SecurityMode(enum.IntEnum):
    """`deviceSecurityMode` of the device file."""

    NON_SECURE = 1
    AUTHENTICATED = 2
    ENCRYPTED = 3


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A line's appearance on a device."""

    number: str
    index: int = 1
    label: str = ""
    contact: str = ""
    """The UUID that is the user part of the Contact of this appearance (`<contact>` of the device file)."""
    max_calls: int = 6
    busy_trigger: int = 2


@dataclass(frozen=True, slots=True)
class Device:
    """A phone or softphone. `name` is case-sensitive and starts with its kind: CSF, TCT, BOT, TAB, SEP."""

    name: str
    pkid: str
    product: str = "Cisco Unified Client Services Framework"
    model: int = 503
    description: str = ""
    owner: str = ""
    lines: tuple[DeviceLine, ...] = ()
    sip_oauth: bool = True
    """The phone security profile's OAuth authentication: REGISTER with a token on `sipOAuthPort`."""
    security_mode: SecurityMode = SecurityMode.ENCRYPTED
    digest_algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    """What the challenge offers, in this order (RFC 8760)."""
    support_field: str = ""
    """Cisco Support Field; may name another jabber-config file."""
