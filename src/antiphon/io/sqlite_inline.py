"""SQLite for SQLAlchemy's async engine without a thread: statements run inline on the loop.

A thread hop under a busy loop waits for the interpreter lock (milliseconds); an inline statement on a write-ahead log
takes microseconds. Statements that take long (VACUUM, reports) do not belong here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Sequence
from typing import Any

from sqlalchemy import URL, Pool, StaticPool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util.concurrency import await_, in_greenlet

# A locked file blocks the whole loop for this long at most; only another process can hold the lock, see Database.
BUSY_TIMEOUT_S = 2.0
SYNCHRONOUS = ("normal", "full", "extra")


class _Done:
    """An awaitable that never suspends: SQLAlchemy checks that something was awaited under its async engine."""

    def __await__(self) -> Generator[None]:
        return
        yield


_DONE = _Done()


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """Results are read at once; there is nothing to close (called by sqlalchemy.ext.asyncio)."""


class _Connection(sqlite3.Connection):
    begin_statement = "BEGIN IMMEDIATE"

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


class InlineDialect(SQLiteDialect_pysqlite):
    """`sqlite+inline:///path?synchronous=normal|full|extra`.

    Transactions begin IMMEDIATE, so that a writer never fails half-way for a lock; the isolation level DEFERRED is for
    readers, who see one state of the log and hinder nobody.
    """

    driver = "inline"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        return AsyncAdaptedQueuePool if cls._is_url_file_db(url) else StaticPool

    def create_connect_args(self, url: URL) -> tuple[Sequence[str], dict[str, Any]]:
        self._synchronous = str(url.query.get("synchronous", "normal")).lower()
        if self._synchronous not in SYNCHRONOUS:
            raise ValueError(f"synchronous={self._synchronous}: one of {', '.join(SYNCHRONOUS)}")
        args, options = super().create_connect_args(url.difference_update_query(["synchronous"]))
        return args, {
            **options,
            "factory": _Connection,
            "check_same_thread": False,
            "isolation_level": None,
            "timeout": BUSY_TIMEOUT_S,
        }

    def on_connect(self) -> Callable[[Any], None]:
        parent = super().on_connect()

        def connect(connection: Any) -> None:
            parent(connection)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            connection.execute("PRAGMA foreign_keys=ON")

        return connect

    def get_isolation_level_values(self, dbapi_conn: Any) -> Sequence[Any]:
        return ["IMMEDIATE", "DEFERRED"]

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        return "IMMEDIATE"

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        return dbapi_connection.begin_statement.removeprefix("BEGIN ")

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        dbapi_connection.begin_statement = f"BEGIN {level}"

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        return False

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.execute(dbapi_connection.begin_statement)

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        self._satisfy_async_check()
        cursor.execute(statement, parameters)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        self._satisfy_async_check()
        cursor.executemany(statement, parameters)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        self._satisfy_async_check()
        cursor.execute(statement)

    @staticmethod
    def _satisfy_async_check() -> None:
        if in_greenlet():
            await_(_DONE)


registry.register("sqlite.inline", __name__, "InlineDialect")
