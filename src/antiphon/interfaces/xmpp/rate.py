"""A token bucket that slows a reader down instead of dropping what it read."""

from __future__ import annotations


class Bucket:
    """`rate` tokens a second up to `burst`. Debt is allowed: it says how long to stop reading."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._updated = now

    def take(self, tokens: float, now: float) -> float:
        """Seconds to wait before the next reading; 0 while there is something left."""
        level = min(self._burst, self._tokens + (now - self._updated) * self._rate) - tokens
        self._updated = now
        self._tokens = level
        return -level / self._rate if level < 0 else 0.0
