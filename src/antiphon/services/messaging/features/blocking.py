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
    after = account.blocked | new
    if len(after) > port.limits.blocked:
        raise StanzaError("resource-constraint", "The block list is full.")
    fresh = after - account.blocked
    # Blocked contacts see the user go before they are out of reach (§3.3.1).
    for contact in _watchers(account, fresh):
        port.broadcast.conceal(account, contact)
    account.blocked = after
    _push(account, "block", new)
    writes = [port.commits.put(blocked_table, (account.userid, jid), {}) for jid in sorted(fresh)]
    return _durable(writes)


def unblock(port: IqPort, request: IqRequest) -> Coroutine[Any, Any, None]:
    """Without items: everybody."""
    account, _ = request.own
    named = _jids(request.payload)
    free = account.blocked & named if named else account.blocked
    account.blocked = account.blocked - free
    for contact in _watchers(account, free):
        port.broadcast.reveal(account, contact)
    _push(account, "unblock", named)
    writes = [port.commits.remove(blocked_table, (account.userid, jid)) for jid in sorted(free)]
    return _durable(writes)


def _watchers(account: Account, jids: Iterable[str]) -> list[str]:
    return [jid for jid in jids if account.roster.state(jid) & FROM]


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
