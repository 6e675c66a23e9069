"""Contacts and their presence, as the server tells them.

Source: RFC 6121 §2 (roster), §4 (presence); XEP-0108 (activity).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.protocols.xmpp.names import CLIENT
from antiphon.protocols.xmpp.stanza import Stanza

ROSTER = "jabber:iq:roster"
ACTIVITY = "http://jabber.org/protocol/activity"
ON_THE_PHONE = "on_the_phone"

_SHOWS = ("chat", "", "away", "xa", "dnd")
_MAX_RESOURCES = 64
"""Of one contact; more are forgotten, oldest first."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One roster item."""

    jid: Jid
    name: str = ""
    subscription: str = "none"
    """`none`, `to`, `from` or `both`."""
    asked: bool = False
    """We have asked to see their presence and have no answer yet."""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presence:
    """What one resource says."""

    jid: Jid
    show: str = ""
    """Empty (available), `chat`, `away`, `xa` or `dnd`."""
    note: str = ""
    priority: int = 0
    activity: str = ""
    """The specific activity of XEP-0108, e.g. `on_the_phone`; empty without one."""


@dataclass(frozen=True, slots=True)
class Availability:
    """What all resources of a person come to. Offline when there are none."""

    online: bool = False
    show: str = ""
    note: str = ""
    activity: str = ""

    @property
    def on_the_phone(self) -> bool:
        return self.activity == ON_THE_PHONE

    @property
    def state(self) -> str:
        """One word: `offline`, `available`, `on the phone`, `dnd`, `away` …"""
        if not self.online:
            return "offline"
        return "on the phone" if self.on_the_phone else self.show or "available"


@dataclass(slots=True)
class Contacts:
    """The book of one account."""

    items: dict[Jid, Contact] = field(default_factory=dict)
    _presences: dict[Jid, dict[str, Presence]] = field(default_factory=dict)

    def take_roster(self, query: Element, whole: bool) -> None:
        """A roster result (`whole`) or a push with one item."""
        if whole:
            self.items.clear()
        for item in query.elements(ROSTER, "item"):
            try:
                jid = Jid.parse(item.get("jid")).bare
            except MalformedJid:
                continue
            if item.get("subscription") == "remove":
                self.items.pop(jid, None)
                continue
            groups = tuple(group.text for group in item.elements(ROSTER, "group"))
            self.items[jid] = Contact(
                jid,
                item.get("name"),
                item.get("subscription", "none"),
                item.get("ask") == "subscribe",
                groups,
            )

    def take_presence(self, stanza: Stanza) -> Presence | None:
        """Available or unavailable presence of a resource; None for anything else."""
        sender = stanza.sender
        if sender is None or stanza.type not in ("", "unavailable"):
            return None
        known = self._presences.setdefault(sender.bare, {})
        if stanza.type == "unavailable":
            known.pop(sender.resource, None)
            if not sender.resource:
                known.clear()
            return Presence(sender)
        presence = read_presence(sender, stanza.tree())
        known.pop(sender.resource, None)
        known[sender.resource] = presence
        while len(known) > _MAX_RESOURCES:
            known.pop(next(iter(known)))
        return presence

    def forget_presence(self) -> None:
        """The stream is gone, and with it what it told."""
        self._presences.clear()

    def resources(self, jid: Jid) -> tuple[Presence, ...]:
        return tuple(self._presences.get(jid.bare, {}).values())

    def availability(self, jid: Jid) -> Availability:
        """Of the resource with the highest priority; an activity counts wherever it is said."""
        resources = self.resources(jid)
        if not resources:
            return Availability()
        best = max(resources, key=lambda presence: presence.priority)
        active = next((p for p in sorted(resources, key=lambda p: -p.priority) if p.activity), best)
        return Availability(True, best.show, best.note, active.activity)


def read_presence(jid: Jid, element: Element) -> Presence:
    show = element.child_text(CLIENT, "show").strip()
    priority = element.child_text(CLIENT, "priority", "0").strip()
    activity = element.child(ACTIVITY, "activity")
    specific = ""
    if activity is not None:
        # The specific activity stands beside the general one, or inside it (XEP-0108 §2.1); both are read.
        for general in activity.elements(ACTIVITY):
            inner = next(general.elements(ACTIVITY), None)
            specific = inner.local if inner is not None else general.local
    return Presence(
        jid,
        show if show in _SHOWS else "",
        element.child_text(CLIENT, "status")[:1000],
        int(priority) if priority.lstrip("-").isdecimal() and len(priority) < 5 else 0,
        specific,
    )
