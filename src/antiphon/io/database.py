"""Opens the store: `sqlite:///path` on this machine, `postgresql://user@host/name` beyond it.

What SQLite promises: a transaction that was committed survives the death of the process (kill -9) always; it survives
the loss of power only with `?synchronous=full`, which costs one fsync per transaction, inline on the loop. The default
is `normal`: after a power cut the file is consistent and may lack the last moments.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from antiphon.io import sqlite_inline
from antiphon.io.database_errors import BAD_URL, CANNOT_OPEN, OPEN_TO_OTHERS
from antiphon.io.database_schema import upgrade
from antiphon.kernel.database import Schema

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 30.0
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtext(:turn))")


class _Turn:
    """A lock in the order of asking. Whoever asks again while holding it is told, instead of waiting for ever."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> None:
        if self._lock.locked() and self._holder is asyncio.current_task():
            raise RuntimeError("a transaction was begun within a transaction of the same task")
        await self._lock.acquire()
        self._holder = asyncio.current_task()

    async def __aexit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()


class Database:
    """One open store. Implements `kernel.database.Database`. Must be disposed of."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._reading: dict[str, Any] = (
            {"isolation_level": "DEFERRED"}
            if self._sqlite
            else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        # SQLite has one writer. Within this process writers queue here, where waiting does not block the loop; without
        # it a second BEGIN IMMEDIATE would hold up the very loop on which the first writer must go on.
        self._turns = {"": _Turn()}

    @asynccontextmanager
    async def transaction(self, turn: str = "") -> AsyncIterator[AsyncConnection]:
        async with self._take(turn), self.engine.begin() as connection:
            if turn and not self._sqlite:
                await connection.execute(_TAKE_TURN, {"turn": turn})
            yield connection

    def _take(self, turn: str) -> AbstractAsyncContextManager[None]:
        if self._sqlite:
            return self._turns[""]
        return self._turns.setdefault(turn, _Turn()) if turn else nullcontext()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            await connection.execution_options(**self._reading)
            yield connection

    async def upgrade(self, *schemas: Schema) -> None:
        async with self.transaction() as connection:
            for schema in schemas:
                await connection.run_sync(upgrade, schema)

    async def dispose(self) -> None:
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Nothing is connected yet, but a SQLite file is created here, for its owner alone (mode 0600).

    Raises AP-DB-001 for a URL that names no store, AP-DB-005 for a file that cannot be opened.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The URL may carry a password, so it is not repeated.
        raise BAD_URL.error() from None
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed)
        case "postgresql":
            return _open_postgresql(parsed)
        case _:
            raise BAD_URL.error(parsed.render_as_string())


def _open_sqlite(url: URL) -> Database:
    if url.database and url.database != ":memory:":
        _create_private(Path(url.database))
    try:
        return Database(
            create_async_engine(url.set(drivername=f"sqlite+{sqlite_inline.InlineDialect.driver}"))
        )
    except (ArgumentError, ValueError) as error:
        raise BAD_URL.error(str(error)) from None


def _create_private(path: Path) -> None:
    """SQLite gives the log and the shared memory beside the file the same mode."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CANNOT_OPEN.error(f"{path}: {error.strerror}") from error
    try:
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
            log.warning(
                "store was open to others, closed to its owner",
                extra={"code": OPEN_TO_OTHERS.code, "path": str(path)},
            )
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


def _open_postgresql(url: URL) -> Database:
    options: dict[str, Any] = {"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S}
    if "host" in url.query:
        # Several hosts: a primary and its standbys. Only the primary takes writes.
        options["target_session_attrs"] = "read-write"
    return Database(
        create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args=options,
        )
    )
