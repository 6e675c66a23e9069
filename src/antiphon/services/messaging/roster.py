"""A user's roster in memory. Source: RFC 6121 §2; versions §2.6.

Versions are numbers that count this roster's changes, behind an epoch that is drawn when the roster begins: a version of
another roster of the same name (a restored backup, a user made anew) is not mistaken for one of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from antiphon.protocols.xmpp.element import escape_attribute, escape_text
from antiphon.services.messaging.subscription import OUT, State

MAX_TOMBSTONES = 64
"""Removals remembered for versioning; a client that has missed more gets the whole roster."""


class Item:
    """One contact. `contact` is a bare JID in text."""

    __slots__ = ("approved", "contact", "groups", "listed", "name", "request", "state", "version")

    def __init__(self, contact: str) -> None:
        self.contact = contact
        self.name = ""
        self.groups: tuple[str, ...] = ()
        self.state = State.NONE
        self.listed = False
        """On the user's list. Without it there is only the contact's unanswered request (RFC 6121 §3.1.3)."""
        self.approved = False
        """A request of the contact is approved before it comes (RFC 6121 §3.4)."""
        self.version = 0
        self.request = b""
        """The contact's unanswered `subscribe`, ready to be delivered."""

    def xml(self) -> str:
        """Source: RFC 6121 §2.1.2."""
        attributes = f"jid='{escape_attribute(self.contact)}' subscription='{self.state.subscription}'"
        if self.name:
            attributes += f" name='{escape_attribute(self.name)}'"
        if self.state & OUT:
            attributes += " ask='subscribe'"
        if self.approved:
            attributes += " approved='true'"
        if not self.groups:
            return f"<item {attributes}/>"
        groups = "".join([f"<group>{escape_text(group)}</group>" for group in self.groups])
        return f"<item {attributes}>{groups}</item>"


def removed_xml(contact: str) -> str:
    return f"<item jid='{escape_attribute(contact)}' subscription='remove'/>"


class Roster:
    """Items by contact. Only `changed`, `removed` and the versions know about time."""

    __slots__ = ("_items", "epoch", "horizon", "tombstones", "version")

    def __init__(self, epoch: str = "", version: int = 0, horizon: int = 0) -> None:
        self._items: dict[str, Item] = {}
        self.epoch = epoch
        """Empty until the first change."""
        self.version = version
        self.horizon = horizon
        """Removals up to this version are forgotten."""
        self.tombstones: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def get(self, contact: str) -> Item | None:
        return self._items.get(contact)

    def state(self, contact: str) -> State:
        item = self._items.get(contact)
        return State.NONE if item is None else item.state

    def restore(self, items: Iterable[Item]) -> None:
        """Items as the store kept them."""
        self._items.update((item.contact, item) for item in items)

    def changed(self, item: Item, visible: bool) -> None:
        """The item is new or other than it was. What clients cannot see gets no version."""
        self._items[item.contact] = item
        if visible:
            self.tombstones.pop(item.contact, None)
            self.version += 1
            item.version = self.version

    def removed(self, item: Item) -> list[str]:
        """The item is gone. Returns contacts whose removal is forgotten by now."""
        del self._items[item.contact]
        if not item.listed:
            return []
        self.version += 1
        self.tombstones[item.contact] = self.version
        forgotten = []
        while len(self.tombstones) > MAX_TOMBSTONES:
            contact = min(self.tombstones, key=self.tombstones.__getitem__)
            self.horizon = self.tombstones.pop(contact)
            forgotten.append(contact)
        return forgotten

    @property
    def ver(self) -> str:
        """Of a roster that has never had anything on it, a version that no other can follow."""
        return f"{self.epoch}-{self.version}" if self.epoch else "0"

    def at_version(self, version: int) -> str:
        return f"{self.epoch}-{version}"

    def since(self, ver: str) -> list[tuple[int, str]] | None:
        """Changes after `ver` in order, as (version, item); None if only the whole roster will do."""
        epoch, _, number = ver.rpartition("-")
        # The length is bounded before the conversion: a peer wrote this.
        if (
            not epoch
            or epoch != self.epoch
            or len(number) > 18
            or not (number.isascii() and number.isdigit())
        ):
            return None
        known = int(number)
        if not self.horizon <= known <= self.version:
            return None
        changes = [
            (item.version, item.xml())
            for item in self._items.values()
            if item.listed and item.version > known
        ]
        changes += [
            (version, removed_xml(contact)) for contact, version in self.tombstones.items() if version > known
        ]
        if len(changes) > max(16, len(self._items)):
            return None
        changes.sort()
        return changes

    def xml(self) -> bytes:
        """The whole roster as a `query` of `jabber:iq:roster`."""
        items = "".join([item.xml() for item in self._items.values() if item.listed])
        return query(self.ver, items)


def query(ver: str, items: str) -> bytes:
    return f"<query xmlns='jabber:iq:roster' ver='{escape_attribute(ver)}'>{items}</query>".encode()
