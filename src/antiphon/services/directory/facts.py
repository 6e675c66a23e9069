"""Which event tells of which entry."""

from __future__ import annotations

from antiphon.kernel.bus import Event
from antiphon.model import Device, EdgeNode, Line, ServiceProfile, UcService, User
from antiphon.services.directory import events
from antiphon.services.directory.memory import Entry, EntryKind

NAMES: dict[EntryKind, str] = {
    User: "user",
    Line: "line",
    Device: "device",
    ServiceProfile: "service profile",
    UcService: "UC service",
    EdgeNode: "edge node",
}
"""What a kind is called in an audit."""
KINDS: dict[str, EntryKind] = {name: kind for kind, name in NAMES.items()}


def fact(before: Entry | None, after: Entry | None) -> Event | None:
    """What there is to tell where an entry was `before` and is `after` (None: it is not there)."""
    entry = after or before
    if entry is None or before == after:
        return None
    match entry:
        case User():
            if after is None:
                return events.UserRemoved(entry.userid)
            return events.UserChanged(entry.userid, entry.enabled)
        case Line():
            return events.LineChanged(entry.number)
        case Device():
            return events.DeviceChanged(entry.name)
        case ServiceProfile():
            return events.ProfileChanged(entry.name)
        case UcService():
            return events.UcServiceChanged(entry.name)
        case EdgeNode():
            return events.EdgeNodeChanged(entry.name)
