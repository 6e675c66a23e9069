"""Randomness as a port: tags, branches, nonces and ids are drawn from what the constructor was given."""

from __future__ import annotations

from typing import Protocol


class Random(Protocol):
    def token(self, nbytes: int = 16) -> str:
        """URL-safe text of `nbytes` random bytes, without padding."""
        ...

    def raw(self, nbytes: int) -> bytes: ...

    def uniform(self, low: float, high: float) -> float: ...


class SequenceRandom:
    """Predictable values for tests: `t1`, `t2` …; bytes count up; `uniform` gives the middle."""

    def __init__(self) -> None:
        self._count = 0

    def token(self, nbytes: int = 16) -> str:
        self._count += 1
        return f"t{self._count}"

    def raw(self, nbytes: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(nbytes, "big")

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2
