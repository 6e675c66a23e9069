"""Sound over RTP: the sockets and the 20 ms clock of one audio stream.

Receiving and sending share one tick, so a stream costs one timer. The tick keeps absolute time: a late wake-up is made
up for, a stall of more than `_STALL_S` is not, because a burst of old sound helps nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from antiphon.io.errors import MEDIA_NOT_DELIVERED
from antiphon.kernel.core import Address
from antiphon.protocols.rtp import event
from antiphon.protocols.rtp.codec import FRAME_S, Codec
from antiphon.protocols.rtp.g711 import Pcm
from antiphon.protocols.rtp.jitter import JitterBuffer
from antiphon.protocols.rtp.packet import is_rtcp
from antiphon.protocols.rtp.session import Counters, RtpSession

log = logging.getLogger(__name__)

_STALL_S = 0.2
_REPORT_S = 5.0
_BIND_ATTEMPTS = 32


class Source(Protocol):
    """Where the sound to send comes from."""

    def read(self, samples: int) -> Pcm | None:
        """The next `samples` samples at the codec's rate; None sends silence."""
        ...


class Sink(Protocol):
    """Where the received sound goes, one frame every 20 ms from the start of the stream, silence included."""

    def write(self, pcm: Pcm) -> None: ...


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self._received = received
        self.gone = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        self._received(data, Address(str(addr[0]), int(str(addr[1]))))

    def error_received(self, exc: Exception) -> None:
        # ICMP port unreachable before the peer has opened its socket: UDP, so nothing is lost but what was sent.
        log.debug(
            "media datagram not delivered",
            extra={"code": MEDIA_NOT_DELIVERED.code, "error": type(exc).__name__},
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


class AudioStream:
    """One audio stream on a pair of ports, RTP on the even one and RTCP above it.

    `open` binds so that `local` can go into SDP; `start` begins when the answer is known; `close` ends it.
    """

    def __init__(self) -> None:
        self._session: RtpSession | None = None
        self._codec: Codec | None = None
        self._source: Source | None = None
        self._sink: Sink | None = None
        self._jitter = JitterBuffer()
        self._sockets: list[tuple[asyncio.DatagramTransport, _Socket]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._events: deque[tuple[bytes, bool]] = deque()
        self._event_type: int | None = None
        self._event_started = 0
        self._digits = event.DigitReader()
        self._on_digit: Callable[[str], None] | None = None
        self._on_first_packet: Callable[[], None] | None = None
        self._next_tick = self._next_report = 0.0
        self._last_frame: Pcm | None = None
        self.sending = True
        """False while the peer has put the call on hold: time passes, nothing is sent."""
        self._talking = False

    @classmethod
    async def open(cls, host: str) -> AudioStream:
        """Bind a pair of free ports on `host`. Raises OSError where none is to be had."""
        stream = cls()
        loop = asyncio.get_running_loop()
        for _ in range(_BIND_ATTEMPTS):
            transport, protocol = await loop.create_datagram_endpoint(
                lambda: _Socket(stream._received), local_addr=(host, 0)
            )
            port = int(transport.get_extra_info("sockname")[1])
            if port % 2 == 0:
                with contextlib.suppress(OSError):
                    second = await loop.create_datagram_endpoint(
                        lambda: _Socket(stream._received_rtcp), local_addr=(host, port + 1)
                    )
                    stream._sockets = [(transport, protocol), second]
                    return stream
            transport.close()
            await protocol.gone
        raise OSError("no pair of free UDP ports for media")

    @property
    def local(self) -> Address:
        """Where RTP is received."""
        name = self._sockets[0][0].get_extra_info("sockname")
        return Address(str(name[0]), int(name[1]))

    @property
    def counters(self) -> Counters:
        return self._session.counters if self._session else Counters(0, 0, 0, 0, 0.0)

    def start(
        self,
        session: RtpSession,
        codec: Codec,
        source: Source | None = None,
        sink: Sink | None = None,
        *,
        event_type: int | None = None,
        on_digit: Callable[[str], None] | None = None,
        on_first_packet: Callable[[], None] | None = None,
    ) -> None:
        """Send and play from now on. Called again after a new answer it changes over without a gap."""
        self._session, self._codec = session, codec
        self._source, self._sink = source, sink
        self._event_type, self._on_digit, self._on_first_packet = event_type, on_digit, on_first_packet
        self._jitter = JitterBuffer()
        self._talking = False
        if self._timer is None:
            now = asyncio.get_running_loop().time()
            self._next_tick, self._next_report = now, now + _REPORT_S / 2
            self._tick()

    @property
    def session(self) -> RtpSession | None:
        return self._session

    def press(self, digits: str) -> bool:
        """Send key presses after one another. False where the peer takes no telephone events."""
        if self._session is None or self._event_type is None or self._codec is None:
            return False
        for digit in digits:
            for index, payload in enumerate(event.key_press(digit, self._session.frame)):
                self._events.append((payload, index == 0))
        return True

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._session is not None:
            self._send(self._session.goodbye(), rtcp=True)
        for transport, _ in self._sockets:
            transport.close()
        for _, protocol in self._sockets:
            await protocol.gone
        self._session = None

    def _received(self, data: bytes, source: Address) -> None:
        session = self._session
        if session is None:
            return
        now = asyncio.get_running_loop().time()
        if is_rtcp(data):
            session.receive_rtcp(data, source, now)
            return
        packet = session.receive(data, source, now)
        if packet is None:
            return
        if self._on_first_packet is not None:
            first, self._on_first_packet = self._on_first_packet, None
            first()
        if packet.payload_type == self._event_type:
            digit = self._digits.read(packet.payload, packet.timestamp)
            if digit is not None and self._on_digit is not None:
                self._on_digit(digit)
        else:
            self._jitter.put(packet)

    def _received_rtcp(self, data: bytes, source: Address) -> None:
        if self._session is not None:
            self._session.receive_rtcp(data, source, asyncio.get_running_loop().time())

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - self._next_tick > _STALL_S:
            self._next_tick = now
        self._play()
        self._say()
        if now >= self._next_report and self._session is not None:
            self._next_report = now + _REPORT_S
            self._send(self._session.report(now, time.time()), rtcp=True)
        self._next_tick += FRAME_S
        self._timer = loop.call_at(self._next_tick, self._tick)

    def _play(self) -> None:
        codec = self._codec
        if codec is None:
            return
        packet = self._jitter.get()
        frame = codec.decode(packet.payload) if packet is not None else None
        if frame is None or not len(frame):
            # One missing frame is covered by the one before at half its loudness, the next by silence.
            frame = self._last_frame
            self._last_frame = None
            frame = frame // 2 if frame is not None else np.zeros(round(codec.rate * FRAME_S), np.int16)
        else:
            self._last_frame = frame
        if self._sink is not None:
            self._sink.write(frame)

    def _say(self) -> None:
        session, codec = self._session, self._codec
        if session is None or codec is None:
            return
        if not self.sending:
            session.skip()
            self._talking = False
            return
        if self._events and self._event_type is not None:
            payload, first = self._events.popleft()
            if first:
                self._event_started = session.timestamp
            self._send(session.send_event(self._event_type, self._event_started, payload, first))
            return
        samples = round(codec.rate * FRAME_S)
        frame = self._source.read(samples) if self._source is not None else None
        if frame is None:
            frame = np.zeros(samples, np.int16)
        self._send(session.send(codec.encode(frame), marker=not self._talking))
        self._talking = True

    def _send(self, data: bytes, rtcp: bool = False) -> None:
        if self._session is None:
            return
        host, port = self._session.destination
        transport = self._sockets[1 if rtcp else 0][0]
        if not transport.is_closing():
            transport.sendto(data, (host, port + 1 if rtcp else port))
