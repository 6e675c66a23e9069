"""Tables of messaging: rosters, offline messages, private XML, block lists, last activity.

All are read and written by owner, so that a user can be moved or erased as a whole. `owner` is a userid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    select,
)

from antiphon.kernel.database import Database, Schema

metadata = MetaData()


def _owner() -> Column[str]:
    return Column("owner", String(255), primary_key=True)


roster_items = Table(
    "im_roster_items",
    metadata,
    _owner(),
    Column("contact", String(2048), primary_key=True),
    Column("name", Text, nullable=False),
    Column("groups", Text, nullable=False),  # JSON list
    Column("state", Integer, nullable=False),  # subscription.State
    Column("listed", Boolean, nullable=False),  # false: only a request of the contact, not on the user's list
    Column("approved", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("request", LargeBinary, nullable=False),  # the contact's unanswered subscribe stanza
    Column("removed", Boolean, nullable=False),  # kept for roster versioning
)
rosters = Table(
    "im_rosters",
    metadata,
    _owner(),
    Column("epoch", String(32), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("horizon", BigInteger, nullable=False),  # removals up to this version are forgotten
)
offline_messages = Table(
    "im_offline_messages",
    metadata,
    _owner(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("received_at", Float, nullable=False),  # wall seconds
    Column("stanza", LargeBinary, nullable=False),
)
private_xml = Table(
    "im_private_xml",
    metadata,
    _owner(),
    Column("name", String(1024), primary_key=True),  # {namespace}local
    Column("xml", LargeBinary, nullable=False),
)
blocked = Table(
    "im_blocked",
    metadata,
    _owner(),
    Column("jid", String(3072), primary_key=True),
)
last_activity = Table(
    "im_last_activity",
    metadata,
    _owner(),
    Column("left_at", Float, nullable=False),  # wall seconds
    Column("status", Text, nullable=False),
)

SCHEMA = Schema("messaging", metadata)


class MessagingStore:
    """Reads; writes go through `commits.GroupCommit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, table: Table) -> Sequence[Row[Any]]:
        async with self._database.reading() as connection:
            return (await connection.execute(select(table))).all()

    async def offline_counts(self) -> dict[str, tuple[int, int, int]]:
        """By owner: how many messages, how many bytes, and the highest sequence number."""
        c = offline_messages.c
        statement = select(
            c.owner, func.count(), func.sum(func.length(c.stanza)), func.max(c.sequence)
        ).group_by(c.owner)
        async with self._database.reading() as connection:
            return {row[0]: (row[1], row[2], row[3]) for row in await connection.execute(statement)}

    async def offline_page(self, owner: str, after: int, limit: int) -> list[tuple[int, float, bytes]]:
        """(sequence, wall seconds, stanza) in order."""
        c = offline_messages.c
        statement = (
            select(c.sequence, c.received_at, c.stanza)
            .where(c.owner == owner, c.sequence > after)
            .order_by(c.sequence)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(statement)]

    async def private(self, owner: str, name: str) -> bytes | None:
        c = private_xml.c
        async with self._database.reading() as connection:
            found: bytes | None = await connection.scalar(
                select(c.xml).where(c.owner == owner, c.name == name)
            )
            return found

    async def private_count(self, owner: str) -> int:
        c = private_xml.c
        async with self._database.reading() as connection:
            return await connection.scalar(select(func.count()).where(c.owner == owner)) or 0

    async def erase(self, owner: str) -> None:
        """Everything kept of a user."""
        async with self._database.transaction() as connection:
            for table in metadata.sorted_tables:
                await connection.execute(delete(table).where(table.c.owner == owner))
