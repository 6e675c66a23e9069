"""The contact list, as clients read and change it. Source: RFC 6121 §2."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.services.messaging.account import Account
from antiphon.services.messaging.commits import Write
from antiphon.services.messaging.config import MessagingLimits
from antiphon.services.messaging.errors import NOT_STORED, StanzaError
from antiphon.services.messaging.iq import ACCOUNT, IqPort, IqRequest
from antiphon.services.messaging.roster import Item
from antiphon.services.messaging.subscription import FROM, IN, OUT, TO

NAMESPACE = "jabber:iq:roster"


def get(port: IqPort, request: IqRequest) -> bytes | None:
    """The roster; nothing but the missed changes as pushes for a client that says what it has (§2.6)."""
    account, bound = request.own
    bound.interested = bound.session.interested = True
    roster = account.roster
    if "ver" in request.payload.attrs:
        missed = roster.since(request.payload.get("ver"))
        if missed is not None:
            port.contacts.catch_up(bound, missed)
            return None
    return roster.xml()


def put(port: IqPort, request: IqRequest) -> Coroutine[Any, Any, None]:
    """Add, change or remove one contact (§2.3 to §2.5)."""
    account, _ = request.own
    items = list(request.payload.elements(NAMESPACE, "item"))
    if len(items) != 1:
        raise StanzaError("bad-request", "A roster is changed one item at a time.")
    contact = _contact(items[0])
    if contact == account.bare:
        raise StanzaError("not-allowed", "Nobody is on their own list.")
    if items[0].get("subscription") == "remove":
        return _durable(_remove(port, account, contact))
    return _durable(_save(port, account, contact, items[0]))


def _contact(item: Element) -> Jid:
    try:
        return Jid.parse(item.attrs["jid"]).bare
    except (KeyError, MalformedJid):
        raise StanzaError("bad-request", "The item needs the JID of the contact.") from None


def _save(port: IqPort, account: Account, contact: Jid, given: Element) -> Write:
    name, groups = given.get("name"), _groups(given, port.limits)
    if len(name) > port.limits.name_length:
        raise StanzaError("not-acceptable", "The name is too long.")
    key = str(contact)
    item = account.roster.get(key)
    if item is None or not item.listed:
        if len(key.encode()) > port.limits.jid_bytes:
            raise StanzaError("not-acceptable", "The address is too long to be kept.")
        if len(account.roster) - account.pending >= port.limits.roster_items:
            raise StanzaError("resource-constraint", "The contact list is full.")
        item = item or Item(key)
    item.name, item.groups, item.listed = name, groups, True
    return port.contacts.save(account, item)


def _groups(given: Element, limits: MessagingLimits) -> tuple[str, ...]:
    groups = [group.text for group in given.elements(NAMESPACE, "group")]
    if len(set(groups)) != len(groups):
        raise StanzaError("bad-request", "A group is named twice.")
    if len(groups) > limits.roster_groups or any(
        not group or len(group) > limits.name_length for group in groups
    ):
        raise StanzaError("not-acceptable", "A group name is empty or too long, or there are too many.")
    return tuple(groups)


def _remove(port: IqPort, account: Account, contact: Jid) -> Write:
    """Both directions of the subscription end first (§2.5.2)."""
    key = str(contact)
    item = account.roster.get(key)
    if item is None or not item.listed:
        if len(key.encode()) > port.limits.jid_bytes:
            raise StanzaError("not-acceptable", "The address is too long to be kept.")
        raise StanzaError("item-not-found")
    if item.state & (TO | OUT):
        port.subscriptions.outbound(account, "unsubscribe", contact)
    if item.state & (FROM | IN):
        port.subscriptions.outbound(account, "unsubscribed", contact)
    return port.contacts.remove(account, item)


async def _durable(write: Write) -> None:
    await write
    if write.failed:
        raise NOT_STORED.error()


feature = Feature(
    "roster",
    "Contact list",
    ("RFC 6121 §2", "XEP-0237"),
    routes=(
        Claim(ACCOUNT, ("get", NAMESPACE, "query"), get),
        Claim(ACCOUNT, ("set", NAMESPACE, "query"), put),
    ),
    advertises=(NAMESPACE, "urn:xmpp:features:rosterver"),
)
