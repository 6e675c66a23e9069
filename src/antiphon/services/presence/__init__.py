"""Presence of people: what calls, calendars, clients and the people themselves claim, composed into one."""

from antiphon.services.presence.claims import Availability, Claim, Composed
from antiphon.services.presence.events import PresenceChanged
from antiphon.services.presence.service import PresenceEngine

__all__ = ["Availability", "Claim", "Composed", "PresenceChanged", "PresenceEngine"]
