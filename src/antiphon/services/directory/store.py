"""The tables of the directory. References are foreign keys, so that two nodes on one store cannot contradict each other."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from antiphon.kernel.codec import decode, encode
from antiphon.kernel.database import Schema
from antiphon.model import Device, DeviceLine, EdgeNode, Line, ServiceProfile, UcService, User
from antiphon.services.directory.memory import Entry, EntryKind, key_of

METADATA = MetaData()
_TYPES: dict[Any, Any] = {str: Text, int: Integer, float: Float, bool: Boolean}
# An empty reference is NULL in the table.
_REFERENCES = {"owner": "users.userid", "service_profile": "service_profiles.name"}


def _columns(kind: type[Any], *, key: str = "", without: Sequence[str] = ()) -> list[Column[Any]]:
    hints = typing.get_type_hints(kind)
    columns = []
    for field in dataclasses.fields(kind):
        if field.name in without:
            continue
        hint = hints[field.name]
        plain = _TYPES.get(hint) or (Integer if isinstance(hint, type) and issubclass(hint, int) else None)
        sql_type = plain or (Text if isinstance(hint, type) else JSON)
        if field.name in _REFERENCES:
            reference = ForeignKey(_REFERENCES[field.name])
            columns.append(Column(field.name, sql_type, reference, index=True, nullable=True))
        else:
            unique = field.name == "pkid"
            primary = field.name == key
            columns.append(Column(field.name, sql_type, primary_key=primary, unique=unique, nullable=False))
    return columns


UC_SERVICES = Table("uc_services", METADATA, *_columns(UcService, key="name"))
SERVICE_PROFILES = Table("service_profiles", METADATA, *_columns(ServiceProfile, key="name"))
USERS = Table("users", METADATA, *_columns(User, key="userid"))
LINES = Table("lines", METADATA, *_columns(Line, key="number"))
DEVICES = Table("devices", METADATA, *_columns(Device, key="name", without=("lines",)))
DEVICE_LINES = Table(
    "device_lines",
    METADATA,
    Column("device", Text, ForeignKey("devices.name", ondelete="CASCADE"), primary_key=True),
    Column("number", Text, ForeignKey("lines.number"), primary_key=True, index=True),
    *_columns(DeviceLine, without=("number",)),
)
EDGE_NODES = Table("edge_nodes", METADATA, *_columns(EdgeNode, key="name"))
_HAS_MAIL = USERS.c.mail != ""
Index("users_mail", func.lower(USERS.c.mail), unique=True, sqlite_where=_HAS_MAIL, postgresql_where=_HAS_MAIL)


def _add_edge_nodes(connection: Connection) -> None:
    """2: the list of edge nodes."""
    Table(
        "edge_nodes",
        MetaData(),
        Column("name", Text, primary_key=True, nullable=False),
        Column("pkid", Text, unique=True, nullable=False),
        Column("description", Text, nullable=False),
        Column("subject_names", JSON, nullable=False),
    ).create(connection)


SCHEMA = Schema("directory", METADATA, (_add_edge_nodes,))

TABLES: dict[EntryKind, Table] = {
    UcService: UC_SERVICES,
    ServiceProfile: SERVICE_PROFILES,
    User: USERS,
    Line: LINES,
    Device: DEVICES,
    EdgeNode: EDGE_NODES,
}


class StaleWrite(Exception):
    """The row to change is not there: another node was faster."""


async def load(connection: AsyncConnection) -> list[Entry]:
    lines: dict[str, list[Any]] = {}
    for row in (await connection.execute(select(DEVICE_LINES).order_by(DEVICE_LINES.c.index))).mappings():
        lines.setdefault(row["device"], []).append(dict(row))
    entries = []
    for kind, table in TABLES.items():
        for row in (await connection.execute(select(table))).mappings():
            entries.append(_entry(kind, row, lines.get(row["name"], []) if kind is Device else ()))
    return entries


async def load_one(connection: AsyncConnection, kind: EntryKind, key: str) -> Entry | None:
    table = TABLES[kind]
    (column,) = table.primary_key.columns
    row = (await connection.execute(select(table).where(column == key))).mappings().first()
    if row is None:
        return None
    lines: Sequence[Any] = ()
    if kind is Device:
        wanted = select(DEVICE_LINES).where(DEVICE_LINES.c.device == key).order_by(DEVICE_LINES.c.index)
        lines = [dict(line) for line in (await connection.execute(wanted)).mappings()]
    return _entry(kind, row, lines)


def _entry(kind: EntryKind, row: Mapping[Any, Any], lines: Sequence[Any]) -> Entry:
    values = {name: "" if value is None else value for name, value in row.items()}
    if kind is Device:
        values["lines"] = lines
    entry: Entry = decode(kind, values)
    return entry


async def write(connection: AsyncConnection, added: Iterable[Entry], changed: Iterable[Entry]) -> None:
    """References must already be there, or come before what refers to them. Raises IntegrityError, `StaleWrite`."""
    for run in _runs(added):
        await connection.execute(insert(TABLES[type(run[0])]), [_row(entry) for entry in run])
        await _write_device_lines(connection, run)
    for entry in changed:
        table = TABLES[type(entry)]
        row = _row(entry)
        (key,) = table.primary_key.columns
        statement = update(table).where(key == bindparam("its_key")).values(row)
        if (await connection.execute(statement, {"its_key": key_of(entry)})).rowcount != 1:
            raise StaleWrite(key_of(entry))
        if isinstance(entry, Device):
            await connection.execute(delete(DEVICE_LINES).where(DEVICE_LINES.c.device == entry.name))
            await _write_device_lines(connection, [entry])


async def remove(connection: AsyncConnection, entry: Entry) -> None:
    table = TABLES[type(entry)]
    (key,) = table.primary_key.columns
    await connection.execute(delete(table).where(key == key_of(entry)))


def _runs(entries: Iterable[Entry]) -> Iterable[list[Entry]]:
    """Neighbours of one kind: one statement each."""
    run: list[Entry] = []
    for entry in entries:
        if run and type(run[0]) is not type(entry):
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = encode(entry)
    row.pop("lines", None)
    for name in _REFERENCES.keys() & row.keys():
        row[name] = row[name] or None
    return row


async def _write_device_lines(connection: AsyncConnection, entries: Iterable[Entry]) -> None:
    rows = [
        {"device": device.name, **encode(line)}
        for device in entries
        if isinstance(device, Device)
        for line in device.lines
    ]
    if rows:
        await connection.execute(insert(DEVICE_LINES), rows)
