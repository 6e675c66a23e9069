"""Facts: past-tense events that any number of listeners hear and none can veto.

An event is a frozen dataclass deriving from `Event`, declared in its service's `events.py`. Fields are str, int, float,
bool, None, bytes, enums, tuples or other frozen dataclasses of such, so that a bus between processes can carry them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something has happened."""

    carried: ClassVar[bool] = True
    """Whether a bus between processes takes it to the others; False where each process finds it out by itself."""


@dataclass(frozen=True, slots=True)
class EventsMissed(Event):
    """The bus could not carry everything: who keeps a copy of what another process owns reads it again."""


E = TypeVar("E", bound=Event)


class Bus(Protocol):
    """Publish and subscribe by event type. Events reach a listener in the order of their publication."""

    def publish(self, event: Event) -> None: ...

    def subscribe(self, kind: type[E], listener: Callable[[E], None]) -> Callable[[], None]:
        """Returns the function that ends the subscription."""
        ...


class LocalBus:
    """The bus of one process. Delivery is before `publish` returns, except for events published by a listener: they
    wait until the listeners of the event at hand have all run, so everybody sees one order."""

    def __init__(self) -> None:
        self._listeners: dict[type[Event], list[Callable[[Any], None]]] = {}
        self._queue: deque[Event] = deque()
        self._delivering = False

    def subscribe(self, kind: type[E], listener: Callable[[E], None]) -> Callable[[], None]:
        listeners = self._listeners.setdefault(kind, [])
        listeners.append(listener)

        def unsubscribe() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return unsubscribe

    def publish(self, event: Event) -> None:
        self._queue.append(event)
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._queue:
                self._deliver(self._queue.popleft())
        finally:
            self._delivering = False

    def _deliver(self, event: Event) -> None:
        for listener in tuple(self._listeners.get(type(event), ())):
            try:
                listener(event)
            except Exception:
                # One listener's fault must not silence the others; it is logged with its traceback.
                log.exception("listener failed", extra={"event": type(event).__name__})
