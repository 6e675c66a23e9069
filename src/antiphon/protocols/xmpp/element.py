"""An XML element as XMPP needs it, and its serialisation.

Only trees are built from this: stanzas that are merely routed travel as bytes (`stanza.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from antiphon.protocols.xmpp.names import CLIENT, XML, QName


class Element:
    """Four slots: `ns`, `local`, `attrs`, `children` (elements and text, in document order).

    Attribute keys are local names; those in a namespace are written `{namespace}local`.
    """

    __slots__ = ("attrs", "children", "local", "ns")

    def __init__(
        self, ns: str, local: str, attrs: Mapping[str, str] | None = None, *children: Element | str
    ) -> None:
        self.ns = ns
        self.local = local
        self.attrs: dict[str, str] = dict(attrs) if attrs else {}
        self.children: list[Element | str] = list(children)

    @property
    def name(self) -> QName:
        return QName(self.ns, self.local)

    @property
    def text(self) -> str:
        """The text directly inside, without that of child elements."""
        return "".join([child for child in self.children if isinstance(child, str)])

    def get(self, attribute: str, default: str = "") -> str:
        return self.attrs.get(attribute, default)

    def elements(self, ns: str | None = None, local: str | None = None) -> Iterator[Element]:
        """Child elements; of the namespace and local name, if given."""
        for child in self.children:
            if (
                not isinstance(child, str)
                and (ns is None or child.ns == ns)
                and (local is None or child.local == local)
            ):
                yield child

    def child(self, ns: str | None = None, local: str | None = None) -> Element | None:
        """The first child element of the namespace and local name, if given."""
        return next(self.elements(ns, local), None)

    def child_text(self, ns: str, local: str, default: str = "") -> str:
        found = self.child(ns, local)
        return default if found is None else found.text

    def append(self, *children: Element | str) -> Element:
        """Returns the element itself."""
        self.children.extend(children)
        return self

    def __eq__(self, other: object) -> bool:
        """Same names, attributes and content; adjacent text counts as one."""
        if not isinstance(other, Element):
            return NotImplemented
        return (
            self.ns == other.ns
            and self.local == other.local
            and self.attrs == other.attrs
            and _joined(self.children) == _joined(other.children)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Element {serialise(self).decode()}>"


def _joined(children: list[Element | str]) -> list[Element | str]:
    joined: list[Element | str] = []
    for child in children:
        if isinstance(child, str) and joined and isinstance(joined[-1], str):
            joined[-1] += child
        elif child != "":
            joined.append(child)
    return joined


_SPECIAL_TEXT = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL_ATTRIBUTE = re.compile("[&<>'\"\t\n\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;"}
_ESCAPES |= {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def _escaped(match: re.Match[str]) -> str:
    # What XML 1.0 cannot carry at all becomes U+FFFD, so that serialising never breaks a stream.
    return _ESCAPES.get(match.group(), "\ufffd")


def escape_text(text: str) -> str:
    return _SPECIAL_TEXT.sub(_escaped, text)


def escape_attribute(text: str) -> str:
    return _SPECIAL_ATTRIBUTE.sub(_escaped, text)


def attribute_value(text: object) -> bytes:
    """`str(text)` as the bytes between the quotes of an attribute."""
    return escape_attribute(str(text)).encode()


def serialise(element: Element, inherited: str = CLIENT) -> bytes:
    """The element in a context whose default namespace is `inherited`. Elements never get a prefix (RFC 6120 §4.8.5)."""
    parts: list[str] = []
    _write(element, inherited, parts)
    return "".join(parts).encode()


def _write(element: Element, inherited: str, parts: list[str]) -> None:
    local, ns = element.local, element.ns
    parts.append("<" + local)
    if ns != inherited:
        parts.append(f" xmlns='{escape_attribute(ns)}'")
    for prefixes, (key, value) in enumerate(element.attrs.items()):
        if key[:1] == "{":
            _write_qualified(key, value, prefixes, parts)
        else:
            parts.append(f" {key}='{escape_attribute(value)}'")
    if not element.children:
        parts.append("/>")
        return
    parts.append(">")
    for child in element.children:
        if isinstance(child, str):
            parts.append(escape_text(child))
        else:
            _write(child, ns, parts)
    parts.append(f"</{local}>")


def _write_qualified(key: str, value: str, number: int, parts: list[str]) -> None:
    ns, _, local = key[1:].rpartition("}")
    if ns == XML:
        parts.append(f" xml:{local}='{escape_attribute(value)}'")
    else:
        prefix = f"n{number}"
        parts.append(f" xmlns:{prefix}='{escape_attribute(ns)}' {prefix}:{local}='{escape_attribute(value)}'")
