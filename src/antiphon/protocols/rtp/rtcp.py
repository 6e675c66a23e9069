"""RTCP: sender and receiver reports, CNAME, goodbye. Other packet types are passed over.

Source: RFC 3550 §6.4-6.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203

_NTP_UNIX_OFFSET_S = 2_208_988_800
_BLOCK = struct.Struct("!IB3sIIII")
_SENDER = struct.Struct("!IQIII")


class ReportBlock(NamedTuple):
    """What one receiver says about one source (§6.4.1)."""

    ssrc: int
    fraction_lost: int
    """In 256ths."""
    lost: int
    highest_sequence: int
    jitter: int
    """Timestamp units."""
    last_sender_report: int
    """Middle 32 bits of the NTP time of the last report heard."""
    delay: int
    """Since that report, 1/65536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    """64-bit NTP time."""
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Goodbye:
    sources: tuple[int, ...]


Report = SenderReport | ReceiverReport | Goodbye


def ntp(wall: float) -> int:
    """NTP time of seconds since 1970."""
    return int((wall + _NTP_UNIX_OFFSET_S) * (1 << 32))


def sender_report(report: SenderReport, cname: str) -> bytes:
    body = _SENDER.pack(
        report.ssrc,
        report.ntp,
        report.timestamp,
        report.packets & 0xFFFFFFFF,
        report.octets & 0xFFFFFFFF,
    )
    head = _packet(SENDER_REPORT, len(report.blocks), body + _blocks(report.blocks))
    return head + _cname(report.ssrc, cname)


def receiver_report(report: ReceiverReport, cname: str) -> bytes:
    body = report.ssrc.to_bytes(4, "big") + _blocks(report.blocks)
    return _packet(RECEIVER_REPORT, len(report.blocks), body) + _cname(report.ssrc, cname)


def goodbye(ssrc: int, cname: str) -> bytes:
    """A compound packet begins with a report (§6.1), so an empty one leads."""
    return receiver_report(ReceiverReport(ssrc), cname) + _packet(GOODBYE, 1, ssrc.to_bytes(4, "big"))


def parse(data: bytes) -> tuple[Report, ...]:
    """Reports of a compound packet; empty when it is malformed at its head, cut where it goes wrong later on."""
    reports: list[Report] = []
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            break
        report = _read(kind, first & 0x1F, data[at + 4 : end])
        if report is not None:
            reports.append(report)
        at = end
    return tuple(reports)


def _read(kind: int, count: int, body: bytes) -> Report | None:
    if kind == SENDER_REPORT and len(body) >= _SENDER.size + _BLOCK.size * count:
        ssrc, time, timestamp, packets, octets = _SENDER.unpack_from(body)
        return SenderReport(ssrc, time, timestamp, packets, octets, _read_blocks(body[_SENDER.size :], count))
    if kind == RECEIVER_REPORT and len(body) >= 4 + _BLOCK.size * count:
        return ReceiverReport(int.from_bytes(body[:4], "big"), _read_blocks(body[4:], count))
    if kind == GOODBYE and len(body) >= 4 * count:
        return Goodbye(struct.unpack_from(f"!{count}I", body))
    return None


def _read_blocks(body: bytes, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for index in range(count):
        ssrc, fraction, lost, *rest = _BLOCK.unpack_from(body, index * _BLOCK.size)
        blocks.append(ReportBlock(ssrc, fraction, int.from_bytes(lost, "big", signed=True), *rest))
    return tuple(blocks)


def _blocks(blocks: Iterable[ReportBlock]) -> bytes:
    return b"".join(
        _BLOCK.pack(block.ssrc, block.fraction_lost, block.lost.to_bytes(3, "big", signed=True), *block[3:])
        for block in blocks
    )


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _cname(ssrc: int, cname: str) -> bytes:
    text = cname.encode()[:255]
    chunk = ssrc.to_bytes(4, "big") + bytes((1, len(text))) + text
    # The item list ends with a null octet and is padded to the word (§6.5).
    chunk += b"\0" * (4 - len(chunk) % 4)
    return _packet(SOURCE_DESCRIPTION, 1, chunk)
