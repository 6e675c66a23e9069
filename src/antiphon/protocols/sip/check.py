"""Is what the fields say acceptable? Everything a user agent server reads is parsed here once, before anything acts on it.

Source: RFC 3261 §8.2, §16.3, §20; RFC 4475 §3.1.2
"""

from __future__ import annotations

from antiphon.protocols.sip.grammar import Malformed, number
from antiphon.protocols.sip.message import Message, Rejected, Request, Response
from antiphon.protocols.sip.uri import parse_uri, scheme_of

MAX_FORWARDS = 255
_ADDRESSES = ("Route", "Record-Route", "Refer-To", "Referred-By", "Path")
_NUMBERS = (("Min-SE", 2**32 - 1), ("Min-Expires", 2**32 - 1), ("RSeq", 2**31 - 1))
_RARE = frozenset([*_ADDRESSES, *(name for name, _ in _NUMBERS)])


def fault(request: Request) -> Rejected | None:
    """What is wrong with a request, or None. Afterwards its accessors do not raise."""
    try:
        _common(request)
        uri = request.uri
        if uri[:4] == "sip:" or scheme_of(uri) in ("sip", "sips"):
            if parse_uri(uri).headers:
                return Rejected(400, "Request-URI with headers", request)
        elif scheme_of(uri) != "tel":
            return Rejected(416, "scheme of the Request-URI", request)
        hops = request.fields.get("Max-Forwards")
        if hops is not None and hops != "70":
            number(hops, MAX_FORWARDS)
    except Malformed as malformed:
        return Rejected(400, str(malformed), request)
    return None


def acceptable(response: Response) -> bool:
    """May a client transaction look at this response?"""
    try:
        _common(response)
    except Malformed:
        return False
    return True


def _common(message: Message) -> None:
    message.via  # noqa: B018 - parsed for its verdict; the result is kept
    if "\n" in message.fields["Via"]:
        message.vias  # noqa: B018
    if not message.from_.tag and isinstance(message, Response):
        raise Malformed("From without a tag")
    message.to  # noqa: B018
    fields = message.fields
    if "Contact" in fields:
        message.contacts  # noqa: B018
    if not _RARE.isdisjoint(fields):
        for name in _ADDRESSES:
            message.addresses(name)
        for name, limit in _NUMBERS:
            if name in fields:
                number(fields[name], limit)


def expires(text: str | None, default: int) -> int:
    """Delta-seconds of Expires or of `expires=`. Malformed counts as the default, huge as the most there is (§20.19)."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        return default
    return min(int(text), 2**32 - 1) if len(text) < 20 else 2**32 - 1
