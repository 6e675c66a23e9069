"""Service records and the order in which a client tries them.

Source: RFC 2782, S2-86.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from antiphon.kernel.random import Random


class Srv(NamedTuple):
    """One SRV record. A target of "." says that the service is decidedly not available at this domain."""

    priority: int
    weight: int
    port: int
    target: str
    """Without the final dot, except for the root itself."""


def order(records: Iterable[Srv], random: Random) -> tuple[Srv, ...]:
    """Lowest priority first; within a priority by weighted lot, without replacement."""
    remaining = sorted(set(records))
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in remaining}):
        ordered += _draw([record for record in remaining if record.priority == priority], random)
    return tuple(ordered)


def _draw(group: list[Srv], random: Random) -> list[Srv]:
    # "all those with weight 0 are placed at the beginning of the list": their small chance is the zero of the lot.
    pool = sorted(group, key=lambda record: record.weight)
    drawn: list[Srv] = []
    while pool:
        total = sum(record.weight for record in pool)
        lot = min(int(random.uniform(0, total + 1)), total)
        running = 0
        for index, record in enumerate(pool):
            running += record.weight
            if running >= lot:
                drawn.append(pool.pop(index))
                break
    return drawn


def is_refusal(records: Iterable[Srv]) -> bool:
    """Whether the domain says that it does not offer the service: one record whose target is the root."""
    found = tuple(records)
    return len(found) == 1 and found[0].target in ("", ".")
