"""The jitter buffer: packets in any order at any time go in, one packet each frame time comes out.

The driver calls `get` once a frame (20 ms). The buffer holds `delay` frames back so that late packets still find their
place, and never more than `capacity`, so that a flood or a fast sender's clock costs bounded memory and delay.
"""

from __future__ import annotations

from antiphon.protocols.rtp.arithmetic import extend
from antiphon.protocols.rtp.packet import Packet


class JitterBuffer:
    """Orders packets of one source by sequence number.

    `late`, `duplicate`, `overflow` and `lost` count packets: arrived after their turn, arrived twice, thrown away
    because the buffer was full, and missing when their turn came.
    """

    def __init__(self, delay: int = 3, capacity: int = 50) -> None:
        if not 0 < delay < capacity:
            raise ValueError("0 < delay < capacity")
        self._delay = delay
        self._capacity = capacity
        self._packets: dict[int, Packet] = {}
        self._next: int | None = None
        self._waited: int | None = 0
        self.late = self.duplicate = self.overflow = self.lost = 0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: Packet) -> bool:
        """False when the packet is of no use any more."""
        if self._next is None:
            self._next = packet.sequence
        number = extend(packet.sequence, self._next)
        if abs(number - self._next) > self._capacity:
            # A jump by more than the buffer can hold is a source that began anew (RFC 3550 A.1), not reordering.
            self._restart(packet.sequence)
            number = packet.sequence
        elif number < self._next and self._waited is None:
            self.late += 1
            return False
        if number in self._packets:
            self.duplicate += 1
            return False
        self._packets[number] = packet
        if len(self._packets) > self._capacity:
            oldest = min(self._packets)
            del self._packets[oldest]
            self.overflow += 1
            self._next = oldest + 1
        return True

    def get(self) -> Packet | None:
        """The packet whose turn it is; None where it is missing or nothing is to be played yet."""
        if not self._packets:
            # Silence on the wire: hold back again before the next talk spurt.
            self._waited = 0
            return None
        if self._waited is not None:
            if len(self._packets) < self._delay and self._waited < self._delay:
                self._waited += 1
                return None
            self._waited = None
            self._next = min(self._packets)
        assert self._next is not None
        packet = self._packets.pop(self._next, None)
        if packet is None:
            self.lost += 1
        self._next += 1
        return packet

    def _restart(self, sequence: int) -> None:
        self.overflow += len(self._packets)
        self._packets.clear()
        self._next = sequence
        self._waited = 0
