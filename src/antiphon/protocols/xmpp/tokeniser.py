"""Bytes of one direction of a stream to stanzas.

Each stanza keeps the slice of bytes it came in, and only what routing reads is parsed out of it. The slice may be sent
on because the very parser that vouches for it cut it out: it is valid UTF-8, well-formed, without DOCTYPE, processing
instruction or comment, has nothing of the stream's own namespace in it, and leans on no prefix declared outside itself.
A stanza that does lean on one is written anew from its tree.

Bounded work: input is held back until a `>` arrives, since expat before 2.6 reads an unfinished token again on every
call; bytes and depth are counted while a stanza arrives, the rest of `Limits` when it is complete. expat never forgets
a name it has seen, so that the parser of a busy stream is replaced now and then and that of an idle one is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pyexpat import EXPAT_VERSION, ExpatError, ParserCreate, XMLParserType
from pyexpat.errors import (
    XML_ERROR_INCORRECT_ENCODING,
    XML_ERROR_UNDEFINED_ENTITY,
    XML_ERROR_UNKNOWN_ENCODING,
    codes,
)
from typing import Final

from antiphon.protocols.xmpp.element import Element, serialise
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.protocols.xmpp.limits import PRE_AUTH, Limits
from antiphon.protocols.xmpp.names import CLIENT, STREAMS
from antiphon.protocols.xmpp.stanza import Stanza, without_attributes
from antiphon.protocols.xmpp.tokens import (
    START_TAG,
    Failure,
    Nonza,
    StreamClosed,
    StreamOpened,
    Token,
    name_of,
    plain_attributes,
)
from antiphon.protocols.xmpp.tree import NotAnElement, parse_element

__all__ = ["EXPAT", "Failure", "Nonza", "StreamClosed", "StreamOpened", "Token", "Tokeniser"]

RECYCLE_BYTES: Final = 64 * 1024
"""A parser that has read more than this is replaced at the next stanza boundary."""
RESCAN_BYTES: Final = 1024 * 1024
"""What expat may read again in vain for one unfinished token."""
EXPAT: Final = EXPAT_VERSION.removeprefix("expat_")
"""Version of the XML parser in use, for diagnosis."""


_PRIMER = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'".encode()
_FRAME_PRIMER = b"<frame>"
_STANZAS: dict[str, tuple[str, bytes, int]] = {
    f"{CLIENT} {kind}": (kind, f"</{kind}".encode(), len(kind) + 1) for kind in ("message", "presence", "iq")
}
_ROOT: Final = f"{STREAMS} stream"
_WRITTEN_NAME = re.compile(rb"<([^\s/>]+)")
_DELIMITERS: Final = frozenset(b" \t\r\n/>")
_SPACE: Final = b" \t\r\n"
_FOREIGN = re.compile(rb"[ \t\r\n]*[\x21-\x3b\x3d-\x7f]")
"""The beginning of something that is no XML in any encoding."""
_CONDITION_OF_ERROR = {
    codes[XML_ERROR_UNDEFINED_ENTITY]: "restricted-xml",
    codes[XML_ERROR_UNKNOWN_ENCODING]: "unsupported-encoding",
    codes[XML_ERROR_INCORRECT_ENCODING]: "unsupported-encoding",
}


class _Stop(Exception):
    """Ends a call of the parser from inside a handler."""


class Tokeniser:
    """One direction of one stream.

    `framed` reads WebSocket messages, each a document by itself (RFC 7395 §3.3). While `single`, `feed` returns at most
    one event a call and keeps what follows it unread until it is called again, so that a restart can come between:
    `pending` tells that there is more.
    """

    __slots__ = (
        "__weakref__", "_attrs", "_base", "_buf", "_depth", "_done", "_events", "_extra", "_fed", "_held",
        "_last_end", "_name", "_names", "_open", "_rescanned", "_start_at", "framed", "limits", "parser",
        "single",
    )  # fmt: skip

    def __init__(self, limits: Limits = PRE_AUTH, framed: bool = False, single: bool = True) -> None:
        self.limits = limits
        self.framed = framed
        self.single = single
        self._events: list[Token] = []
        self._names: list[str] = []
        self._held: bytes | bytearray = b""
        self._buf: bytes | bytearray = b""
        self.parser: XMLParserType | None = None
        """None while parked; the next byte makes a new one."""
        self._attrs: dict[str, str] = {}
        self._name = ""
        # Offsets count bytes given to the parser at hand: `_buf` begins at `_base` and ends at `_fed`.
        self._base = self._fed = self._last_end = self._start_at = self._rescanned = self._depth = 0
        self.restart()

    def restart(self) -> None:
        """A new stream begins with the next byte (RFC 6120 §4.3.3). What `single` kept unread belongs to it."""
        self._extra = b""
        self._done = False
        self._open = self.framed
        self._held = self._held.lstrip(_SPACE)
        self._forget_parser()

    def close(self) -> None:
        """The connection is gone. The parser refers back to its tokeniser: it is freed now, not at the next collection."""
        self._finished()

    def discard(self) -> None:
        """Drop what was received and not read: plaintext behind `<starttls/>`."""
        self._held = b""

    @property
    def pending(self) -> bool:
        """`single` kept input that holds at least one `>`."""
        return not self._done and b">" in self._held

    @property
    def buffered(self) -> int:
        return len(self._held) + len(self._buf)

    def park(self) -> bool:
        """Drop the parser of a stream that is between stanzas. The next byte gets a new one."""
        if self._open and self._depth == 1 and not self._buf:
            self._forget_parser()
            return True
        return self.parser is None

    def feed(self, data: bytes) -> Sequence[Token]:
        """Events, in order; after a `Failure` or `StreamClosed` nothing more comes. Never raises."""
        if self._done:
            return ()
        if not self._held and data.endswith(b">"):
            chunk = data
        else:
            chunk = self._cut(data)
            if not chunk:
                return self._take()
        if not chunk.isascii():
            try:
                chunk.decode()
            except UnicodeDecodeError:
                return self._fail("unsupported-encoding", "not UTF-8")
        parser = self.parser or self._new_parser()
        if self._buf:
            if isinstance(self._buf, bytes):
                self._buf = bytearray(self._buf)
            self._buf += chunk
        else:
            self._buf = chunk
        self._fed += len(chunk)
        try:
            parser.Parse(chunk, False)
        except _Stop:
            return self._take()
        except NotAnElement as error:
            return self._fail(error.condition, str(error))
        except ExpatError as error:
            if self._done:
                return self._take()  # what follows the end of the stream is nobody's
            return self._fail(_CONDITION_OF_ERROR.get(error.code, "not-well-formed"))
        if self._depth == 1 and self._last_end == self._fed and not self._held and self._fed < RECYCLE_BYTES:
            # All that came was whole stanzas.
            self._buf = b""
            self._base = self._fed
            events = self._events
            if not (self.framed and len(events) > 1):
                self._events = []
                return events
        return self._settle()

    # -- input and buffers

    def _cut(self, data: bytes) -> bytes:
        """What the parser may read now: up to the last `>`. The rest is held."""
        held = self._held
        cut = data.rfind(b">") + 1
        if held and not cut and not data:
            cut = held.rfind(b">") + 1
            if cut:
                self._held = held[cut:]
                return bytes(held[:cut])
            return b""
        if not cut:
            if not held and self._depth <= 1 and not self._buf and not data.strip(_SPACE):
                return b""  # a keepalive (RFC 6120 §4.6.1)
            if isinstance(held, bytes):
                self._held = held = bytearray(held)
            held += data
            if self._depth == 0 and _FOREIGN.match(held):
                self._fail_later("not-well-formed")  # nothing that follows can mend it
                return b""
            if len(held) + len(self._buf) > self.limits.stanza_bytes:
                self._fail_later("policy-violation", "stanza too big")
            elif self.framed:
                self._fail_later("not-well-formed", "an unfinished frame")
            return b""
        chunk = data if cut == len(data) else data[:cut]
        if held:
            chunk = bytes(held) + chunk
        self._held = data[cut:]
        return chunk

    def _settle(self) -> Sequence[Token]:
        """After a call of the parser that went well."""
        events = self._events
        if self._depth == 1 and self._last_end == self._fed:
            if self._held:
                if not self._held.strip(_SPACE):
                    self._held = b""
                elif len(self._held) > self.limits.stanza_bytes:
                    return self._fail("policy-violation", "stanza too big")
            if self.framed and len(events) > 1:
                return self._fail("bad-format", "more than one element in a frame")
            self._buf = b""
            self._base = self._fed
            if self._fed > RECYCLE_BYTES:
                self._forget_parser()
            if not events:
                return ()
            self._events = []
            return events
        if self._done:
            return self._take()
        return self._settle_unfinished()

    def _settle_unfinished(self) -> Sequence[Token]:
        parser = self.parser
        assert parser is not None
        depth = self._depth
        keep = self._start_at if depth > 1 else self._last_end
        if keep > self._base:
            self._buf = self._buf[keep - self._base :]
            self._base = keep
        if depth == 1:
            rest = self._buf.lstrip(_SPACE)
            if not rest:
                self._buf = b""
                self._base = self._last_end = self._fed
                return self._take()
            if not rest.startswith(b"<") or rest.startswith(b"<!["):
                return self._fail("bad-format", "text between stanzas")
        if self.framed:
            return self._fail("not-well-formed", "an unfinished frame")
        if len(self._buf) + len(self._held) > self.limits.stanza_bytes:
            return self._fail("policy-violation", "stanza too big")
        if depth > 1 and self._buf.count(b"<") > 2 * self.limits.elements + 2:
            return self._fail("policy-violation", "too many elements")
        unread = self._fed - parser.CurrentByteIndex
        if unread > 0:
            self._rescanned += unread
            if self._rescanned > RESCAN_BYTES:
                return self._fail("policy-violation", "a tag in too many pieces")
        else:
            self._rescanned = 0
        return self._take()

    def _take(self) -> Sequence[Token]:
        events = self._events
        if events:
            self._events = []
        return events

    def _fail_later(self, condition: str, text: str = "") -> None:
        self._events.append(Failure(condition, text))
        self._finished()

    def _fail(self, condition: str, text: str = "") -> Sequence[Token]:
        self._fail_later(condition, text)
        return self._take()

    def _finished(self) -> None:
        self._done = True
        self._held = b""
        self._forget_parser()

    # -- the parser

    def _forget_parser(self) -> None:
        self.parser = None
        self._buf = b""
        self._base = self._fed = self._last_end = self._start_at = self._rescanned = 0
        self._depth = 1 if self._open else 0
        self._name = ""
        self._attrs = {}

    def _new_parser(self) -> XMLParserType:
        parser = ParserCreate("utf-8", " ", None)  # None: no table of names that only grows
        no_deferral: Callable[[bool], None] | None = getattr(parser, "SetReparseDeferralEnabled", None)
        if no_deferral is not None:
            no_deferral(
                False
            )  # expat >= 2.6 would hold a complete stanza back; `_settle_unfinished` bounds rescans
        parser.StartDoctypeDeclHandler = _restricted
        parser.CommentHandler = _restricted
        parser.ProcessingInstructionHandler = _restricted
        if self._open:
            primer = self._primer()
            parser.Parse(primer, False)
            self._base = self._fed = self._last_end = len(primer)
            self._depth = 1
        else:
            parser.XmlDeclHandler = _declaration
            parser.StartNamespaceDeclHandler = self._on_namespace
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        self.parser = parser
        return parser

    def _primer(self) -> bytes:
        return _FRAME_PRIMER if self.framed else _PRIMER + self._extra + b">"

    def _root_close(self) -> bytes:
        return b"</frame>" if self.framed else b"</stream:stream>"

    def _on_namespace(self, prefix: str | None, uri: str | None) -> None:
        """Only while the stream header is read."""
        if prefix is None:
            if uri != CLIENT:
                raise NotAnElement("invalid-namespace", "content namespace")
            self._name = CLIENT
        elif prefix == "stream":
            if uri != STREAMS:
                raise NotAnElement("invalid-namespace", "stream namespace")
        elif prefix != "xml":
            declaration = Element("", "x", {f"xmlns:{prefix}": uri or ""})
            self._extra += serialise(declaration, "")[2:-2]

    def _on_header(self, name: str, attrs: dict[str, str]) -> None:
        parser = self.parser
        assert parser is not None
        parser.StartNamespaceDeclHandler = None
        parser.XmlDeclHandler = None
        start = parser.CurrentByteIndex
        ns, _, local = name.rpartition(" ")
        if ns != STREAMS:
            raise NotAnElement("invalid-namespace", "not a stream")
        if local != "stream":
            raise NotAnElement("bad-format", "not a stream header")
        if not self._buf.startswith(b"<stream:", start):
            raise NotAnElement("bad-namespace-prefix", "the prefix of the stream is `stream`")
        if self._name != CLIENT:
            raise NotAnElement("invalid-namespace", "no content namespace")
        if len(attrs) > self.limits.attributes or len(self._extra) > 2048:
            raise NotAnElement("policy-violation", "too many attributes")
        self._open = True
        tag = START_TAG.match(self._buf, start)
        assert tag is not None
        self._last_end = tag.end()
        self._events.append(StreamOpened(plain_attributes(attrs, keep_lang=True)))
        self._stop_if_single()

    # -- elements

    def _on_start(self, name: str, attrs: dict[str, str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 3:
            self._names.append(name)
        elif depth == 2:
            self._name = name
            self._attrs = attrs
            self._start_at = start = self.parser.CurrentByteIndex  # type: ignore[union-attr]
            if self._names:
                self._names = []
            if name == _ROOT:
                raise NotAnElement("bad-format", "a stream inside the stream")
            if start != self._last_end and self._buf[self._last_end - self._base : start - self._base].strip(
                _SPACE
            ):
                raise NotAnElement("bad-format", "text between stanzas")
        elif depth == 1:
            self._on_header(name, attrs)
        elif depth - 1 > self.limits.depth:
            raise NotAnElement("policy-violation", "too deep")

    def _on_end(self, _name: str) -> None:
        self._depth = depth = self._depth - 1
        if depth > 1:
            return
        if depth == 1:
            known = _STANZAS.get(self._name)
            if known is not None:
                self._on_stanza(*known)
            else:
                self._on_nonza(self._name)
        elif self.framed:
            raise NotAnElement("not-well-formed")
        else:
            self._on_stream_end()

    def _slice(self, close: bytes) -> bytes:
        """The bytes of the first-level element that ends here."""
        buf = self._buf
        base = self._base
        # The parser stands at the end tag, or behind an empty-element tag. Nothing but its own end tag can begin with
        # `close` here: what may follow an empty first-level element is another one, or the end of the stream.
        end = self.parser.CurrentByteIndex - base  # type: ignore[union-attr]
        if buf.startswith(close, end):
            end = buf.index(b">", end) + 1
        self._last_end = end + base
        raw = buf[self._start_at - base : end]
        return raw if isinstance(raw, bytes) else bytes(raw)

    def _on_stanza(self, kind: str, close: bytes, name_length: int) -> None:
        # A name with a prefix is longer than the bare one, so that its delimiter stands elsewhere.
        plain = self._buf[self._start_at - self._base + name_length] in _DELIMITERS
        raw = self._slice(close if plain else self._close_as_written())
        attrs = self._attrs
        limits = self.limits
        size = len(raw)
        if (
            b"stream:" in raw
            or self._extra
            or size > limits.attribute_length
            # The shortest attribute has five bytes, the shortest element four.
            or (size > 5 * limits.namespaces and raw.count(b"=") > limits.namespaces)
            or (size > 4 * limits.elements and raw.count(b"<") > limits.elements)
        ):
            raw = self._examined(raw)
        if not plain or "from" in attrs or raw.find(b"xmlns", 0, raw.find(b"<", 1)) >= 0:
            raw = self._canonical(raw, plain)
        stanza = Stanza(
            kind,
            attrs.get("type", ""),
            attrs.get("id", ""),
            None,
            None,
            tuple(map(name_of, self._names)),
            raw,
        )
        try:
            if "to" in attrs:
                stanza.to = Jid.parse(attrs["to"])
            if "from" in attrs:
                stanza.claimed = attrs["from"]
                stanza.sender = Jid.parse(stanza.claimed)
        except MalformedJid:
            stanza.malformed = True
        self._events.append(stanza)
        if self.single:
            self._stop_if_single()

    def _examined(self, raw: bytes) -> bytes:
        """The second reading, against every limit, of a stanza that is large, dense or leans on the stream header."""
        if len(raw) > self.limits.stanza_bytes:
            raise NotAnElement("policy-violation", "stanza too big")
        tree = parse_element(raw, self.limits, self._primer(), self._root_close())
        return serialise(tree) if b"stream:" in raw or self._extra else raw

    def _canonical(self, raw: bytes, plain: bool) -> bytes:
        """Start tag as `Stanza.raw` promises."""
        if plain:
            return without_attributes(raw, b"from", b"xmlns")
        tree = parse_element(raw, self.limits, self._primer(), self._root_close())
        tree.attrs.pop("from", None)
        return serialise(tree)

    def _close_as_written(self) -> bytes:
        written = _WRITTEN_NAME.match(self._buf, self._start_at - self._base)
        assert written is not None
        return b"</" + written.group(1)

    def _on_nonza(self, name: str) -> None:
        raw = self._slice(self._close_as_written())
        if len(raw) > self.limits.stanza_bytes:
            raise NotAnElement("policy-violation", "element too big")
        ns, _, local = name.rpartition(" ")
        self._events.append(Nonza(ns, local, plain_attributes(self._attrs), raw))
        self._stop_if_single()

    def _on_stream_end(self) -> None:
        end = self.parser.CurrentByteIndex  # type: ignore[union-attr]
        if self._buf[self._last_end - self._base : end - self._base].strip(_SPACE):
            raise NotAnElement("bad-format", "text between stanzas")
        self._events.append(StreamClosed())
        self._finished()
        raise _Stop

    def _stop_if_single(self) -> None:
        """Leave what follows the event unread, in `single`."""
        if not self.single or self.framed:
            return
        rest = self._buf[self._last_end - self._base :]
        if rest.strip(_SPACE):
            self._held = bytes(rest) + bytes(self._held)
            self._forget_parser()
            raise _Stop


def _declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
        raise NotAnElement("unsupported-encoding", encoding[:40])


def _restricted(*_: object) -> None:
    raise NotAnElement("restricted-xml")
