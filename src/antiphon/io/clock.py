"""The clock, the timers and the randomness of a running process."""

from __future__ import annotations

import asyncio
import base64
import random
import secrets
import time
from collections.abc import Callable

from antiphon.kernel.time import Cancel


class LoopTime:
    """`kernel.time.Timers` on the running event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self.now: Callable[[], float] = self._loop.time
        self.wall: Callable[[], float] = time.time

    def at(self, when: float, callback: Callable[[], None]) -> Cancel:
        return self._loop.call_at(when, callback)


class SystemRandom:
    """`kernel.random.Random` from the operating system's generator."""

    def __init__(self) -> None:
        self._uniform = random.SystemRandom().uniform

    def token(self, nbytes: int = 16) -> str:
        return base64.urlsafe_b64encode(secrets.token_bytes(nbytes)).rstrip(b"=").decode("ascii")

    def raw(self, nbytes: int) -> bytes:
        return secrets.token_bytes(nbytes)

    def uniform(self, low: float, high: float) -> float:
        return self._uniform(low, high)
