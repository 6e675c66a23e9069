"""Identity's tables: credentials, signing keys, sign-ins, revoked tokens, settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from antiphon.kernel.database import Database, Schema

metadata = MetaData()

credentials = Table(
    "identity_credentials",
    metadata,
    Column("userid", String(128), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("derived", LargeBinary, nullable=False),  # sealed: SCRAM keys and digest H(A1)
    Column("changed_at", Float, nullable=False),
)
signing_keys = Table(
    "identity_signing_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("verify_until", Float),  # null: the key that signs
)
sessions = Table(
    "identity_sessions",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("userid", String(128), nullable=False),
    Column("client_id", String(128), nullable=False),
    Column("scope", Text, nullable=False),
    Column("method", String(32), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("generation", Integer, nullable=False),
    Index("identity_sessions_userid", "userid"),
)
revocations = Table(
    "identity_revocations",
    metadata,
    Column("kind", String(8), primary_key=True),  # "sid" or "jti"
    Column("value", String(64), primary_key=True),
    Column("until", Float, nullable=False),
)
settings = Table(
    "identity_settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
)

SCHEMA = Schema("identity", metadata)


class IdentityStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, table: Table) -> list[dict[str, Any]]:
        async with self._database.reading() as connection:
            return [dict(row) for row in (await connection.execute(select(table))).mappings()]

    async def put(self, table: Table, **values: Any) -> None:
        """Insert, or replace the row with the same primary key."""
        async with self._database.transaction() as connection:
            await _put(connection, table, values)

    async def put_all(self, *rows: tuple[Table, dict[str, Any]]) -> None:
        async with self._database.transaction() as connection:
            for table, values in rows:
                await _put(connection, table, values)

    async def credential(self, userid: str) -> dict[str, Any] | None:
        async with self._database.reading() as connection:
            result = await connection.execute(select(credentials).where(credentials.c.userid == userid))
            row = result.mappings().first()
            return None if row is None else dict(row)

    async def session(self, session_id: str) -> dict[str, Any] | None:
        async with self._database.reading() as connection:
            result = await connection.execute(select(sessions).where(sessions.c.session_id == session_id))
            row = result.mappings().first()
            return None if row is None else dict(row)

    async def rotate_session(self, session_id: str, generation: int) -> bool:
        """From `generation` to the next. False when another node was first or the sign-in is gone."""
        async with self._database.transaction() as connection:
            result = await connection.execute(
                update(sessions)
                .where(sessions.c.session_id == session_id, sessions.c.generation == generation)
                .values(generation=generation + 1)
            )
            return bool(result.rowcount == 1)

    async def end_sessions(self, userid: str, session_ids: tuple[str, ...], until: float) -> tuple[str, ...]:
        """Remove these sign-ins (none given: all of the user) and deny their tokens until `until`; which they were."""
        chosen = sessions.c.userid == userid
        if session_ids:
            chosen = sessions.c.session_id.in_(session_ids)
        async with self._database.transaction() as connection:
            found = tuple((await connection.execute(select(sessions.c.session_id).where(chosen))).scalars())
            await connection.execute(delete(sessions).where(chosen))
            for session_id in {*found, *session_ids}:
                await _put(connection, revocations, {"kind": "sid", "value": session_id, "until": until})
            return found

    async def remove_credentials(self, userid: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(delete(credentials).where(credentials.c.userid == userid))

    async def prune(self, now: float) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(delete(revocations).where(revocations.c.until < now))
            await connection.execute(delete(sessions).where(sessions.c.expires_at < now))
            await connection.execute(delete(signing_keys).where(signing_keys.c.verify_until < now))


async def _put(connection: AsyncConnection, table: Table, values: dict[str, Any]) -> None:
    """Insert or replace in one statement: two nodes may do it at the same moment."""
    keys = [column.name for column in table.primary_key.columns]
    rest = {name: value for name, value in values.items() if name not in keys}
    if connection.dialect.name == "postgresql":
        await connection.execute(
            postgresql.insert(table).values(**values).on_conflict_do_update(index_elements=keys, set_=rest)
        )
    else:
        await connection.execute(
            sqlite.insert(table).values(**values).on_conflict_do_update(index_elements=keys, set_=rest)
        )
