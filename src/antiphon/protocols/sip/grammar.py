"""Scanners for the lexical rules that SIP headers share.

All are linear in their input: nothing here backtracks, whatever a peer sends. They raise `Malformed`; the functions that
take bytes from a peer (`parse.parse_datagram`, `framing.Framer`, `check.fault`) turn that into a typed rejection.

Source: RFC 3261 §25.1
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_PARAM_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/@,<>?&$#|{}^()=]+")
LWS = " \t"


class Malformed(ValueError):
    """Text that the grammar does not allow."""


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def number(text: str, limit: int = 2**32 - 1) -> int:
    """A run of decimal digits no greater than `limit`."""
    if not text.isdigit() or not text.isascii() or len(text) > 20:
        raise Malformed(f"not a number: {text[:32]!r}")
    value = int(text)
    if value > limit:
        raise Malformed(f"number out of range: {value}")
    return value


def end_of_quoted(text: str, start: int) -> int:
    """The index after the closing quote of the quoted-string that begins at `start`."""
    i = start + 1
    while True:
        quote = text.find('"', i)
        if quote < 0:
            raise Malformed("quoted string without an end")
        escape = text.find("\\", i, quote)
        if escape < 0:
            return quote + 1
        i = escape + 2


def unquote(text: str) -> str:
    """What a quoted-string says; text without quotes is returned as it is."""
    if len(text) < 2 or text[0] != '"':
        return text
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    out: list[str] = []
    i = 0
    while (escape := inner.find("\\", i)) >= 0:
        out.append(inner[i:escape])
        out.append(inner[escape + 1 : escape + 2])
        i = escape + 2
    out.append(inner[i:])
    return "".join(out)


def quote(text: str) -> str:
    """`text` as a quoted-string. Control characters are left out: the grammar allows them, nobody needs them."""
    printable = "".join(c for c in text if c >= " " and c != "\x7f")
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'


def split(text: str, separator: str) -> list[str]:
    """The parts of `text` between separators that stand outside quoted strings and angle brackets, stripped of LWS."""
    if '"' not in text and "<" not in text:
        return [part.strip(LWS) for part in text.split(separator)]
    parts: list[str] = []
    begin = i = 0
    end = len(text)
    while i < end:
        char = text[i]
        if char == '"':
            i = end_of_quoted(text, i)
            continue
        if char == "<":
            i = text.find(">", i)
            if i < 0:
                raise Malformed("angle bracket without an end")
        elif char == separator:
            parts.append(text[begin:i].strip(LWS))
            begin = i + 1
        i += 1
    parts.append(text[begin:].strip(LWS))
    return parts


def parameters(text: str) -> dict[str, str | None]:
    """`;name=value;flag` as a dict: names in lower case, values as sent (quotes kept), None without a value."""
    found: dict[str, str | None] = {}
    text = text.strip(LWS)
    if not text:
        return found
    if text[0] != ";":
        raise Malformed(f"not a parameter: {text[:32]!r}")
    if text.startswith(";tag=") and _TOKEN.fullmatch(text, 5) is not None:
        return {"tag": text[5:]}
    for part in split(text[1:], ";"):
        name, equals, value = part.partition("=")
        name = name.rstrip(LWS).lower()
        if not is_token(name) or name in found:
            raise Malformed(f"parameter name: {name[:32]!r}")
        if not equals:
            found[name] = None
            continue
        found[name] = _parameter_value(value.lstrip(LWS))
    return found


def _parameter_value(value: str) -> str:
    if value.startswith('"'):
        if end_of_quoted(value, 0) != len(value):
            raise Malformed("text after a quoted value")
    elif _PARAM_VALUE.fullmatch(value) is None:
        raise Malformed(f"parameter value: {value[:32]!r}")
    return value


def print_parameters(params: Mapping[str, str | None]) -> str:
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])
