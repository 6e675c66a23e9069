"""Bytes to `Element`: a whole element, checked against every limit.

The second, stricter reading of a stanza. It runs where something needs the tree, and on the rare stanza whose shape the
tokeniser will not vouch for.
"""

from __future__ import annotations

from pyexpat import ExpatError, ParserCreate, XMLParserType

from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.limits import C2S, Limits
from antiphon.protocols.xmpp.names import CLIENT, STREAMS


class NotAnElement(ValueError):
    """`condition` is the stream error to answer with (RFC 6120 §4.9.3)."""

    def __init__(self, condition: str, text: str = "") -> None:
        self.condition = condition
        super().__init__(text or condition)


_PRIMER = f"<s xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>".encode()


def parse_element(
    data: bytes, limits: Limits = C2S, primer: bytes = _PRIMER, closer: bytes = b"</s>"
) -> Element:
    """The one element in `data`, read between `primer` and `closer` (by default as inside a client's stream).

    Raises `NotAnElement`.
    """
    return _built(_StrictBuilder(limits), data, primer, closer)


def read_again(data: bytes) -> Element:
    """The one element in bytes that were checked before, or that are our own. Raises `NotAnElement`."""
    return _built(_Builder(), data, _PRIMER, b"</s>")


def _built(builder: _Builder, data: bytes, primer: bytes, closer: bytes) -> Element:
    parser = builder.parser
    assert parser is not None
    try:
        data.decode()
        parser.Parse(primer + data + closer, True)
    except (ExpatError, UnicodeError):
        raise NotAnElement("not-well-formed") from None
    finally:
        builder.parser = None  # it refers back to the builder: freed now, not when garbage is collected
    if builder.found is None:
        raise NotAnElement("bad-format", "not exactly one element")
    return builder.found


class _Builder:
    __slots__ = ("found", "parser", "stack")

    def __init__(self) -> None:
        self.found: Element | None = None
        self.stack: list[Element] | None = None
        """Open elements; None before the primer."""
        parser = ParserCreate("utf-8", " ", None)
        self.parser: XMLParserType | None = parser
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def _start(self, name: str, attrs: dict[str, str]) -> None:
        stack = self.stack
        if stack is None:
            self.stack = []
            return
        ns, _, local = name.rpartition(" ")
        element = Element(ns, local)
        element.attrs = (
            {_clark(key): value for key, value in attrs.items()} if " " in "".join(attrs) else attrs
        )
        if stack:
            if ns == STREAMS:
                raise NotAnElement("bad-namespace-prefix", "a stream element inside a stanza")
            stack[-1].children.append(element)
        elif self.found is None:
            self.found = element
        else:
            raise NotAnElement("bad-format", "more than one element")
        stack.append(element)

    def _end(self, _name: str) -> None:
        if self.stack:
            self.stack.pop()

    def _text(self, text: str) -> None:
        if self.stack:
            self.stack[-1].children.append(text)
        elif text.strip(" \t\r\n"):
            raise NotAnElement("bad-format", "text outside the element")


class _StrictBuilder(_Builder):
    """Checks against every limit."""

    __slots__ = ("elements", "limits", "namespaces")

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.elements = -1  # the primer is none
        self.namespaces: int | None = None
        """Declared in scope, without those of the primer; None before its end."""
        parser = self.parser
        assert parser is not None
        parser.StartElementHandler = self._check
        parser.StartNamespaceDeclHandler = self._declared
        parser.EndNamespaceDeclHandler = self._undeclared
        parser.StartDoctypeDeclHandler = parser.CommentHandler = parser.ProcessingInstructionHandler = (
            _restricted
        )

    def _declared(self, _prefix: str | None, _uri: str | None) -> None:
        if self.namespaces is not None:
            self.namespaces += 1
            if self.namespaces > self.limits.namespaces:
                raise NotAnElement("policy-violation", "namespaces in scope")

    def _undeclared(self, _prefix: str | None) -> None:
        if self.namespaces:
            self.namespaces -= 1

    def _check(self, name: str, attrs: dict[str, str]) -> None:
        limits = self.limits
        self.elements += 1
        if self.stack is None:
            self.namespaces = 0
        elif (
            len(self.stack) >= limits.depth
            or self.elements > limits.elements
            or len(attrs) > limits.attributes
        ):
            raise NotAnElement("policy-violation", "depth, elements or attributes")
        elif any(len(value) > limits.attribute_length for value in attrs.values()):
            raise NotAnElement("policy-violation", "attribute length")
        self._start(name, attrs)


def _clark(key: str) -> str:
    ns, _, local = key.rpartition(" ")
    return f"{{{ns}}}{local}" if ns else local


def _restricted(*_: object) -> None:
    raise NotAnElement("restricted-xml")
