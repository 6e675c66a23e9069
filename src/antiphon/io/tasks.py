"""Tasks of a running process: kept, named, logged when they fail, waited for at shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class LoopTasks:
    """`kernel.tasks.Tasks` on the running event loop."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coro, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task failed", exc_info=error, extra={"task": task.get_name(), "code": "AP-IO-002"})

    async def drain(self, timeout_s: float = 5.0) -> None:
        """Wait for what is running; cancel what is still running after `timeout_s` seconds."""
        while self._running:
            _, late = await asyncio.wait(tuple(self._running), timeout=timeout_s)
            if late:
                for task in late:
                    task.cancel()
                await asyncio.wait(late)
                return
