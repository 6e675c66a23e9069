"""Time as a port: services and cores are given the time, they never read a clock.

`VirtualTime` is the implementation that tests and the scenario engine use: 89 hours of SIP timers run in a moment.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Protocol


class Cancel(Protocol):
    """A scheduled call that can still be taken back."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Seconds, as floats."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean something."""
        ...

    def wall(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        ...


class Timers(Clock, Protocol):
    """A clock that also calls back. Callbacks run on the loop, never inside `at`."""

    def at(self, when: float, callback: Callable[[], None]) -> Cancel:
        """Call `callback` when `now() >= when`."""
        ...


class _Scheduled:
    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualTime:
    """A clock that moves only when told to. Implements `Timers`."""

    def __init__(self, start: float = 0.0, wall: float = 1_800_000_000.0) -> None:
        self._now = start
        self._wall_offset = wall - start
        self._queue: list[tuple[float, int, _Scheduled]] = []
        self._count = itertools.count()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self._wall_offset

    def at(self, when: float, callback: Callable[[], None]) -> Cancel:
        scheduled = _Scheduled(callback)
        heapq.heappush(self._queue, (max(when, self._now), next(self._count), scheduled))
        return scheduled

    def advance(self, seconds: float) -> None:
        """Move forward and run what falls due on the way, in order of time, then of scheduling."""
        end = self._now + seconds
        while self._queue and self._queue[0][0] <= end:
            when, _, scheduled = heapq.heappop(self._queue)
            if not scheduled.cancelled:
                self._now = when
                scheduled.callback()
        self._now = end
