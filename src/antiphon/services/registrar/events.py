"""What has happened to bindings."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from antiphon.kernel.bus import Event


class Reason(enum.Enum):
    """Why a binding was added, changed or removed; the `event` names of RFC 3680 §5.2.3."""

    REGISTERED = "registered"
    CREATED = "created"
    """Restored from the store at start, not by a REGISTER."""
    REFRESHED = "refreshed"
    UNREGISTERED = "unregistered"
    EXPIRED = "expired"
    REPLACED = "deactivated"
    """The same instance registered from elsewhere."""
    FLOW_LOST = "probation"
    """The connection it was registered over is gone; the device is expected back."""
    REJECTED = "rejected"
    """An administrator or a revoked sign-in ended it."""


@dataclass(frozen=True, slots=True)
class BindingAdded(Event):
    aor: str
    device: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class BindingRefreshed(Event):
    """Published when a refresh changed where or how the device is reached, not for each refresh."""

    aor: str
    device: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class BindingRemoved(Event):
    aor: str
    device: str
    reason: Reason
