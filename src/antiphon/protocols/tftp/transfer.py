"""One file on its way: a state machine without socket or clock.

Stop and wait: a block is sent, its acknowledgement awaited, and sent again when none comes. The last block is shorter
than the others and may be empty (RFC 1350 §6). A repeated acknowledgement is not answered, or every later block would
go twice (RFC 1123 §4.2.3.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.protocols.tftp.packet import (
    BLOCK,
    BLOCK_RANGE,
    TIMEOUT_RANGE,
    ReadRequest,
    ack_number,
    data,
    is_error,
    option_ack,
)

TIMEOUT_S = 1.0
TRIES = 5


class Transfer:
    """Sends `content` in answer to a request.

    `start` and `handle` return the packets to send; `deadline` is when `expired` wants to be called. When `done` is set
    the transfer is over, well or not.
    """

    def __init__(self, request: ReadRequest, content: bytes) -> None:
        self._content = _netascii(content) if request.netascii else content
        self._size = BLOCK
        self._timeout_s = TIMEOUT_S
        self._options = self._negotiate(request)
        self._blocks = 0
        self._last = b""
        self._wait_s = self._timeout_s
        self._tries = 0
        self._awaited = 0
        self.deadline: float | None = None
        self.done = False
        self.completed = False
        """All of the file has been acknowledged."""

    def start(self, now: float) -> Sequence[bytes]:
        if self._options:
            # The options are acknowledged as block 0; the asker answers with ACK 0 (RFC 2347).
            return self._send(option_ack(self._options), 0, now)
        return self._send_block(1, now)

    def handle(self, packet: bytes, now: float) -> Sequence[bytes]:
        if self.done:
            return ()
        if is_error(packet):
            self._finish()
            return ()
        if ack_number(packet) != self._awaited & 0xFFFF:
            return ()
        if self._awaited and len(self._block(self._awaited)) < self._size:
            self.completed = True
            self._finish()
            return ()
        return self._send_block(self._awaited + 1, now)

    def expired(self, now: float) -> Sequence[bytes]:
        """The deadline has passed: once more, more slowly, and at last not at all."""
        if self.done:
            return ()
        self._tries += 1
        if self._tries >= TRIES:
            self._finish()
            return ()
        self._wait_s *= 2
        self.deadline = now + self._wait_s
        return (self._last,)

    def _send_block(self, number: int, now: float) -> Sequence[bytes]:
        return self._send(data(number, self._block(number)), number, now)

    def _send(self, packet: bytes, awaited: int, now: float) -> Sequence[bytes]:
        self._last, self._awaited = packet, awaited
        self._tries, self._wait_s = 0, self._timeout_s
        self.deadline = now + self._wait_s
        return (packet,)

    def _block(self, number: int) -> bytes:
        return self._content[(number - 1) * self._size : number * self._size]

    def _finish(self) -> None:
        self.done = True
        self.deadline = None

    def _negotiate(self, request: ReadRequest) -> dict[str, str]:
        """The options that are agreed to; others are left out of the answer, as RFC 2347 asks."""
        agreed: dict[str, str] = {}
        size = _within(request.options.get("blksize", ""), BLOCK_RANGE)
        if size is not None:
            self._size = size
            agreed["blksize"] = str(size)
        timeout = _within(request.options.get("timeout", ""), TIMEOUT_RANGE)
        if timeout is not None:
            self._timeout_s = float(timeout)
            agreed["timeout"] = str(timeout)
        if request.options.get("tsize") == "0":
            agreed["tsize"] = str(len(self._content))
        return agreed


def _within(text: str, limits: tuple[int, int]) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        return None
    value = int(text)
    # A larger block than there may be is answered with the largest (RFC 2348: "less than or equal").
    return min(value, limits[1]) if value >= limits[0] else None


def _netascii(content: bytes) -> bytes:
    """RFC 764: a line ends with CR LF, a bare CR is CR NUL."""
    return content.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
