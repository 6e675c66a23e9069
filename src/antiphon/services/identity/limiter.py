"""Brute force costs time: exponential delay by (user, source), and more patiently by source and by user alone.

The same for names that do not exist. Bounded: the entry that was touched least recently goes first.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from antiphon.services.identity.errors import TOO_MANY_ATTEMPTS

FORGET_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Rule:
    free: int
    """Attempts without any delay."""
    longest_s: float

    def delay_s(self, attempts: int) -> float:
        over = attempts - self.free
        return 0.0 if over <= 0 else min(self.longest_s, 2.0 ** min(over - 1, 30))


PAIR = Rule(free=5, longest_s=900.0)
# Many users behind one address translator share a source; a spray over many users still meets this limit.
SOURCE = Rule(free=60, longest_s=300.0)
# Not for a source where this user has signed in lately: a stranger's guesses must not lock the owner out.
USER = Rule(free=40, longest_s=300.0)


@dataclass(slots=True)
class _Count:
    attempts: int
    last: float
    blocked_until: float


class Limiter:
    def __init__(self, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def attempt(self, userid: str, source: str, now: float) -> None:
        """Count an attempt before its outcome is known, so that parallel guesses count too. Raises AP-ID-002."""
        source = _network(source)
        keys = self._keys(userid, source)
        wait_s = max((self._wait_s(key, now) for key, _ in keys), default=0.0)
        if wait_s > 0:
            raise TOO_MANY_ATTEMPTS.error(retry_after_s=wait_s)
        for key, rule in keys:
            count = self._counts.get(key)
            if count is None or now - count.last > FORGET_AFTER_S:
                count = self._counts[key] = _Count(0, now, 0.0)
            count.attempts += 1
            count.last = now
            count.blocked_until = now + rule.delay_s(count.attempts)
            self._counts.move_to_end(key)
        while len(self._counts) > self._capacity:
            self._counts.popitem(last=False)

    def succeeded(self, userid: str, source: str) -> None:
        """The proof was right: the pair starts anew and the wider counts take this attempt back."""
        source = _network(source)
        for key, rule in self._keys(userid, source):
            count = self._counts.get(key)
            if count is None:
                continue
            count.attempts = 0 if rule is PAIR else max(0, count.attempts - 1)
            count.blocked_until = 0.0
        self._good[userid, source] = None
        self._good.move_to_end((userid, source))
        if len(self._good) > self._capacity:
            self._good.popitem(last=False)

    def withdraw(self, userid: str, source: str) -> None:
        """The attempt had no outcome: it does not count."""
        for key, _ in self._keys(userid, _network(source)):
            if (count := self._counts.get(key)) is not None:
                count.attempts = max(0, count.attempts - 1)
                count.blocked_until = 0.0

    def _wait_s(self, key: tuple[str, str], now: float) -> float:
        count = self._counts.get(key)
        return 0.0 if count is None else count.blocked_until - now

    def _keys(self, userid: str, source: str) -> list[tuple[tuple[str, str], Rule]]:
        keys = [((userid, source), PAIR)]
        if (userid, source) not in self._good:
            keys.append(((userid, "*"), USER))
        if source:
            keys.append((("*", source), SOURCE))
        return keys


def _network(source: str) -> str:
    """An IPv6 host has 2⁶⁴ addresses to guess from: its network stands for it."""
    if ":" not in source:
        return source
    try:
        return str(ipaddress.ip_network((source.partition("%")[0], 64), strict=False))
    except ValueError:
        return source
