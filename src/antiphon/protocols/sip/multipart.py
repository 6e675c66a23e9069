"""Bodies of several parts, within bounds.

Source: RFC 2046 §5.1, RFC 5621
"""

from __future__ import annotations

from antiphon.protocols.sip.grammar import LWS, Malformed, parameters, unquote
from antiphon.protocols.sip.message import Message

MAX_PARTS = 16


class Part:
    """One body part; header names in lower case."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers = headers
        self.body = body

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()


def parts(message: Message) -> list[Part]:
    """The bodies of a message: those of a multipart, else the one there is. Unreadable multiparts have none."""
    if not message.body:
        return []
    kind, semicolon, params = message.get("Content-Type").partition(";")
    if not kind.strip().lower().startswith("multipart/"):
        return [Part({"content-type": message.get("Content-Type")}, message.body)]
    try:
        boundary = unquote(parameters(semicolon + params).get("boundary") or "")
    except Malformed:
        return []
    if not 0 < len(boundary) <= 70:
        return []
    return _split(message.body, boundary.encode("utf-8", "surrogateescape"))


def body_of(message: Message, content_type: str) -> bytes | None:
    """The first body of a type, e.g. `application/sdp`."""
    for part in parts(message):
        if part.content_type == content_type:
            return part.body
    return None


def _split(body: bytes, boundary: bytes) -> list[Part]:
    found: list[Part] = []
    chunks = (b"\r\n" + body).split(b"\r\n--" + boundary, MAX_PARTS + 1)
    for chunk in chunks[1:]:
        if chunk.startswith(b"--") or len(found) == MAX_PARTS:
            break
        _, newline, rest = chunk.partition(b"\r\n")
        if not newline:
            break
        if rest.startswith(b"\r\n"):
            found.append(Part({}, rest[2:]))
            continue
        head, _, content = rest.partition(b"\r\n\r\n")
        found.append(Part(_headers(head), content))
    return found


def _headers(head: bytes) -> dict[str, str]:
    text = head.decode("utf-8", "surrogateescape").replace("\r\n ", " ").replace("\r\n\t", " ")
    pairs = [line.partition(":") for line in text.split("\r\n")]
    return {name.strip(LWS).lower(): value.strip(LWS) for name, colon, value in pairs if colon}
