"""Presence of sessions: to contacts who may see it, to the user's own resources, to whoever it is addressed to.

A presence is serialised once: what follows the addresses (`Bound.tail`) is shared by every copy, a recipient costs one
concatenation. Probes are answered from memory. Source: RFC 6121 §4.
"""

from __future__ import annotations

import logging

from antiphon.kernel.errors import DomainError
from antiphon.protocols.xmpp.element import attribute_value
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.names import CLIENT
from antiphon.protocols.xmpp.stanza import Stanza, without_attributes
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.accounts import Accounts
from antiphon.services.messaging.composed import SERVER_RESOURCE, server_tail
from antiphon.services.messaging.config import MessagingLimits
from antiphon.services.messaging.domains import Domains
from antiphon.services.messaging.errors import StanzaError
from antiphon.services.messaging.ports import Presence
from antiphon.services.messaging.subscription import FROM, IN, TO

log = logging.getLogger(__name__)

MAX_NOTE = 1024
"""Characters of a status text that go into the composed presence."""
UNAVAILABLE = b" type='unavailable'/>"
_TAG = len(b"<presence")
_SHOWS = frozenset({"", "chat", "away", "xa", "dnd"})


class Broadcast:
    """Who sees what of whom."""

    def __init__(
        self, accounts: Accounts, domains: Domains, engine: Presence, limits: MessagingLimits
    ) -> None:
        self._accounts = accounts
        self._domains = domains
        self._engine = engine
        self._limits = limits

    def available(self, bound: Bound, stanza: Stanza) -> None:
        """Presence without an address, initial or subsequent; the same again is suppressed. Raises `StanzaError`."""
        if len(stanza.raw) > self._limits.presence_bytes:
            raise StanzaError("not-acceptable", "The presence is too large.")
        raw = without_attributes(stanza.raw, b"id") if stanza.id else stanza.raw
        tail = raw[_TAG:]
        if tail == bound.tail:
            return
        show, note, priority = _read(stanza)
        account = bound.account
        initial = bound.tail is None
        bound.tail, bound.priority = tail, priority
        bound.session.presence, bound.session.priority = tail, priority
        account.refresh()
        self._to_own(account, bound.address, tail)
        self._to_watchers(account, bound.address, tail)
        if initial:
            self._show_contacts(bound)
        try:
            self._engine.claim(
                account.userid, f"xmpp:{bound.resource}", show, note=note[:MAX_NOTE], priority=priority
            )
        except DomainError as refused:
            log.warning("presence not composed", extra={"code": refused.code, "userid": account.userid})

    def unavailable(self, bound: Bound, tail: bytes = UNAVAILABLE) -> None:
        """The resource goes, or its stream has ended (RFC 6121 §4.5)."""
        account = bound.account
        directed, bound.directed = bound.directed, {}
        if bound.tail is not None:
            bound.tail, bound.session.presence = None, None
            account.refresh()
            self._to_own(account, bound.address, tail)
            self._to_watchers(account, bound.address, tail)
            self._engine.withdraw(account.userid, f"xmpp:{bound.resource}")
        for to in directed.values():
            self._directed(bound.address, to, tail)

    def directed(self, bound: Bound, stanza: Stanza, to: Jid) -> None:
        """Presence addressed to somebody (RFC 6121 §4.6). Raises `StanzaError`."""
        key = str(to)
        if stanza.type == "unavailable":
            bound.directed.pop(key, None)
        elif not stanza.type and (not bound.account.roster.state(str(to.bare)) & FROM or bound.tail is None):
            if key not in bound.directed and len(bound.directed) >= self._limits.directed_presences:
                raise StanzaError("resource-constraint", "Presence was sent to too many addresses.")
            bound.directed[key] = to
        data = stanza.stamped(bound.address)
        if to.domain == self._accounts.domain:
            self.deliver(to, bound.jid, data)
        else:
            self._domains.send(stanza, data)

    def deliver(self, to: Jid, sender: Jid, data: bytes) -> None:
        """Presence to a local address: to the resource, or to all available ones (RFC 6121 §8.5.2.1.2, §8.5.3)."""
        account = self._accounts.at(to)
        if account is None or account.blocks(sender):
            return
        if to.resource:
            session = account.sessions.get(to.resource)
            if session is not None:
                session.deliver(data)
            return
        for session in account.available:
            session.deliver(data)

    def probed(self, account: Account, by: Jid, answer_to: bytes) -> list[bytes]:
        """The answers to a probe of `account` by `by` (RFC 6121 §4.3.2)."""
        if by.bare != account.bare and not account.roster.state(str(by.bare)) & FROM:
            return [b"<presence from='%b' to='%b' type='unsubscribed'/>" % (account.address, answer_to)]
        shown = self._shown(account, answer_to, self._locale_of(by))
        return shown or [b"<presence from='%b' to='%b'%b" % (account.address, answer_to, UNAVAILABLE)]

    def reveal(self, account: Account, contact: str) -> None:
        """The contact may see the user from now on."""
        self._to_contact(account, contact, hidden=False)

    def conceal(self, account: Account, contact: str) -> None:
        """The contact may not see the user any more."""
        self._to_contact(account, contact, hidden=True)

    def server_changed(self, account: Account) -> None:
        """`Account.server_presence` is another one: tell everybody, each in their language."""
        said = account.server_presence
        from_ = b"%b/%b" % (account.address, SERVER_RESOURCE.encode())
        for watcher in (account, *self._local_watchers(account)):
            if watcher.available:
                tail = UNAVAILABLE if said is None else server_tail(said, watcher.locale)
                data = b"<presence from='%b' to='%b'%b" % (from_, watcher.address, tail)
                for session in watcher.available:
                    session.deliver(data)
        foreign = UNAVAILABLE if said is None else server_tail(said, account.locale)
        self._to_foreign(account, from_, foreign)

    def _show_contacts(self, bound: Bound) -> None:
        """What probing every contact would bring (RFC 6121 §4.2.2), and requests that wait for an answer (§3.1.3)."""
        account = bound.account
        for other in account.available:
            if other is not bound and other.tail is not None:
                bound.deliver(b"<presence from='%b' to='%b'%b" % (other.address, bound.address, other.tail))
        if account.server_presence is not None:
            self._deliver_all(bound, self._server_shown(account, bound.address, account.locale))
        for item in tuple(account.roster):
            if item.state & TO:
                contact = self._accounts.of_contact(item.contact)
                if contact is not None:
                    if contact.roster.state(account.key) & FROM and not self._apart(account, contact):
                        self._deliver_all(bound, self._shown(contact, bound.address, account.locale))
                elif not self._accounts.is_local(item.contact):
                    self._domains.send_bytes(
                        b"<presence from='%b' to='%b' type='probe'/>"
                        % (bound.address, attribute_value(item.contact))
                    )
            if item.state & IN and item.request:
                bound.deliver(item.request)

    def _shown(self, account: Account, to: bytes, locale: str) -> list[bytes]:
        """All presences of a user, addressed to `to`."""
        shown = [
            b"<presence from='%b' to='%b'%b" % (other.address, to, other.tail)
            for other in account.available
            if other.tail is not None
        ]
        return shown + self._server_shown(account, to, locale)

    def _server_shown(self, account: Account, to: bytes, locale: str) -> list[bytes]:
        said = account.server_presence
        if said is None:
            return []
        from_ = b"%b/%b" % (account.address, SERVER_RESOURCE.encode())
        return [b"<presence from='%b' to='%b'%b" % (from_, to, server_tail(said, locale))]

    def _to_own(self, account: Account, from_: bytes, tail: bytes) -> None:
        data = b"<presence from='%b' to='%b'%b" % (from_, account.address, tail)
        for session in account.available:
            session.deliver(data)

    def _to_watchers(self, account: Account, from_: bytes, tail: bytes) -> None:
        """The hot path of presence."""
        by_key = self._accounts.by_key
        for contact in account.watchers:
            watcher = by_key.get(contact)
            if watcher is not None and (sessions := watcher.available) and not self._apart(account, watcher):
                data = b"<presence from='%b' to='%b'%b" % (from_, watcher.address, tail)
                for session in sessions:
                    session.deliver(data)
        self._to_foreign(account, from_, tail)

    def _to_foreign(self, account: Account, from_: bytes, tail: bytes) -> None:
        if not self._domains.any:
            return
        for contact in account.watchers:
            if not self._accounts.is_local(contact) and contact not in account.blocked:
                self._domains.send_bytes(
                    b"<presence from='%b' to='%b'%b" % (from_, attribute_value(contact), tail)
                )

    def _local_watchers(self, account: Account) -> list[Account]:
        by_key = self._accounts.by_key
        found = [by_key.get(contact) for contact in account.watchers]
        return [watcher for watcher in found if watcher is not None and not self._apart(account, watcher)]

    def _to_contact(self, account: Account, contact: str, hidden: bool) -> None:
        watcher = self._accounts.of_contact(contact)
        to = attribute_value(contact) if watcher is None else watcher.address
        if hidden:
            sources = [bound.address for bound in account.available]
            if account.server_presence is not None:
                sources.append(b"%b/%b" % (account.address, SERVER_RESOURCE.encode()))
            stanzas = [b"<presence from='%b' to='%b'%b" % (from_, to, UNAVAILABLE) for from_ in sources]
        else:
            stanzas = self._shown(account, to, account.locale if watcher is None else watcher.locale)
        for data in stanzas:
            if watcher is None:
                self._domains.send_bytes(data)
            else:
                for session in watcher.available:
                    session.deliver(data)

    def _directed(self, from_: bytes, to: Jid, tail: bytes) -> None:
        data = b"<presence from='%b' to='%b'%b" % (from_, attribute_value(to), tail)
        if to.domain == self._accounts.domain:
            self.deliver(to, Stanza.parse(data).sender or to, data)
        else:
            self._domains.send_bytes(data)

    def _deliver_all(self, bound: Bound, stanzas: list[bytes]) -> None:
        for data in stanzas:
            bound.deliver(data)

    def _locale_of(self, jid: Jid) -> str:
        account = self._accounts.at(jid)
        return "en" if account is None else account.locale

    @staticmethod
    def _apart(one: Account, other: Account) -> bool:
        """One of them blocks the other (XEP-0191 §3)."""
        return (bool(one.blocked) and one.blocks(other.bare)) or (
            bool(other.blocked) and other.blocks(one.bare)
        )


def _read(stanza: Stanza) -> tuple[str, str, int]:
    """`show`, `status`, `priority` (RFC 6121 §4.7.2). Raises `StanzaError`."""
    if not stanza.children:
        return "", "", 0
    tree = stanza.tree()
    show = tree.child_text(CLIENT, "show").strip()
    text = tree.child_text(CLIENT, "priority", "0").strip() or "0"
    try:
        priority = int(text) if len(text) <= 4 else 999
    except ValueError:
        priority = 999
    if not -128 <= priority <= 127:
        raise StanzaError("bad-request", "A priority is a number from -128 to 127.")
    return show if show in _SHOWS else "", tree.child_text(CLIENT, "status"), priority
