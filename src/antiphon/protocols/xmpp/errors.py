"""Stanza errors in reply to a peer's stanza. Source: RFC 6120 §8.3."""

from __future__ import annotations

from typing import Final

from antiphon.protocols.xmpp.element import attribute_value, escape_text
from antiphon.protocols.xmpp.names import STANZA_ERRORS
from antiphon.protocols.xmpp.stanza import Stanza

TYPES: Final = {
    "bad-request": "modify",
    "forbidden": "auth",
    "jid-malformed": "modify",
    "not-acceptable": "modify",
    "not-authorized": "auth",
    "policy-violation": "modify",
    "recipient-unavailable": "wait",
    "redirect": "modify",
    "registration-required": "auth",
    "remote-server-timeout": "wait",
    "resource-constraint": "wait",
    "subscription-required": "auth",
    "unexpected-request": "wait",
}
"""Error types by condition, where it is not `cancel`."""


def stanza_error(stanza: Stanza, condition: str, text: str = "", from_: bytes = b"") -> bytes:
    """The error in answer to `stanza`; empty where none may be sent: to an error, or to a result."""
    if stanza.type in ("error", "result"):
        return b""
    kind = stanza.kind.encode()
    ns = STANZA_ERRORS.encode()
    by = from_ or (attribute_value(stanza.to) if stanza.to is not None else b"")
    to = attribute_value(stanza.sender) if stanza.sender is not None else b""
    return b"<%b type='error'%b%b%b><error type='%b'><%b xmlns='%b'/>%b</error></%b>" % (
        kind,
        b" id='%b'" % attribute_value(stanza.id) if stanza.id else b"",
        b" from='%b'" % by if by else b"",
        b" to='%b'" % to if to else b"",
        TYPES.get(condition, "cancel").encode(),
        condition.encode(),
        ns,
        b"<text xmlns='%b'>%b</text>" % (ns, escape_text(text).encode()) if text else b"",
        kind,
    )
