"""The store as a port: services declare a `Schema` and are given a `Database`; drivers open the real one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one service, and how older forms of them become today's.

    `metadata` is always today's form. `migrations[0]` leads from version 1 to 2, and so on: forward only, never edited
    once released. A database that has none of the tables gets today's form at once.
    """

    name: str
    metadata: MetaData
    migrations: tuple[Callable[[Connection], None], ...] = ()

    @property
    def version(self) -> int:
        return 1 + len(self.migrations)


class Database(Protocol):
    """Where what was acknowledged is kept."""

    def transaction(self, turn: str = "") -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that may write. It is committed at the end of the block, or rolled back by an exception.

        Transactions that name the same `turn` run one after the other, in all processes on one store; within this
        process what stands directly behind the block, up to its next await, belongs to the turn as well.

        Writers of one process take turns on SQLite: do nothing slow inside the block, and never open a second one in it.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection on one consistent state of the database; nothing that is written through it is kept."""
        ...

    async def upgrade(self, *schemas: Schema) -> None:
        """Create or migrate the tables of these schemas. Raises AP-DB-002 … AP-DB-004."""
        ...
