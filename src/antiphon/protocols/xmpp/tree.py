"""Bytes to `Element`: a whole element, checked against every limit.

The second, stricter reading of a stanza. It runs where something needs the tree, and on the rare stanza whose shape the
tokeniser will not vouch for.
"""

from __future__ import annotations

from pyexpat import ExpatError, ParserCreate

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
    builder = _Builder(limits)
    try:
        data.decode()
        builder.read(primer)
        builder.read(data)
        builder.read(closer, final=True)
    except (ExpatError, UnicodeError):
        raise NotAnElement("not-well-formed") from None
    if builder.found is None or builder.depth != 0:
        raise NotAnElement("bad-format", "not exactly one element")
    return builder.found


class _Builder:
    __slots__ = ("depth", "elements", "found", "limits", "namespaces", "parser", "stack")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.depth = 0
        self.elements = 0
        self.namespaces = 0
        self.found: Element | None = None
        self.stack: list[Element] = []
        self.parser = parser = ParserCreate("utf-8", " ", None)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartNamespaceDeclHandler = self._declared
        parser.EndNamespaceDeclHandler = self._undeclared
        parser.StartDoctypeDeclHandler = parser.CommentHandler = parser.ProcessingInstructionHandler = (
            _restricted
        )

    def read(self, data: bytes, final: bool = False) -> None:
        self.parser.Parse(data, final)

    def _declared(self, _prefix: str | None, _uri: str | None) -> None:
        self.namespaces += 1
        # Two are declared by the primer.
        if self.namespaces > self.limits.namespaces + 2:
            raise NotAnElement("policy-violation", "namespaces in scope")

    def _undeclared(self, _prefix: str | None) -> None:
        self.namespaces -= 1

    def _start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1:
            return
        limits = self.limits
        self.elements += 1
        if self.depth - 1 > limits.depth or self.elements > limits.elements or len(attrs) > limits.attributes:
            raise NotAnElement("policy-violation", "depth, elements or attributes")
        if any(len(value) > limits.attribute_length for value in attrs.values()):
            raise NotAnElement("policy-violation", "attribute length")
        ns, _, local = name.rpartition(" ")
        if ns == STREAMS and self.stack:
            raise NotAnElement("bad-namespace-prefix", "a stream element inside a stanza")
        element = Element(ns, local)
        element.attrs = (
            {_clark(key): value for key, value in attrs.items()} if " " in "".join(attrs) else attrs
        )
        if self.stack:
            self.stack[-1].children.append(element)
        elif self.found is None:
            self.found = element
        else:
            raise NotAnElement("bad-format", "more than one element")
        self.stack.append(element)

    def _end(self, _name: str) -> None:
        self.depth -= 1
        if self.stack:
            self.stack.pop()

    def _text(self, text: str) -> None:
        if self.stack:
            self.stack[-1].children.append(text)
        elif text.strip(" \t\r\n"):
            raise NotAnElement("bad-format", "text outside the element")


def _clark(key: str) -> str:
    ns, _, local = key.rpartition(" ")
    return f"{{{ns}}}{local}" if ns else local


def _restricted(*_: object) -> None:
    raise NotAnElement("restricted-xml")
