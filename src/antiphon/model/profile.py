"""UC services and the service profiles that bundle them."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ServiceKind(enum.Enum):
    """The seven sections of a service profile, by the element name of its file."""

    VOICEMAIL = "Voicemail"
    MAIL_STORE = "MailStore"
    CONFERENCING = "Conferencing"
    DIRECTORY = "Directory"
    IM_AND_PRESENCE = "IMandPresence"
    CTI = "CTI"
    SCHEDULING_PORTAL = "VideoConferenceSchedulingPortal"


@dataclass(frozen=True, slots=True)
class UcService:
    """One address of one service."""

    name: str
    pkid: str
    kind: ServiceKind
    host: str
    port: int = 0
    """0 when the kind has no port of its own."""
    protocol: str = ""
    product: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """Names of `UcService`s: per kind the primary, then the first and second backup."""

    name: str
    pkid: str
    description: str = ""
    is_default: bool = False
    services: tuple[tuple[ServiceKind, tuple[str, ...]], ...] = ()
    client_parameters: tuple[tuple[str, str, str], ...] = ()
    """(section, parameter, value) of jabber-config.xml, e.g. ("Policies", "EnableSIPURIDialling", "true")."""
