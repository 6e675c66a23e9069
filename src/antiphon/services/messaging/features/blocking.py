"""Blocking. Source: XEP-0191."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine, Iterable
from typing import Any

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element, serialise
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.services.messaging.account import Account
from antiphon.services.messaging.commits import Write
from antiphon.services.messaging.errors import NOT_STORED, StanzaError
from antiphon.services.messaging.iq import ACCOUNT, IqPort, IqRequest
from antiphon.services.messaging.store import blocked as blocked_table
from antiphon.services.messaging.subscription import FROM

NAMESPACE = "urn:xmpp:blocking"

_pushes = itertools.count(1)


def get(port: IqPort, request: IqRequest) -> Element:
    account, bound = request.own
    bound.blocklist = True
    return Element(NAMESPACE, "blocklist", {}, *_items(sorted(account.blocked)))


def block(port: IqPort, request: IqRequest) -> Coroutine[Any, Any, None]:
    account, _ = request.own
    new = _jids(request.payload)
    if not new:
        raise StanzaError("bad-request", "Nobody is named.")
    if any(len(jid.encode()) > port.limits.jid_bytes for jid in new):
        raise StanzaError("not-acceptable", "The address is too long to be kept.")
    after = account.blocked | new
    if len(after) > port.limits.blocked:
        raise StanzaError("resource-constraint", "The block list is full.")
    fresh = after - account.blocked
    _set(port, account, after)
    _push(account, "block", new)
    writes = [port.commits.put(blocked_table, (account.userid, jid), {}) for jid in sorted(fresh)]
    return _durable(writes)


def unblock(port: IqPort, request: IqRequest) -> Coroutine[Any, Any, None]:
    """Without items: everybody."""
    account, _ = request.own
    named = _jids(request.payload)
    free = account.blocked & named if named else account.blocked
    _set(port, account, account.blocked - free)
    _push(account, "unblock", named)
    writes = [port.commits.remove(blocked_table, (account.userid, jid)) for jid in sorted(free)]
    return _durable(writes)


def _set(port: IqPort, account: Account, blocked: frozenset[str]) -> None:
    """Contacts who are blocked now see the user go, those who are free again see the user come (§3.3, §3.4)."""
    before = _blocked_watchers(account)
    account.blocked = blocked
    after = _blocked_watchers(account)
    for contact in account.watchers:
        if contact in after and contact not in before:
            port.broadcast.conceal(account, contact)
        elif contact in before and contact not in after:
            port.broadcast.reveal(account, contact)
    for contact in before - after:
        # While blocked, the contact's presence did not reach the user either.
        peer = port.accounts.of_contact(contact)
        if peer is not None and peer.roster.state(account.key) & FROM and not peer.blocks(account.bare):
            port.broadcast.reveal(peer, account.key)


def _blocked_watchers(account: Account) -> set[str]:
    return {contact for contact in account.watchers if account.blocks(Jid.parse(contact))}


def _jids(payload: Element) -> frozenset[str]:
    try:
        return frozenset(str(Jid.parse(item.get("jid"))) for item in payload.elements(NAMESPACE, "item"))
    except MalformedJid:
        raise StanzaError("jid-malformed") from None


def _items(jids: Iterable[str]) -> list[Element]:
    return [Element(NAMESPACE, "item", {"jid": jid}) for jid in jids]


def _push(account: Account, name: str, jids: frozenset[str]) -> None:
    payload = serialise(Element(NAMESPACE, name, {}, *_items(sorted(jids))))
    for bound in tuple(account.sessions.values()):
        if bound.blocklist:
            bound.deliver(
                b"<iq type='set' id='block-%d' to='%b'>%b</iq>" % (next(_pushes), bound.address, payload)
            )


async def _durable(writes: list[Write]) -> None:
    for write in writes:
        await write
        if write.failed:
            raise NOT_STORED.error()


feature = Feature(
    "blocking",
    "Block list",
    ("XEP-0191",),
    routes=(
        Claim(ACCOUNT, ("get", NAMESPACE, "blocklist"), get),
        Claim(ACCOUNT, ("set", NAMESPACE, "block"), block),
        Claim(ACCOUNT, ("set", NAMESPACE, "unblock"), unblock),
    ),
    advertises=(NAMESPACE,),
)
