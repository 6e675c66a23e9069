"""Stream management, XEP-0198 (1.6): what has been handled, what the peer has not yet confirmed.

One object outlives the connections that it is resumed on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from antiphon.protocols.xmpp.names import SM

WRAP: Final = 2**32
REQUEST: Final = f"<r xmlns='{SM}'/>".encode()


class TooHigh(Exception):
    """The peer confirms more than it was sent: `undefined-condition` with `handled-count-too-high`."""

    def __init__(self, handled: int, sent: int) -> None:
        self.handled = handled
        self.sent = sent
        super().__init__(f"{handled} > {sent}")

    def extra(self) -> bytes:
        """The application-specific condition, XEP-0198 §4."""
        return b"<handled-count-too-high xmlns='%b' h='%d' send-count='%d'/>" % (
            SM.encode(),
            self.handled,
            self.sent,
        )


class StreamManagement:
    """Counters are modulo 2^32. The queue holds what was sent and not confirmed, oldest first."""

    __slots__ = ("_queue", "handled", "id", "sent", "unacked_bytes", "unrequested")

    def __init__(self, id: str = "") -> None:  # noqa: A002
        self.id = id
        """What the peer resumes with; empty when it did not ask to."""
        self.handled = 0
        """Stanzas of the peer that are done with: what `<a h>` says."""
        self.sent = 0
        self.unacked_bytes = 0
        self.unrequested = 0
        """Stanzas sent since the peer was last asked to confirm."""
        self._queue: deque[tuple[bytes, Callable[[], None] | None]] = deque()

    @property
    def unacked(self) -> int:
        return len(self._queue)

    def __iter__(self) -> Iterator[bytes]:
        """The unconfirmed stanzas."""
        return iter([data for data, _ in self._queue])

    def push(self, data: bytes, taken: Callable[[], None] | None = None) -> None:
        """A stanza is sent; `taken` is called when the peer confirms it."""
        self._queue.append((data, taken))
        self.sent = (self.sent + 1) % WRAP
        self.unacked_bytes += len(data)
        self.unrequested += 1

    def confirm(self, h: int) -> None:
        """The peer has handled everything up to `h`. Raises `TooHigh`."""
        queue = self._queue
        confirmed = (h - (self.sent - len(queue))) % WRAP
        if confirmed > len(queue):
            raise TooHigh(h, self.sent)
        for _ in range(confirmed):
            data, taken = queue.popleft()
            self.unacked_bytes -= len(data)
            if taken is not None:
                taken()

    def answer(self) -> bytes:
        return b"<a xmlns='%b' h='%d'/>" % (SM.encode(), self.handled)

    def take_all(self) -> list[tuple[bytes, Callable[[], None] | None]]:
        """Empty the queue: the peer will not come back for it."""
        queue = list(self._queue)
        self._queue.clear()
        self.unacked_bytes = 0
        return queue


def parse_h(text: str) -> int | None:
    """`h` of `<a/>` and `<resume/>`; None when it is not a number below 2^32."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    value = int(text)
    return value if value < WRAP else None
