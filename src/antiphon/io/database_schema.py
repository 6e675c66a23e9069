"""Versions of the tables: created at today's form, or led there step by step; never backwards.

All of it happens in the caller's transaction, DDL included (both stores can do that): an upgrade is done or has not
happened.
"""

from __future__ import annotations

import logging

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)

from antiphon.io.database_errors import DIFFERENT, INCOMPLETE, NEWER
from antiphon.kernel.database import Schema

log = logging.getLogger(__name__)

VERSIONS = Table(
    "schema_version",
    MetaData(),
    Column("name", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
)
# Any fixed number: two nodes that start at once on one PostgreSQL upgrade one after the other.
_ADVISORY_LOCK = 4_207_849_485


def upgrade(connection: Connection, schema: Schema) -> None:
    """Raises AP-DB-002 for tables of a newer version, AP-DB-003 when the result is not as declared, AP-DB-004."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    VERSIONS.create(connection, checkfirst=True)
    found = connection.scalar(select(VERSIONS.c.version).where(VERSIONS.c.name == schema.name))
    if found is None:
        _create(connection, schema)
    elif found > schema.version:
        raise NEWER.error(f"{schema.name}: found {found}, this program knows {schema.version}")
    elif found < schema.version:
        _migrate(connection, schema, found)
    _check(connection, schema)


def _create(connection: Connection, schema: Schema) -> None:
    existing = set(inspect(connection).get_table_names()) & set(schema.metadata.tables)
    if existing:
        raise INCOMPLETE.error(f"{schema.name}: {', '.join(sorted(existing))}")
    schema.metadata.create_all(connection)
    connection.execute(insert(VERSIONS).values(name=schema.name, version=schema.version))
    log.info("tables created", extra={"schema": schema.name, "version": schema.version})


def _migrate(connection: Connection, schema: Schema, found: int) -> None:
    for migrate in schema.migrations[found - 1 :]:
        migrate(connection)
    connection.execute(update(VERSIONS).where(VERSIONS.c.name == schema.name).values(version=schema.version))
    log.info("tables migrated", extra={"schema": schema.name, "from": found, "version": schema.version})


def _check(connection: Connection, schema: Schema) -> None:
    """Compare names of tables and columns: a forgotten migration is found at start, not at the first statement."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    for table in schema.metadata.tables.values():
        if table.name not in there:
            raise DIFFERENT.error(f"{schema.name}: table {table.name} is missing")
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        if unlike := columns.symmetric_difference(column.name for column in table.columns):
            raise DIFFERENT.error(f"{schema.name}: table {table.name}: {', '.join(sorted(unlike))}")
