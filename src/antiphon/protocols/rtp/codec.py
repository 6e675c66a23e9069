"""Audio formats and the codecs that need no library.

Source: RFC 3551 §6 (static payload types), RFC 7587 (opus), RFC 4733 §2.4 (telephone-event).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from antiphon.protocols.rtp import g711
from antiphon.protocols.rtp.g711 import Pcm

FRAME_S = 0.02
"""One packet carries this much sound."""


class Format(NamedTuple):
    """An RTP payload format, as SDP names it."""

    name: str
    payload_type: int
    clock_rate: int
    channels: int = 1
    parameters: str = ""
    """The value of `a=fmtp`, without the payload type."""

    @property
    def rtpmap(self) -> str:
        tail = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{tail}"

    @property
    def frame(self) -> int:
        """Timestamp units in one packet."""
        return round(self.clock_rate * FRAME_S)

    def same_as(self, other: Format) -> bool:
        """The payload type number apart, which each side chooses for itself."""
        mine = (self.name.upper(), self.clock_rate, self.channels)
        return mine == (other.name.upper(), other.clock_rate, other.channels)


PCMU = Format("PCMU", 0, 8000)
PCMA = Format("PCMA", 8, 8000)
OPUS = Format("opus", 114, 48000, 2, "useinbandfec=1")
TELEPHONE_EVENT = Format("telephone-event", 101, 8000, 1, "0-16")

STATIC = {0: PCMU, 8: PCMA}
"""Payload types that need no `a=rtpmap`."""


class Codec(Protocol):
    """Mono 16-bit samples at `rate` to payloads and back, one frame a call."""

    @property
    def rate(self) -> int: ...

    def encode(self, pcm: Pcm) -> bytes: ...

    def decode(self, payload: bytes) -> Pcm:
        """Empty where the payload is not of this codec; never raises."""
        ...


class G711:
    """PCMU or PCMA."""

    rate = 8000

    def __init__(self, a_law: bool) -> None:
        self._encode = g711.encode_alaw if a_law else g711.encode_ulaw
        self._decode = g711.decode_alaw if a_law else g711.decode_ulaw

    def encode(self, pcm: Pcm) -> bytes:
        return self._encode(np.ascontiguousarray(pcm))

    def decode(self, payload: bytes) -> Pcm:
        return self._decode(payload)
