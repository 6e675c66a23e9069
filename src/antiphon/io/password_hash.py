"""Argon2id in worker threads: 45 ms and 19 MiB each, outside the interpreter's lock, and only so many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from antiphon.services.identity.errors import BUSY

T = TypeVar("T")

# OWASP's second recommended set; the library's default costs four times the CPU for sign-ins on small machines.
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1


class Argon2:
    """`services.identity.ports.PasswordHash`. Must be closed."""

    def __init__(self, workers: int = 2, waiting: int = 200, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(PASSES, memory_kib, LANES, type=Type.ID)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._room = workers + waiting

    async def make(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, encoded: str, password: str) -> bool:
        return await self._run(lambda: self._matches(encoded, password))

    def outdated(self, encoded: str) -> bool:
        return self._hasher.check_needs_rehash(encoded)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _matches(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        """Raises AP-ID-003 when too many wait: answering late to everybody would be worse than refusing some."""
        if self._room <= 0:
            raise BUSY.error(retry_after_s=2.0)
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1
