"""How the parts of a stream look on the wire: over TCP one endless document, over WebSocket a document a message.

Everything here returns bytes for one `Flow.send`: on a WebSocket that is one message.
Source: RFC 6120 §4, RFC 7395 §3.
"""

from __future__ import annotations

from typing import Protocol

from antiphon.protocols.xmpp.element import attribute_value, escape_text
from antiphon.protocols.xmpp.names import CLIENT, FRAMING, STREAM_ERRORS, STREAMS


class Framing(Protocol):
    def header(self, from_: str, id: str, to: str = "") -> bytes:  # noqa: A002
        """A server's stream header."""
        ...

    def client_header(self, to: str, from_: str = "") -> bytes: ...

    def features(self, content: bytes) -> bytes: ...

    def stanza(self, data: bytes) -> bytes:
        """`data` is one stanza in the context of `jabber:client`."""
        ...

    def error(self, condition: str, text: str = "", extra: bytes = b"") -> bytes:
        """A stream error, without the end of the stream."""
        ...

    def end(self) -> bytes: ...


def _optional(name: str, value: str) -> bytes:
    return b" %b='%b'" % (name.encode(), attribute_value(value)) if value else b""


def _error_content(condition: str, text: str, extra: bytes) -> bytes:
    ns = STREAM_ERRORS.encode()
    described = (
        b"<text xmlns='%b' xml:lang='en'>%b</text>" % (ns, escape_text(text).encode()) if text else b""
    )
    return b"<%b xmlns='%b'/>%b%b" % (condition.encode(), ns, described, extra)


_TCP_HEADER = (
    f"<?xml version='1.0'?><stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' version='1.0'".encode()
)
_WEBSOCKET_HEADER = f"<open xmlns='{FRAMING}' version='1.0'".encode()


def _attributes(from_: str, id: str, to: str) -> bytes:  # noqa: A002
    return b" xml:lang='en'%b%b%b" % (_optional("from", from_), _optional("id", id), _optional("to", to))


class TcpFraming:
    """RFC 6120."""

    def header(self, from_: str, id: str, to: str = "") -> bytes:  # noqa: A002
        return b"%b%b>" % (_TCP_HEADER, _attributes(from_, id, to))

    def client_header(self, to: str, from_: str = "") -> bytes:
        return self.header(from_, "", to)

    def features(self, content: bytes) -> bytes:
        return b"<stream:features>%b</stream:features>" % content

    def stanza(self, data: bytes) -> bytes:
        return data

    def error(self, condition: str, text: str = "", extra: bytes = b"") -> bytes:
        return b"<stream:error>%b</stream:error>" % _error_content(condition, text, extra)

    def end(self) -> bytes:
        return b"</stream:stream>"


_NAME_LENGTH = {b"m"[0]: 8, b"p"[0]: 9, b"i"[0]: 3}


class WebSocketFraming:
    """RFC 7395: no stream element; `open` and `close` instead, and each stanza declares its namespace."""

    def header(self, from_: str, id: str, to: str = "") -> bytes:  # noqa: A002
        return b"%b%b/>" % (_WEBSOCKET_HEADER, _attributes(from_, id, to))

    def client_header(self, to: str, from_: str = "") -> bytes:
        return self.header(from_, "", to)

    def features(self, content: bytes) -> bytes:
        return b"<stream:features xmlns:stream='%b'>%b</stream:features>" % (STREAMS.encode(), content)

    def stanza(self, data: bytes) -> bytes:
        cut = _NAME_LENGTH.get(data[1], 0)
        return b"%b xmlns='jabber:client'%b" % (data[:cut], data[cut:]) if cut else data

    def error(self, condition: str, text: str = "", extra: bytes = b"") -> bytes:
        content = _error_content(condition, text, extra)
        return b"<stream:error xmlns:stream='%b'>%b</stream:error>" % (STREAMS.encode(), content)

    def end(self) -> bytes:
        return b"<close xmlns='%b'/>" % FRAMING.encode()


TCP = TcpFraming()
WEBSOCKET = WebSocketFraming()
