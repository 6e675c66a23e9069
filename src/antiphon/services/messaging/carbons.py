"""Copies of messages for the other resources of both users. Source: XEP-0280."""

from __future__ import annotations

from antiphon.protocols.xmpp.element import attribute_value
from antiphon.protocols.xmpp.names import CLIENT, QName
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.account import Account, Bound

NAMESPACE = "urn:xmpp:carbons:2"
_BODY = QName(CLIENT, "body")
_PRIVATE = frozenset({QName(NAMESPACE, "private"), QName("urn:xmpp:hints", "no-copy")})
_INNER = b"<message xmlns='jabber:client'"


def eligible(stanza: Stanza) -> bool:
    """Source: XEP-0280 §6.1."""
    if stanza.type != "chat" and not (stanza.type in ("", "normal") and _BODY in stanza.children):
        return False
    return _PRIVATE.isdisjoint(stanza.children)


def received(account: Account, data: bytes, got: tuple[Bound, ...]) -> None:
    """The other resources of the recipient."""
    _copies(account, b"received", data, got)


def sent(account: Account, data: bytes, sender: Bound, got: tuple[Bound, ...]) -> None:
    """The other resources of the sender."""
    _copies(account, b"sent", data, (sender, *got))


def _copies(account: Account, kind: bytes, data: bytes, without: tuple[Bound, ...]) -> None:
    others = [bound for bound in account.carbons if bound not in without]
    if not others:
        return
    inner = _INNER + data[len(b"<message") :]
    tail = b"<%b xmlns='%b'><forwarded xmlns='urn:xmpp:forward:0'>%b</forwarded></%b></message>" % (
        kind,
        attribute_value(NAMESPACE),
        inner,
        kind,
    )
    for bound in others:
        bound.deliver(b"<message type='chat' from='%b' to='%b'>%b" % (account.address, bound.address, tail))
