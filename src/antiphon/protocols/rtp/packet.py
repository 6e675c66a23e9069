"""RTP packets.

Source: RFC 3550 §5.1, §5.3.1.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MAX_PACKET = 1500
"""Octets; nothing longer is sent or accepted, so one datagram costs at most this much memory."""

_HEADER = struct.Struct("!BBHII")


class Packet(NamedTuple):
    """One RTP data packet; padding is removed."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    contributors: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None
    """Profile-defined id and the words that follow it (RFC 3550 §5.3.1)."""


def is_rtcp(data: bytes) -> bool:
    """RTP and RTCP told apart on one port by the second octet.

    Source: RFC 5761 §4.
    """
    return len(data) >= 2 and 192 <= data[1] <= 223


def parse(data: bytes) -> Packet | None:
    """The packet, or None for what is not RTP version 2 or lies about its lengths."""
    if not 12 <= len(data) <= MAX_PACKET or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    count = first & 0x0F
    start = 12 + 4 * count
    end = len(data)
    if start > end:
        return None
    contributors = struct.unpack_from(f"!{count}I", data, 12) if count else ()
    extension: tuple[int, bytes] | None = None
    if first & 0x10:
        if start + 4 > end:
            return None
        profile, words = struct.unpack_from("!HH", data, start)
        start += 4
        if start + 4 * words > end:
            return None
        extension = (profile, data[start : start + 4 * words])
        start += 4 * words
    if first & 0x20:
        padding = data[-1]
        if padding == 0 or start + padding > end:
            return None
        end -= padding
    return Packet(
        second & 0x7F,
        sequence,
        timestamp,
        ssrc,
        data[start:end],
        bool(second & 0x80),
        contributors,
        extension,
    )


def serialise(packet: Packet) -> bytes:
    first = 0x80 | len(packet.contributors)
    tail = b"".join(ssrc.to_bytes(4, "big") for ssrc in packet.contributors)
    if packet.extension is not None:
        profile, words = packet.extension
        if len(words) % 4:
            raise ValueError("a header extension is a whole number of 32-bit words")
        first |= 0x10
        tail += struct.pack("!HH", profile, len(words) // 4) + words
    second = packet.payload_type | (0x80 if packet.marker else 0)
    head = _HEADER.pack(first, second, packet.sequence, packet.timestamp, packet.ssrc)
    return head + tail + packet.payload
