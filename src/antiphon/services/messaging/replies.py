"""Answers of the server, as bytes."""

from __future__ import annotations

from antiphon.protocols.xmpp.element import Element, attribute_value, escape_text, serialise
from antiphon.protocols.xmpp.names import STANZA_ERRORS
from antiphon.protocols.xmpp.stanza import Stanza

_TYPES = {
    "bad-request": "modify",
    "jid-malformed": "modify",
    "not-acceptable": "modify",
    "policy-violation": "modify",
    "redirect": "modify",
    "forbidden": "auth",
    "not-authorized": "auth",
    "registration-required": "auth",
    "subscription-required": "auth",
    "recipient-unavailable": "wait",
    "remote-server-timeout": "wait",
    "resource-constraint": "wait",
    "unexpected-request": "wait",
}
"""Error types by condition, where RFC 6120 §8.3.3 says other than `cancel`."""


def error(
    stanza: Stanza, condition: str, text: str = "", extra: bytes = b"", by: bytes = b""
) -> bytes | None:
    """The error reply to `stanza`; None where none may be sent: to an error, to an iq result (RFC 6120 §8.3.1).

    `by` is the address the error comes from, by default the one the stanza was for. `extra` is an application-specific
    condition.
    """
    if stanza.type == "error" or (stanza.kind == "iq" and stanza.type not in ("get", "set")):
        return None
    kind = stanza.kind.encode()
    origin = by or (attribute_value(stanza.to) if stanza.to is not None else b"")
    to = attribute_value(stanza.sender) if stanza.sender is not None else b""
    return b"<%b type='error'%b%b%b><error type='%b'><%b xmlns='%b'/>%b%b</error></%b>" % (
        kind,
        _attribute(b"id", attribute_value(stanza.id) if stanza.id else b""),
        _attribute(b"from", origin),
        _attribute(b"to", to),
        _TYPES.get(condition, "cancel").encode(),
        condition.encode(),
        STANZA_ERRORS.encode(),
        b"<text xmlns='%b'>%b</text>" % (STANZA_ERRORS.encode(), escape_text(text).encode()) if text else b"",
        extra,
        kind,
    )


def result(stanza: Stanza, payload: Element | bytes | None = None) -> bytes:
    """The result of an iq request."""
    body = b"" if payload is None else payload if isinstance(payload, bytes) else serialise(payload)
    head = b"<iq type='result'%b%b%b" % (
        _attribute(b"id", attribute_value(stanza.id) if stanza.id else b""),
        _attribute(b"from", attribute_value(stanza.to) if stanza.to is not None else b""),
        _attribute(b"to", attribute_value(stanza.sender) if stanza.sender is not None else b""),
    )
    return b"%b>%b</iq>" % (head, body) if body else head + b"/>"


def _attribute(name: bytes, value: bytes) -> bytes:
    return b" %b='%b'" % (name, value) if value else b""
