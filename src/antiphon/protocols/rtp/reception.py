"""What a receiver can say about a source: loss and jitter.

Source: RFC 3550 §6.4.1, appendix A.1, A.3, A.8.
"""

from __future__ import annotations

from antiphon.protocols.rtp.arithmetic import distance, extend
from antiphon.protocols.rtp.packet import Packet
from antiphon.protocols.rtp.rtcp import ReportBlock

_RESTART = 3000
"""A sequence jump of more than this is a new start (MAX_DROPOUT of A.1)."""


class Reception:
    """Statistics of one source (SSRC)."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self._clock_rate = clock_rate
        self.received = 0
        self._first = self._highest = -1
        self._transit: float | None = None
        self._jitter = 0.0
        self._reported_expected = self._reported_received = 0

    @property
    def jitter_s(self) -> float:
        """Smoothed difference of relative transit times, seconds."""
        return self._jitter / self._clock_rate

    @property
    def expected(self) -> int:
        return self._highest - self._first + 1 if self._first >= 0 else 0

    @property
    def lost(self) -> int:
        """May be negative when packets were duplicated on the way."""
        return self.expected - self.received

    def note(self, packet: Packet, now: float) -> None:
        if self._first < 0 or abs(distance(packet.sequence, self._highest & 0xFFFF)) > _RESTART:
            self._first = self._highest = packet.sequence
            self.received = self._reported_expected = self._reported_received = 0
            self._transit = None
        self.received += 1
        self._highest = max(self._highest, extend(packet.sequence, self._highest))
        transit = (now * self._clock_rate - packet.timestamp) % (1 << 32)
        if self._transit is not None:
            difference = abs(transit - self._transit)
            difference = min(difference, (1 << 32) - difference)
            self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    def report(self, last_sender_report: int = 0, delay_since_s: float = 0.0) -> ReportBlock:
        """The block for the next RTCP report; the loss fraction is since the block before."""
        expected = self.expected - self._reported_expected
        lost = expected - (self.received - self._reported_received)
        self._reported_expected, self._reported_received = self.expected, self.received
        return ReportBlock(
            self.ssrc,
            min((lost << 8) // expected, 255) if expected > 0 and lost > 0 else 0,
            max(min(self.lost, 0x7FFFFF), -0x800000),
            self._highest & 0xFFFFFFFF if self._first >= 0 else 0,
            int(self._jitter) & 0xFFFFFFFF,
            last_sender_report,
            int(delay_since_s * 65536) & 0xFFFFFFFF,
        )
