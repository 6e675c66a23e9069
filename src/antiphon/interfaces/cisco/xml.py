"""XML of the Cisco-named interfaces: built as trees, never glued; read without trusting.

What XML cannot carry (control characters, lone surrogates) is replaced by U+FFFD, so that a name from a directory can
never make a document that nobody can read.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from lxml import etree

_PROLOG = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Element: TypeAlias = etree._Element


def clean(text: str) -> str:
    """`text` with what XML 1.0 §2.2 forbids replaced."""
    return _FORBIDDEN.sub("\ufffd", text)


def root(name: str, **attributes: str) -> Element:
    made: Element = etree.Element(name, {key: clean(value) for key, value in attributes.items()})
    return made


def add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    """Append a child; empty text makes an empty element."""
    child: Element = etree.SubElement(parent, name, {key: clean(value) for key, value in attributes.items()})
    if text:
        child.text = clean(text)
    return child


def flag(value: bool) -> str:
    return "true" if value else "false"


def serialise(element: Element) -> bytes:
    """The document, with the prolog these interfaces use."""
    return _PROLOG + bytes(etree.tostring(element, encoding="UTF-8", xml_declaration=False))
