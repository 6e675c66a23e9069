"""What a stream is cut into (`tokeniser.py`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.names import XML_LANG, QName
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tree import parse_element

START_TAG: Final = re.compile(rb"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""")
"""The start tag of a well-formed element; nothing in an attribute's value can end it."""


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The stream header."""

    attrs: dict[str, str]
    """`to`, `from`, `version`, and `XML_LANG` for xml:lang."""


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The end tag of the stream."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The stream cannot go on: `condition` is the stream error (RFC 6120 §4.9.3). Always the last event."""

    condition: str
    text: str = ""


class Nonza:
    """A first-level element that is not a stanza."""

    __slots__ = ("_tree", "attrs", "local", "ns", "raw")

    def __init__(self, ns: str, local: str, attrs: dict[str, str], raw: bytes) -> None:
        self.ns = ns
        self.local = local
        self.attrs = attrs
        """Without those in a namespace."""
        self.raw = raw
        self._tree: Element | None = None

    def tree(self) -> Element:
        """Raises `NotAnElement`."""
        if self._tree is None:
            self._tree = parse_element(self.raw)
        return self._tree

    def text(self) -> str:
        """The text inside; without building a tree where there is nothing but plain text. Raises `NotAnElement`."""
        tag = START_TAG.match(self.raw)
        if tag is not None and not self.raw.endswith(b"/>"):
            inside = self.raw[tag.end() : self.raw.rindex(b"</")]
            if b"<" not in inside and b"&" not in inside and b"\r" not in inside:
                return inside.decode()
        return self.tree().text

    @property
    def name(self) -> QName:
        return QName(self.ns, self.local)

    def __repr__(self) -> str:
        return f"<Nonza {{{self.ns}}}{self.local} {self.attrs}>"


Token = Stanza | Nonza | StreamOpened | StreamClosed | Failure


class _Names(dict[str, QName]):
    """Names seen as children of stanzas, as expat writes them; full at 4096 so that peers cannot fill the memory."""

    def __missing__(self, name: str) -> QName:
        ns, _, local = name.rpartition(" ")
        found = QName(ns, local)
        if len(self) < 4096 and len(name) < 256:
            self[name] = found
        return found


name_of: Final = _Names().__getitem__


def plain_attributes(attrs: dict[str, str], keep_lang: bool = False) -> dict[str, str]:
    plain = {key: value for key, value in attrs.items() if " " not in key}
    lang = attrs.get("http://www.w3.org/XML/1998/namespace lang")
    if keep_lang and lang is not None:
        plain[XML_LANG] = lang
    return plain
