"""Which way media flows, and what hold looks like.

Source: RFC 3264 §5.1, §8.4; RFC 6337 §5
"""

from __future__ import annotations

import enum
from dataclasses import replace

from antiphon.protocols.sdp.session import Malformed, Media, Session, parse


class Direction(enum.Enum):
    """From the describing side's point of view."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def mirrored(self) -> Direction:
        """The same flow as the other side describes it."""
        return _MIRROR.get(self, self)


_MIRROR = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}
_NAMES = frozenset(direction.value for direction in Direction)


def direction(session: Session, media: Media) -> Direction:
    """Of one section: its own attribute, else the session's, else sendrecv. A null address is the old way to say hold."""
    if media.port == 0:
        return Direction.INACTIVE
    found = _named(media.lines) or _named(session.lines) or Direction.SENDRECV
    address = (media.connection or session.connection or "").split(" ")[-1]
    if address == "0.0.0.0":  # noqa: S104 - RFC 3264 §8.4, not a bind address
        return Direction.SENDONLY if found is Direction.SENDRECV else Direction.INACTIVE
    return found


def held(sdp: bytes | None) -> bool:
    """Does this offer put the other side on hold? True when no section wants to receive (sendonly or inactive).

    A description that cannot be read holds nobody.
    """
    if not sdp:
        return False
    try:
        session = parse(sdp)
    except Malformed:
        return False
    live = [direction(session, media) for media in session.media if media.port]
    return bool(live) and all(d in (Direction.SENDONLY, Direction.INACTIVE) for d in live)


def with_direction(session: Session, wanted: Direction) -> Session:
    """Every section says `wanted`; the session's own attribute goes."""
    lines = tuple(pair for pair in session.lines if not _is_direction(pair))
    media = tuple(
        replace(m, lines=(*(pair for pair in m.lines if not _is_direction(pair)), ("a", wanted.value)))
        for m in session.media
    )
    return Session(lines, media)


def _named(lines: tuple[tuple[str, str], ...]) -> Direction | None:
    return next((Direction(value) for key, value in lines if key == "a" and value in _NAMES), None)


def _is_direction(pair: tuple[str, str]) -> bool:
    return pair[0] == "a" and pair[1] in _NAMES
