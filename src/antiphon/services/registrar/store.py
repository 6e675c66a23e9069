"""Bindings in SQL, so that registrations survive the process."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
)

from antiphon.kernel.database import Database, Schema
from antiphon.services.registrar.ports import StoredBinding

metadata = MetaData()

bindings = Table(
    "registrar_bindings",
    metadata,
    Column("aor", String(255), primary_key=True),
    Column("target", String(512), primary_key=True),  # the instance, or the Contact without one
    Column("reg_id", Integer, primary_key=True),
    Column("contact", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("device", String(128), nullable=False),
    Column("transport", String(8), nullable=False),
    Column("host", String(64), nullable=False),
    Column("port", Integer, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", Integer, nullable=False),
    Column("expires_wall", Float, nullable=False),
    Column("path", Text, nullable=False),  # one URI a line
    Column("token_expires", Float),
    Column("q", Float, nullable=False),
)

SCHEMA = Schema("registrar", metadata)

_DELETE = delete(bindings).where(
    bindings.c.aor == bindparam("key_aor"),
    bindings.c.target == bindparam("key_target"),
    bindings.c.reg_id == bindparam("key_reg_id"),
)


class SqlBindingStore:
    """`BindingStore` on the node's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[StoredBinding]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(bindings))).mappings()
            return [
                StoredBinding(
                    aor=row["aor"],
                    contact=row["contact"],
                    instance=row["instance"],
                    reg_id=row["reg_id"],
                    device=row["device"],
                    transport=row["transport"],
                    host=row["host"],
                    port=row["port"],
                    call_id=row["call_id"],
                    cseq=row["cseq"],
                    expires_wall=row["expires_wall"],
                    path=tuple(row["path"].splitlines()),
                    token_expires=row["token_expires"],
                    q=row["q"],
                )
                for row in rows
            ]

    async def write(self, upserts: Sequence[StoredBinding], removals: Sequence[tuple[str, str, int]]) -> None:
        keys = [*(row.row_key for row in upserts), *removals]
        if not keys:
            return
        async with self._database.transaction() as connection:
            await connection.execute(
                _DELETE,
                [
                    {"key_aor": aor, "key_target": target, "key_reg_id": reg_id}
                    for aor, target, reg_id in keys
                ],
            )
            if upserts:
                await connection.execute(insert(bindings), [_row(binding) for binding in upserts])


def _row(binding: StoredBinding) -> dict[str, object]:
    aor, target, reg_id = binding.row_key
    return {
        "aor": aor,
        "target": target,
        "reg_id": reg_id,
        "contact": binding.contact,
        "instance": binding.instance,
        "device": binding.device,
        "transport": binding.transport,
        "host": binding.host,
        "port": binding.port,
        "call_id": binding.call_id,
        "cseq": binding.cseq,
        "expires_wall": binding.expires_wall,
        "path": "\n".join(binding.path),
        "token_expires": binding.token_expires,
        "q": binding.q,
    }
