"""Session descriptions: parse, print, bounded.

Lines are kept as they came, grouped by section; only what something here reads is taken apart. Printing a parsed description
gives its bytes again (line ends become CRLF).

Source: RFC 8866 §5, §9
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

MAX_LINES = 512
MAX_MEDIA = 32
MAX_LINE = 4096

_SESSION_ORDER = "vosiuepcbtrzka"
_MEDIA_ORDER = "icbka"
_REPEATABLE = frozenset("epbtrza")


class Malformed(ValueError):
    """A description that RFC 8866 does not allow, or one beyond the bounds."""


@dataclass(frozen=True, slots=True)
class Media:
    """One m= section. `lines` are the (type, value) pairs below the m= line."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    lines: tuple[tuple[str, str], ...] = ()
    port_count: int = 1

    @property
    def attributes(self) -> tuple[str, ...]:
        return tuple(value for key, value in self.lines if key == "a")

    @property
    def connection(self) -> str | None:
        return next((value for key, value in self.lines if key == "c"), None)

    def attribute(self, name: str) -> str | None:
        """The value of the first `a=name:value`; empty for `a=name`; None when absent."""
        return _attribute(self.lines, name)

    def head(self) -> str:
        ports = str(self.port) if self.port_count == 1 else f"{self.port}/{self.port_count}"
        return " ".join([self.kind, ports, self.protocol, *self.formats])


@dataclass(frozen=True, slots=True)
class Session:
    """A whole description. `lines` are the (type, value) pairs of the session section, v= included."""

    lines: tuple[tuple[str, str], ...]
    media: tuple[Media, ...] = field(default=())

    @property
    def origin(self) -> str:
        return next(value for key, value in self.lines if key == "o")

    @property
    def connection(self) -> str | None:
        return next((value for key, value in self.lines if key == "c"), None)

    def attribute(self, name: str) -> str | None:
        return _attribute(self.lines, name)

    def with_media(self, media: tuple[Media, ...]) -> Session:
        return replace(self, media=media)

    def to_bytes(self) -> bytes:
        out = [f"{key}={value}" for key, value in self.lines]
        for media in self.media:
            out.append(f"m={media.head()}")
            out.extend([f"{key}={value}" for key, value in media.lines])
        return ("\r\n".join(out) + "\r\n").encode("utf-8", "surrogateescape")


def _attribute(lines: tuple[tuple[str, str], ...], name: str) -> str | None:
    for key, value in lines:
        if key == "a":
            found, _, rest = value.partition(":")
            if found == name:
                return rest
    return None


def parse(data: bytes) -> Session:
    """Raises `Malformed`."""
    sections = _sections(data)
    session = _ordered(sections[0], _SESSION_ORDER)
    kinds = [key for key, _ in session]
    if kinds[:2] != ["v", "o"] or session[0][1] != "0" or "s" not in kinds or "t" not in kinds:
        raise Malformed("v=0, o=, s= and t= are mandatory")
    if len(session[1][1].split(" ")) != 6:
        raise Malformed("o= has six fields")
    media = tuple([_media(section) for section in sections[1:]])
    if media and "c" not in kinds and not all(m.connection for m in media if m.port):
        raise Malformed("media without a connection")
    return Session(session, media)


def _sections(data: bytes) -> list[list[tuple[str, str]]]:
    """Lines as pairs, a new list at every m=. Bare LF ends a line too (§5: parsers SHOULD accept it)."""
    text = data.decode("utf-8", "surrogateescape")
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) > MAX_LINES:
        raise Malformed(f"more than {MAX_LINES} lines")
    sections: list[list[tuple[str, str]]] = [[]]
    for line in lines:
        if len(line) < 2 or line[1] != "=" or not "a" <= line[0] <= "z" or len(line) > MAX_LINE:
            raise Malformed(f"line: {line[:32]!r}")
        if "\r" in line or "\0" in line:
            raise Malformed("control character")
        if line[0] == "m":
            if len(sections) > MAX_MEDIA:
                raise Malformed(f"more than {MAX_MEDIA} media sections")
            sections.append([])
        sections[-1].append((line[0], line[2:]))
    return sections


def _ordered(lines: list[tuple[str, str]], order: str) -> tuple[tuple[str, str], ...]:
    """§5: the order of lines is fixed; t=, r= and z= come in groups, and several c= only stand in media."""
    at = 0
    for key, _ in lines:
        position = order.find(key)
        if key == "t" and at > order.find("t") and at <= order.find("z"):
            position = at
        if position < at:
            raise Malformed(f"{key}= does not belong here")
        at = position if key in _REPEATABLE or (key == "c" and order is _MEDIA_ORDER) else position + 1
    return tuple(lines)


def _media(lines: list[tuple[str, str]]) -> Media:
    parts = lines[0][1].split(" ")
    if len(parts) < 4 or "" in parts:
        raise Malformed("m= has at least four fields")
    kind, ports, protocol, *formats = parts
    port, slash, count = ports.partition("/")
    return Media(
        kind,
        _number(port, 65535),
        protocol,
        tuple(formats),
        _ordered(lines[1:], _MEDIA_ORDER),
        _number(count, 65535) if slash else 1,
    )


def _number(text: str, limit: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > limit:
        raise Malformed(f"number: {text[:16]!r}")
    return int(text)
