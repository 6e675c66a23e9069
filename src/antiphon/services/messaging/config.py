"""Limits of messaging."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessagingLimits:
    """What one user may make the server keep."""

    sessions: int = 16
    """Connected resources."""
    roster_items: int = 1000
    roster_groups: int = 32
    """Groups of one contact."""
    name_length: int = 1023
    """Characters of a contact's name, of a group's name."""
    pending_requests: int = 256
    """Unanswered subscription requests of others."""
    offline_messages: int = 500
    offline_bytes: int = 8 * 1024 * 1024
    """Of all messages that wait for one user."""
    presence_bytes: int = 16 * 1024
    """Of one presence that is shown to contacts."""
    jid_bytes: int = 1000
    """Of an address that is kept: longer ones are legal but do not fit an index of PostgreSQL."""
    directed_presences: int = 256
    """Entities one session has sent presence to without a subscription (XEP-0045 rooms included)."""
    private_elements: int = 64
    private_bytes: int = 65536
    """Of one element of private XML storage."""
    blocked: int = 1000


@dataclass(frozen=True, slots=True)
class Software:
    """What the server says of itself."""

    name: str = "Antiphon"
    version: str = ""
    contacts: tuple[tuple[str, str], ...] = ()
    """Contact addresses of XEP-0157: (kind, URI), e.g. ("admin", "mailto:admin@example.test")."""
