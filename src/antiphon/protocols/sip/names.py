"""Header names: canonical spellings, compact forms, and which may stand only once.

Source: RFC 3261 §7.3.3, §20; compact forms also RFC 3515, 3892, 4028, 6665, 8224
"""

from __future__ import annotations

from antiphon.protocols.sip.grammar import LWS, Malformed, is_token

_SPELLINGS: tuple[str, ...] = (
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Event",
    "Expires",
    "From",
    "History-Info",
    "Identity",
    "In-Reply-To",
    "Join",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Recv-Info",
    "Refer-Sub",
    "Refer-To",
    "Referred-By",
    "Reject-Contact",
    "Remote-Party-ID",
    "Replaces",
    "Reply-To",
    "Request-Disposition",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Service-Route",
    "Session-Expires",
    "Session-ID",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
)

_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

_BY_LOWER = {name.lower(): name for name in _SPELLINGS} | _COMPACT

KNOWN: dict[str, str] = {name: name for name in _SPELLINGS}
"""Spellings seen on the wire → canonical name: one look-up answers for what most peers send."""
KNOWN.update({compact.upper(): name for compact, name in _COMPACT.items()})
KNOWN.update(_BY_LOWER)

SINGLETONS = frozenset(
    {
        "Call-ID",
        "CSeq",
        "From",
        "To",
        "Max-Forwards",
        "Content-Length",
        "Content-Type",
        "Expires",
        "Event",
        "Min-Expires",
        "Min-SE",
        "Session-Expires",
        "Refer-To",
        "Referred-By",
        "Replaces",
        "RAck",
        "RSeq",
        "Retry-After",
        "Subscription-State",
        "Content-Disposition",
    }
)
"""Twice in one message, two readers may believe two different things: refused."""


def canonical(name: str) -> str:
    """The spelling under which a field is kept. Raises `Malformed` for what is no header name.

    White space may stand before the colon, nowhere else (HCOLON).
    """
    name = name.rstrip(LWS)
    known = _BY_LOWER.get(name.lower())
    if known is not None:
        return known
    if not is_token(name):
        raise Malformed(f"header name: {name[:32]!r}")
    return "-".join([part.capitalize() for part in name.split("-")])
