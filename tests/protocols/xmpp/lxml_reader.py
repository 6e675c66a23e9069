"""A second reader of streams, on libxml2, that knows nothing of the first: what one accepts and the other reads
differently is how stanzas are smuggled."""

from __future__ import annotations

from lxml import etree

from antiphon.protocols.xmpp.element import Element


class Refused(Exception):
    """libxml2, or a rule of RFC 6120 §11, refuses the bytes."""


class _Target:
    """Builds our elements from the parser's events."""

    def __init__(self) -> None:
        self.stack: list[Element] = []
        self.top: list[Element] = []

    def start(self, tag: str, attrib: dict[str, str]) -> None:
        ns, _, local = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
        element = Element(ns, local, dict(attrib))
        if len(self.stack) == 1:
            self.top.append(element)
        elif self.stack:
            self.stack[-1].children.append(element)
        self.stack.append(element)

    def end(self, tag: str) -> None:
        self.stack.pop()

    def data(self, text: str) -> None:
        if len(self.stack) > 1:
            self.stack[-1].children.append(text)

    def comment(self, text: str) -> None:
        raise Refused("comment")

    def pi(self, target: str, data: str | None = None) -> None:
        raise Refused("processing instruction")

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise Refused("doctype")

    def close(self) -> None: ...


def read_stream(data: bytes) -> list[Element]:
    """The first-level elements of a whole stream. Raises `Refused`."""
    target = _Target()
    parser = etree.XMLParser(target=target, no_network=True, huge_tree=False)
    try:
        parser.feed(data)
        parser.close()
    except (etree.XMLSyntaxError, AssertionError) as error:
        raise Refused(str(error)) from None
    return target.top
