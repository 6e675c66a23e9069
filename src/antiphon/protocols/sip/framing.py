"""A byte stream to messages: Content-Length framing and the keep-alive of RFC 5626.

Source: RFC 3261 §18.3, RFC 5626 §3.5.1, §4.4.1
"""

from __future__ import annotations

import enum

from antiphon.protocols.sip.message import Rejected, Request, Response
from antiphon.protocols.sip.parse import MAX_BODY_BYTES, MAX_HEADER_BYTES, parse_message

_LENGTHS = (b"content-length", b"l")


class Ping(enum.Enum):
    """The double CRLF of a client that wants to know whether the flow is alive; the answer is `PONG`."""

    PING = "\r\n\r\n"


PONG = b"\r\n"

Frame = Request | Response | Rejected | Ping


class Framer:
    """Messages out of one stream, in any chunking. It holds at most one incomplete message.

    After a `broken` frame the boundaries are lost: answer what can be answered and close.
    """

    __slots__ = ("_buffer", "_need", "_searched", "broken")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._need = 0
        self.broken = False

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """What the bytes completed, in order. Responses that cannot be used are left out."""
        out: list[Frame] = []
        if self.broken:
            return out
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._need:
                return out
            buffer = bytes(self._buffer)
        else:
            buffer = data
        while buffer and not self.broken:
            rest = self._next(buffer, out)
            if rest is None:
                break
            buffer = rest
            self._searched = self._need = 0
        self._buffer = bytearray() if self.broken else bytearray(buffer)
        return out

    def _next(self, buffer: bytes, out: list[Frame]) -> bytes | None:
        """Takes one frame off the front; None when more bytes are needed."""
        if buffer[0] in b"\r\n":
            return self._keepalive(buffer, out)
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(buffer)
            if len(buffer) > MAX_HEADER_BYTES + 3:
                self._break(out, Rejected(400, "header too large"))
            return None
        if end > MAX_HEADER_BYTES:
            self._break(out, Rejected(400, "header too large"))
            return None
        length = _content_length(buffer[:end])
        if length is None or length > MAX_BODY_BYTES:
            status, what = (400, "Content-Length") if length is None else (513, "body too large")
            parsed = parse_message(buffer[: end + 4], end)
            request = parsed if isinstance(parsed, Request) else getattr(parsed, "request", None)
            self._break(out, Rejected(status, what, request))
            return None
        total = end + 4 + length
        if len(buffer) < total:
            self._searched = end
            self._need = total
            return None
        message = parse_message(buffer[:total], end)
        if message is not None:
            out.append(message)
        return buffer[total:]

    def _keepalive(self, buffer: bytes, out: list[Frame]) -> bytes | None:
        """CRLF between messages. Two of them ask for one back; a single one is a pong or padding."""
        if buffer[:4] == b"\r\n\r\n":
            out.append(Ping.PING)
            return buffer[4:]
        if b"\r\n\r\n".startswith(buffer):
            # Nothing but the beginning of a ping: only what follows can tell.
            return None
        if buffer[:2] == b"\r\n":
            return buffer[2:]
        self._break(out, Rejected(400, "bare CR or LF"))
        return None

    def _break(self, out: list[Frame], rejected: Rejected) -> None:
        self.broken = True
        out.append(rejected)


def _content_length(head: bytes) -> int | None:
    """The one Content-Length of a message head; None when it is missing, repeated or no number.

    On a stream the field is not optional (RFC 3261 §20.14), and two of them would be two opinions on where the next
    message begins.
    """
    fast = head.find(b"\r\nContent-Length: ")
    found: bytes | None = None
    if fast >= 0 and head.lower().count(b"\ncontent-length") == 1 and b"\nl" not in head.lower():
        found = head[fast + 18 :].partition(b"\r\n")[0]
    else:
        for line in head.split(b"\r\n")[1:]:
            name, colon, value = line.partition(b":")
            if colon and name.rstrip(b" \t").lower() in _LENGTHS:
                if found is not None:
                    return None
                found = value
    if found is None:
        return None
    found = found.strip(b" \t")
    return int(found) if found.isdigit() and len(found) < 10 else None
