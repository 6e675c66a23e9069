"""Responses as bytes.

Source: RFC 3261 §8.2.6, §18.2
"""

from __future__ import annotations

from antiphon.protocols.sip.grammar import Malformed
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.status import REASONS

_START = {status: f"SIP/2.0 {status} {reason}\r\nVia: " for status, reason in REASONS.items()}


def response(
    request: Request,
    status: int,
    received: tuple[str, int],
    to_tag: str = "",
    headers: str = "",
    body: bytes = b"",
) -> bytes:
    """A response to `request`, which came from the address `received`.

    `headers` are complete lines, each ended by CRLF. `to_tag` is added when the To of the request has no tag; without one
    (100 Trying) To is echoed. The fields a response needs and a refused request lacks are left out.
    """
    fields = request.fields
    vias = fields["Via"]
    try:
        via = request.via
        stamped = via.stamped(*received)
        if stamped is not via.raw:
            vias = stamped + vias[vias.index(via.raw) + len(via.raw) :]
    except Malformed:
        # Only where the request is refused for it: what cannot be read goes back as it came.
        pass
    if "\n" in vias:
        vias = vias.replace("\n", "\r\nVia: ")
    to = fields.get("To", "")
    if to_tag and "tag=" not in to:
        to = f"{to};tag={to_tag}"
    start = _START.get(status) or f"SIP/2.0 {status} Unknown\r\nVia: "
    head = (
        f"{start}{vias}\r\nFrom: {fields.get('From', '')}\r\nTo: {to}\r\nCall-ID: {fields.get('Call-ID', '')}\r\n"
        f"CSeq: {fields.get('CSeq', '')}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("utf-8", "surrogateescape") + body
