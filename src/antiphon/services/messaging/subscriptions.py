"""Subscription stanzas, applied. The states and transitions stand in `subscription.py`. Source: RFC 6121 §3.

Both ends of a local subscription change in the same turn, so two local rosters never disagree in memory; their rows go to
the store in the same transaction.
"""

from __future__ import annotations

from antiphon.protocols.xmpp.element import attribute_value
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.account import Account
from antiphon.services.messaging.accounts import Accounts
from antiphon.services.messaging.broadcast import Broadcast
from antiphon.services.messaging.commits import Write
from antiphon.services.messaging.config import MessagingLimits
from antiphon.services.messaging.contacts import Contacts
from antiphon.services.messaging.domains import Domains
from antiphon.services.messaging.errors import StanzaError
from antiphon.services.messaging.roster import Item
from antiphon.services.messaging.subscription import (
    FROM,
    IN,
    Direction,
    State,
    may_preapprove,
    step,
)

MAX_REQUEST_BYTES = 4096
"""A longer request is kept without what it says."""


class Subscriptions:
    """The one place that changes subscription states."""

    def __init__(
        self,
        accounts: Accounts,
        contacts: Contacts,
        domains: Domains,
        presence: Broadcast,
        limits: MessagingLimits,
    ) -> None:
        self._accounts = accounts
        self._contacts = contacts
        self._domains = domains
        self._presence = presence
        self._limits = limits

    def outbound(
        self, account: Account, kind: str, contact: Jid, stanza: Stanza | None = None
    ) -> Write | None:
        """The user says `kind` to the contact, a bare JID. Raises `StanzaError` when the roster is full."""
        if contact == account.bare:
            return None
        key = str(contact)
        known = account.roster.get(key)
        if kind == "subscribed" and may_preapprove(account.roster.state(key)):
            return self._preapprove(account, known or self._new_item(account, key))
        if known is None:
            if kind != "subscribe":
                # Nothing to end or to refuse; an unsubscribe goes its way all the same (Appendix A.2.2).
                if kind == "unsubscribe":
                    self._send(account, kind, contact, stanza)
                return None
            known = self._new_item(account, key)
        before = known.state
        decided = step(Direction.OUTBOUND, kind, before)
        write = self._change(account, known, decided.state, kind)
        if decided.passes:
            self._send(account, kind, contact, stanza)
        self._show(account, key, before, decided.state)
        return write

    def inbound(self, account: Account, kind: str, sender: Jid, data: bytes) -> Write | None:
        """The contact's word reaches the user. `data` is the stanza, from bare JID to bare JID."""
        key = str(sender)
        known = account.roster.get(key)
        state = State.NONE if known is None else known.state
        if kind == "subscribe":
            return self._asked(account, known, sender, data)
        decided = step(Direction.INBOUND, kind, state)
        if not decided.passes or known is None:
            return None
        for bound in tuple(account.sessions.values()):
            if bound.interested or bound.tail is not None:
                bound.deliver(data)
        before = known.state
        write = self._change(account, known, decided.state)
        self._show(account, key, before, decided.state)
        return write

    def _show(self, account: Account, contact: str, before: State, after: State) -> None:
        """Who may see from now on sees at once; who may not any more sees the user leave (RFC 6121 §3.1.5, §3.2.1)."""
        if after & FROM and not before & FROM:
            self._presence.reveal(account, contact)
        elif before & FROM and not after & FROM:
            self._presence.conceal(account, contact)

    def _asked(self, account: Account, known: Item | None, sender: Jid, data: bytes) -> Write | None:
        state = State.NONE if known is None else known.state
        if state & FROM:
            self._send(account, "subscribed", sender)
            return None
        decided = step(Direction.INBOUND, "subscribe", state)
        if not decided.passes:
            return None
        if known is not None and known.approved:
            granted = step(Direction.OUTBOUND, "subscribed", decided.state)
            write = self._change(account, known, granted.state)
            self._send(account, "subscribed", sender)
            self._show(account, known.contact, state, granted.state)
            return write
        key = str(sender)
        if account.pending >= self._limits.pending_requests or len(key.encode()) > self._limits.jid_bytes:
            self._send(account, "unsubscribed", sender)
            return None
        item = known or Item(key)
        item.request = data if len(data) <= MAX_REQUEST_BYTES else _plain("subscribe", sender, account)
        for bound in account.available:
            bound.deliver(data)
        return self._change(account, item, decided.state)

    def _preapprove(self, account: Account, item: Item) -> Write | None:
        """Source: RFC 6121 §3.4.2."""
        if item.approved:
            return None
        item.approved = item.listed = True
        return self._contacts.save(account, item)

    def _change(self, account: Account, item: Item, state: State, kind: str = "") -> Write | None:
        listed = item.listed or kind in ("subscribe", "subscribed")
        approved = item.approved and kind != "unsubscribed"
        if (state, listed, approved) == (item.state, item.listed, item.approved):
            return None
        account.pending += bool(state & IN) - bool(item.state & IN)
        # A request that waits for the user's answer is no part of the list that clients see (RFC 6121 §3.1.3).
        visible = (item.state & ~IN, item.listed, item.approved) != (state & ~IN, listed, approved)
        item.state, item.listed, item.approved = state, listed, approved
        if not state & IN:
            item.request = b""
        return self._contacts.save(account, item, visible)

    def _new_item(self, account: Account, key: str) -> Item:
        if len(key.encode()) > self._limits.jid_bytes:
            raise StanzaError("not-acceptable", "The address is too long to be kept.")
        if len(account.roster) >= self._limits.roster_items + self._limits.pending_requests:
            raise StanzaError("resource-constraint", "The contact list is full.")
        return Item(key)

    def _send(self, account: Account, kind: str, contact: Jid, stanza: Stanza | None = None) -> None:
        """To the contact's server, which may be this one."""
        data = (
            _plain(kind, account, contact)
            if stanza is None
            else stanza.stamped(account.address, attribute_value(contact))
        )
        if contact.domain != self._accounts.domain:
            self._domains.send_bytes(data)
            return
        receiver = self._accounts.at(contact)
        if receiver is not None:
            if not receiver.blocks(account.bare):
                self.inbound(receiver, kind, account.bare, data)
        elif kind == "subscribe":
            # RFC 6121 §3.1.3: nobody of that name will ever answer.
            self.inbound(account, "unsubscribed", contact, _plain("unsubscribed", contact, account))


def _plain(kind: str, sender: Jid | Account, receiver: Jid | Account) -> bytes:
    return b"<presence from='%b' to='%b' type='%b'/>" % (_address(sender), _address(receiver), kind.encode())


def _address(who: Jid | Account) -> bytes:
    return who.address if isinstance(who, Account) else attribute_value(who)
