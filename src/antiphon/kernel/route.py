"""Routes: who handles this? Exactly one answers; a second claim stops start-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
H = TypeVar("H")


class RouteTaken(Exception):
    """Two features claim the same route. Raised at start-up only."""


class Routes(Mapping[K, H], Generic[K, H]):
    """A table of exactly one handler per key."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._handlers: dict[K, H] = {}
        self._claimants: dict[K, str] = {}

    def claim(self, key: K, handler: H, claimant: str) -> None:
        if key in self._handlers:
            raise RouteTaken(f"{self.name}: {key!r} is claimed by {self._claimants[key]} and by {claimant}")
        self._handlers[key] = handler
        self._claimants[key] = claimant

    def claimant(self, key: K) -> str:
        return self._claimants[key]

    def __getitem__(self, key: K) -> H:
        return self._handlers[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)
