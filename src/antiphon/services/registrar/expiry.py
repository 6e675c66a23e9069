"""When bindings end: one heap and one timer for all of them."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from antiphon.kernel.time import Cancel, Timers
from antiphon.services.registrar.binding import Binding


class Expiry:
    """A refresh only moves `Binding.expires_at`; the heap finds that out when the earlier moment comes.

    So an entry is pushed once per binding and moved once per lifetime, not once per REGISTER. Entries of bindings that
    have gone are dropped when they come up: at most one per binding and lifetime.
    """

    def __init__(self, timers: Timers, ended: Callable[[Binding], None]) -> None:
        self._timers = timers
        self._ended = ended
        self._heap: list[tuple[float, int, Binding]] = []
        self._count = itertools.count()
        self._timer: Cancel | None = None
        self._timer_at = 0.0

    def watch(self, binding: Binding) -> None:
        """Needed for a new binding, and for one that now ends before `binding.due`."""
        binding.due = binding.expires_at
        heapq.heappush(self._heap, (binding.due, next(self._count), binding))
        if self._timer is None or binding.due < self._timer_at:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer_at = self._heap[0][0]
            self._timer = self._timers.at(self._timer_at, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._timers.now()
        heap = self._heap
        while heap and heap[0][0] <= now:
            due, _, binding = heapq.heappop(heap)
            if due != binding.due:
                continue  # an earlier entry of the same binding has been pushed since
            if binding.expires_at > now:
                binding.due = binding.expires_at
                heapq.heappush(heap, (binding.due, next(self._count), binding))
            else:
                self._ended(binding)
        self._arm()
