"""Session descriptions between dialogs: as much of SDP as it takes to pass one on to a leg that has seen others.

A description is passed on byte for byte while the same two legs talk. When a transfer gives a leg a new peer, its
dialog must still see one origin with growing versions, and media lines that keep their places (RFC 3264 §8).
Anything that is not SDP passes unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_DIRECTIONS = (b"a=sendrecv", b"a=sendonly", b"a=recvonly", b"a=inactive")


def _split(sdp: bytes) -> tuple[list[bytes], list[list[bytes]]]:
    """The session lines, and the lines of each media section."""
    session: list[bytes] = []
    media: list[list[bytes]] = []
    for line in sdp.splitlines():
        if line.startswith(b"m="):
            media.append([line])
        elif line:
            (media[-1] if media else session).append(line)
    return session, media


def _join(session: Sequence[bytes], media: Sequence[Sequence[bytes]]) -> bytes:
    lines = [*session, *(line for section in media for line in section)]
    return b"\r\n".join(lines) + b"\r\n"


def is_hold(sdp: bytes | None) -> bool:
    """The sender takes nothing: no media, or every direction `sendonly`/`inactive`, or RFC 2543's c=0.0.0.0."""
    if not sdp:
        return False
    session, media = _split(sdp)
    default = next((line for line in session if line in _DIRECTIONS), b"a=sendrecv")
    null = b"c=IN IP4 0.0.0.0"
    live = [section for section in media if section[0].split(b" ")[1:2] not in ([], [b"0"])]
    if not live:
        return False
    return all(
        next((line for line in section if line in _DIRECTIONS), default) in (b"a=sendonly", b"a=inactive")
        or (null in section or (null in session and not any(line.startswith(b"c=") for line in section)))
        for section in live
    )


def inactive(sdp: bytes) -> bytes:
    """The same description with nothing sent either way: what a leg is told while it has no peer."""
    session, media = _split(sdp)
    session = [line for line in session if line not in _DIRECTIONS]
    quiet = []
    for section in media:
        kept = [
            b"a=setup:passive" if line == b"a=setup:actpass" else line
            for line in section
            if line not in _DIRECTIONS
        ]
        quiet.append([*kept, b"a=inactive"])
    return _join(session, quiet)


@dataclass(slots=True)
class Thread:
    """What one leg has been told so far, so that the next description fits."""

    told: bytes | None = None
    """As it was sent last."""
    _order: tuple[int | None, ...] | None = None
    """For each media line of the last offer to the leg: its place in the source, None where it was filled in."""

    def offer(self, sdp: bytes) -> bytes:
        """The offer to send to the leg."""
        self._order = None
        return self._tell(self._placed(sdp))

    def answer(self, sdp: bytes) -> bytes:
        """The answer to send to the leg. It has the places of the leg's own offer, which were passed on as they were."""
        return self._tell(sdp)

    def returned(self, sdp: bytes) -> bytes:
        """The leg's answer to the last offer, with the places that the offer's source gave."""
        if self._order is None:
            return sdp
        session, media = _split(sdp)
        placed = [
            (place, section) for place, section in zip(self._order, media, strict=False) if place is not None
        ]
        return _join(session, [section for _, section in sorted(placed, key=lambda pair: pair[0])])

    def _tell(self, sdp: bytes) -> bytes:
        self.told = sdp if self.told is None else _continued(self.told, sdp)
        return self.told

    def _placed(self, sdp: bytes) -> bytes:
        if self.told is None:
            return sdp
        before = [_kind(section) for section in _split(self.told)[1]]
        session, media = _split(sdp)
        kinds = [_kind(section) for section in media]
        if not media or kinds[: len(before)] == before:
            return sdp
        left = list(range(len(media)))
        order: list[int | None] = []
        for kind in before:
            place = next((i for i in left if kinds[i] == kind), None)
            if place is not None:
                left.remove(place)
            order.append(place)
        order.extend(left)
        self._order = tuple(order)
        old = _split(self.told)[1]
        sections = [
            media[place] if place is not None else _rejected(old[index][0])
            for index, place in enumerate(order)
        ]
        return _join(session, sections)


def _kind(section: Sequence[bytes]) -> bytes:
    return section[0].partition(b" ")[0]


def _rejected(line: bytes) -> list[bytes]:
    kind, _, rest = line.partition(b" ")
    return [b"%b 0 %b" % (kind, rest.partition(b" ")[2])]


def _origin(sdp: bytes) -> tuple[bytes, int, bytes] | None:
    """What comes before the version of the o= line, the version, and what comes after."""
    start = sdp.find(b"\no=") + 1
    if not start:
        return None
    fields = sdp[start : sdp.find(b"\n", start)].rstrip(b"\r").split(b" ")
    if len(fields) != 6 or not fields[2].isdigit() or len(fields[2]) > 20:
        return None
    return b" ".join(fields[:2]), int(fields[2]), b" ".join(fields[3:])


def _continued(told: bytes, sdp: bytes) -> bytes:
    """`sdp` with the origin of `told`, and a version that says whether anything else has changed."""
    ours, theirs = _origin(told), _origin(sdp)
    if ours is None or theirs is None:
        return sdp
    if ours[0] == theirs[0] and ours[2] == theirs[2] and theirs[1] >= ours[1]:
        return sdp
    same = _without_origin(told) == _without_origin(sdp)
    version = ours[1] if same else ours[1] + 1
    line = b"%b %d %b" % (ours[0], version, ours[2])
    start = sdp.find(b"\no=") + 1
    end = sdp.find(b"\n", start)
    end = len(sdp) if end < 0 else end
    return sdp[:start] + line + (b"\r" if sdp[start:end].endswith(b"\r") else b"") + sdp[end:]


def _without_origin(sdp: bytes) -> bytes:
    return b"\n".join(line for line in sdp.splitlines() if not line.startswith(b"o="))
