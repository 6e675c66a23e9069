"""Group commit: rows to write are collected while the last transaction runs, and written by the next one.

Memory is changed first and is what decisions are made from; the promise of a write is kept when the row is durable. Many
writes share one transaction, so the price of a commit is paid per batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from typing import Any

from sqlalchemy import Table, bindparam, delete, insert
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Delete

from antiphon.kernel.database import Database
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Timers
from antiphon.services.messaging.errors import NOT_STORED
from antiphon.services.messaging.ports import Promise

log = logging.getLogger(__name__)

MAX_PENDING_ROWS = 20_000


class Write:
    """One row on its way to the store. Awaiting it waits until it is decided; it never raises."""

    __slots__ = ("_promise", "failed", "fresh", "key", "on_failure", "table", "values")

    def __init__(
        self,
        promise: Promise,
        table: Table,
        key: tuple[object, ...],
        values: Mapping[str, object] | None,
        fresh: bool,
        on_failure: Callable[[], None] | None,
    ) -> None:
        self._promise = promise
        self.table = table
        self.key = key
        self.values = values
        """The other columns; None deletes the row."""
        self.fresh = fresh
        """There is no row of this key yet, so none need be deleted first."""
        self.on_failure = on_failure
        self.failed = False

    def __await__(self) -> Generator[Any, Any, None]:
        yield from self._promise.__await__()

    def fail(self) -> None:
        self.failed = True
        if self.on_failure is not None:
            self.on_failure()


class GroupCommit:
    """Writes rows by primary key, in batches, in order."""

    def __init__(
        self,
        database: Database,
        timers: Timers,
        tasks: Tasks,
        promise: Callable[[], Promise],
        delay_s: float = 0.002,
    ) -> None:
        self._database = database
        self._timers = timers
        self._tasks = tasks
        self._new_promise = promise
        self._delay_s = delay_s
        """How long a first row waits for company."""
        self._batch: list[Write] = []
        self._promise: Promise | None = None
        self._newest: Promise | None = None
        self._busy = False
        """A commit is due or running."""

    def put(
        self,
        table: Table,
        key: tuple[object, ...],
        values: Mapping[str, object],
        on_failure: Callable[[], None] | None = None,
        fresh: bool = False,
    ) -> Write:
        """Write the row, whether or not there is one with this primary key. `on_failure` runs before waiters go on."""
        return self._add(Write(self._current(), table, key, values, fresh, on_failure))

    def remove(self, table: Table, key: tuple[object, ...]) -> Write:
        return self._add(Write(self._current(), table, key, None, False, None))

    async def settled(self) -> None:
        """All rows written until now are decided."""
        if self._newest is not None and not self._newest.done():
            await self._newest

    def _current(self) -> Promise:
        """The promise of the batch that is being collected."""
        if self._promise is None:
            self._promise = self._new_promise()
        return self._promise

    def _add(self, write: Write) -> Write:
        if len(self._batch) >= MAX_PENDING_ROWS:
            log.error("too many rows wait for the store", extra={"code": NOT_STORED.code})
            # It waits for its neighbours like any other, but is not among them.
            write.fail()
            return write
        self._batch.append(write)
        self._newest = self._promise
        if not self._busy:
            self._busy = True
            self._timers.at(self._timers.now() + self._delay_s, self._start)
        return write

    def _start(self) -> None:
        self._tasks.spawn(self._commit_all(), "messaging: write rows")

    async def _commit_all(self) -> None:
        while self._batch:
            batch, promise = self._batch, self._current()
            self._batch, self._promise = [], None
            try:
                await self._commit(batch)
            finally:
                if not promise.done():
                    promise.set_result(None)
        self._busy = False

    async def _commit(self, batch: list[Write]) -> None:
        try:
            await self._transaction(batch)
        except Exception as error:
            if len(batch) == 1 or not _is_about_a_row(error):
                self._fail(batch)
                return
            # One row that the store refuses must not take its neighbours with it.
            for write in batch:
                await self._commit([write])

    def _fail(self, batch: list[Write]) -> None:
        log.exception("rows not stored", extra={"code": NOT_STORED.code, "rows": len(batch)})
        for write in batch:
            write.fail()

    async def _transaction(self, batch: list[Write]) -> None:
        rows: dict[Table, dict[tuple[object, ...], Write]] = {}
        for write in batch:
            of_table = rows.setdefault(write.table, {})
            earlier = of_table.pop(write.key, None)
            if earlier is not None and earlier.fresh and write.values is not None:
                write.fresh = True
            of_table[write.key] = write
        async with self._database.transaction() as connection:
            for table, writes in rows.items():
                await _write(connection, table, writes)


def _is_about_a_row(error: Exception) -> bool:
    """Not about the store itself, where trying row by row would only take long."""
    return (
        isinstance(error, DBAPIError)
        and not error.connection_invalidated
        and not isinstance(error, OperationalError)
    )


async def _write(
    connection: AsyncConnection, table: Table, writes: Mapping[tuple[object, ...], Write]
) -> None:
    names = [column.name for column in table.primary_key]
    stale = [
        {f"key_{name}": value for name, value in zip(names, write.key, strict=True)}
        for write in writes.values()
        if not write.fresh
    ]
    if stale:
        await connection.execute(_delete(table), stale)
    new = [
        {**dict(zip(names, write.key, strict=True)), **write.values}
        for write in writes.values()
        if write.values is not None
    ]
    if new:
        await connection.execute(insert(table), new)


def _delete(table: Table) -> Delete:
    return delete(table).where(*[column == bindparam(f"key_{column.name}") for column in table.primary_key])
