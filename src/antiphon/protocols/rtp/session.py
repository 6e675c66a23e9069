"""One audio stream as a core: packets out, packets in, whom to believe, and what to report.

Owns no socket: the driver sends what `send` and `report` return to `destination` and hands in what arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from antiphon.kernel.core import Address
from antiphon.kernel.random import Random
from antiphon.protocols.rtp import rtcp
from antiphon.protocols.rtp.arithmetic import advance
from antiphon.protocols.rtp.codec import Format
from antiphon.protocols.rtp.packet import Packet, parse, serialise
from antiphon.protocols.rtp.reception import Reception
from antiphon.protocols.rtp.srtp import Protection

LATCH_AFTER = 4
"""Packets in a row that a source other than the announced one needs before it is believed."""


class Counters(NamedTuple):
    """What one stream did so far."""

    sent: int
    received: int
    lost: int
    refused: int
    """Datagrams that were no RTP, not authentic, of another payload type, or from a source that is not ours."""
    jitter_s: float


class RtpSession:
    """The sending and receiving half of one audio stream.

    Source latching: the address in SDP is believed at once. Another address (the peer is behind a NAT) is believed
    after `LATCH_AFTER` valid packets in a row, as long as nothing came from the announced one. Once a source is
    believed it stays the only one until `relatch`, so that nobody can inject sound or draw the stream to himself.
    Sound is sent to where it comes from (symmetric RTP, RFC 4961).
    """

    def __init__(
        self,
        announced: Address,
        sends: Format,
        accepts: Sequence[int],
        random: Random,
        protection: Protection | None = None,
        cname: str = "antiphon",
    ) -> None:
        """`accepts` are the payload types of our own description: what the peer may send."""
        self._announced = announced
        self._sends = sends
        self._accepts = frozenset(accepts)
        self._protection = protection
        self._cname = cname
        self._ssrc = int.from_bytes(random.raw(4), "big")
        # Both start at random so that known plain text is harder to guess (RFC 3550 §5.1).
        self._sequence = int.from_bytes(random.raw(2), "big")
        self._timestamp = int.from_bytes(random.raw(4), "big")
        self._source: Address | None = None
        self._candidate: tuple[Address, int] | None = None
        self._reception: Reception | None = None
        self._heard_report: tuple[int, float] | None = None
        self._packets = self._octets = self._reported_packets = self._refused = 0

    @property
    def destination(self) -> Address:
        return self._source or self._announced

    @property
    def counters(self) -> Counters:
        heard = self._reception
        return Counters(
            self._packets,
            heard.received if heard else 0,
            heard.lost if heard else 0,
            self._refused,
            heard.jitter_s if heard else 0.0,
        )

    def send(self, payload: bytes, marker: bool = False) -> bytes:
        """The datagram of the next frame; its time has passed afterwards."""
        data = self._emit(self._sends.payload_type, self._timestamp, payload, marker)
        self.skip()
        return data

    def skip(self) -> None:
        """Let one frame time pass without a packet."""
        self._timestamp = advance(self._timestamp, self._sends.frame, 32)

    def send_event(self, payload_type: int, started: int, payload: bytes, marker: bool) -> bytes:
        """A telephone event in place of sound; `started` is `timestamp` when the key went down."""
        data = self._emit(payload_type, started, payload, marker)
        self.skip()
        return data

    @property
    def timestamp(self) -> int:
        return self._timestamp

    @property
    def frame(self) -> int:
        """Timestamp units in one packet."""
        return self._sends.frame

    def receive(self, data: bytes, source: Address, now: float) -> Packet | None:
        """The packet, or None where it is not to be played."""
        if self._source is not None and source != self._source:
            self._refused += 1
            return None
        clear = data if self._protection is None else self._protection.unprotect(data)
        packet = None if clear is None else parse(clear)
        if packet is None or packet.payload_type not in self._accepts or not self._believed(source):
            self._refused += 1
            return None
        if self._reception is None or self._reception.ssrc != packet.ssrc:
            self._reception = Reception(packet.ssrc, self._sends.clock_rate)
        self._reception.note(packet, now)
        return packet

    def relatch(self, announced: Address) -> None:
        """A new offer or answer has named another address: believe and send there."""
        if announced != self._announced:
            self._announced, self._source, self._candidate = announced, None, None

    def report(self, now: float, wall: float) -> bytes:
        """The RTCP datagram that is due."""
        blocks: tuple[rtcp.ReportBlock, ...] = ()
        if self._reception is not None:
            heard, at = self._heard_report or (0, now)
            blocks = (self._reception.report(heard, now - at),)
        if self._packets > self._reported_packets:
            self._reported_packets = self._packets
            own = rtcp.SenderReport(
                self._ssrc, rtcp.ntp(wall), self._timestamp, self._packets, self._octets, blocks
            )
            return self._protected(rtcp.sender_report(own, self._cname))
        return self._protected(rtcp.receiver_report(rtcp.ReceiverReport(self._ssrc, blocks), self._cname))

    def goodbye(self) -> bytes:
        return self._protected(rtcp.goodbye(self._ssrc, self._cname))

    def receive_rtcp(self, data: bytes, source: Address, now: float) -> tuple[rtcp.Report, ...]:
        """Reports of the peer; from another host than the stream's they are refused."""
        if source.host != self.destination.host:
            self._refused += 1
            return ()
        clear = data if self._protection is None else self._protection.unprotect_rtcp(data)
        reports = () if clear is None else rtcp.parse(clear)
        for report in reports:
            if isinstance(report, rtcp.SenderReport):
                self._heard_report = ((report.ntp >> 16) & 0xFFFFFFFF, now)
        return reports

    def _believed(self, source: Address) -> bool:
        if source == self._announced or source == self._source:
            self._source = source
            return True
        known, count = self._candidate or (source, 0)
        count = count + 1 if known == source else 1
        self._candidate = (source, count)
        if count >= LATCH_AFTER:
            self._source = source
        return count >= LATCH_AFTER

    def _emit(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> bytes:
        packet = Packet(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)
        self._sequence = advance(self._sequence, 1)
        self._packets += 1
        self._octets += len(payload)
        data = serialise(packet)
        return data if self._protection is None else self._protection.protect(data)

    def _protected(self, report: bytes) -> bytes:
        return report if self._protection is None else self._protection.protect_rtcp(report)
