"""Spawning work as a port: only drivers own tasks."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol


class Tasks(Protocol):
    """Runs coroutines to their end. An exception is logged with the task's name; shutdown waits for what is running."""

    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> None: ...
