"""Facts of the presence service."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.kernel.bus import Event
from antiphon.services.presence.claims import Availability


@dataclass(frozen=True, slots=True)
class PresenceChanged(Event):
    """The composed presence of a user is another one now."""

    userid: str
    availability: Availability
    activity: str
    """Specific activity of XEP-0108 (`on_the_phone`, `in_a_meeting`), or empty."""
    note: str
    """Free text of the user; empty when the state speaks for itself."""
    source: str = ""
    """The source of the claim that won, e.g. `call:1001`; empty when nobody claims anything."""
