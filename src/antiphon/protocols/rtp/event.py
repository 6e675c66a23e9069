"""DTMF as named telephone events.

Source: RFC 4733 §2.3, §2.5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

DIGITS = "0123456789*#ABCD"

_PAYLOAD = struct.Struct("!BBH")


class TelephoneEvent(NamedTuple):
    """One payload. `duration` is in timestamp units, `volume` in -dBm0."""

    event: int
    end: bool
    volume: int
    duration: int

    @property
    def digit(self) -> str | None:
        return DIGITS[self.event] if self.event < len(DIGITS) else None


def parse(payload: bytes) -> TelephoneEvent | None:
    if len(payload) < 4:
        return None
    event, flags, duration = _PAYLOAD.unpack_from(payload)
    return TelephoneEvent(event, bool(flags & 0x80), flags & 0x3F, duration)


def serialise(event: TelephoneEvent) -> bytes:
    flags = (0x80 if event.end else 0) | event.volume
    return _PAYLOAD.pack(event.event, flags, min(event.duration, 0xFFFF))


def key_press(digit: str, frame: int, frames: int = 5, volume: int = 10) -> Iterator[bytes]:
    """Payloads of one key press, one a frame, all under one RTP timestamp: `frames` growing ones, then the end three
    times, so that one lost packet does not leave the key pressed (§2.5.1.4).

    `frame` is the frame time in timestamp units. Raises ValueError for what is no DTMF digit.
    """
    code = DIGITS.index(digit.upper())
    for count in range(1, frames + 1):
        yield serialise(TelephoneEvent(code, False, volume, count * frame))
    for _ in range(3):
        yield serialise(TelephoneEvent(code, True, volume, frames * frame))


class DigitReader:
    """Turns telephone events of one source into digits, each key press once."""

    def __init__(self) -> None:
        self._timestamp: int | None = None

    def read(self, payload: bytes, timestamp: int) -> str | None:
        """The digit when a key press is seen for the first time. All packets of one press share a timestamp."""
        event = parse(payload)
        if event is None or event.digit is None or timestamp == self._timestamp:
            return None
        self._timestamp = timestamp
        return event.digit
