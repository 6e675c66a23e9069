"""The tables: what an older program left is led to today's form."""

from __future__ import annotations

from sqlalchemy import MetaData, inspect

from antiphon.io.database import Database
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.database import Schema
from antiphon.kernel.random import SequenceRandom
from antiphon.model import EdgeNode, User
from antiphon.services.directory import store
from antiphon.services.directory.service import Directory


def _version(number: int) -> Schema:
    """The schema as it was then."""
    metadata = MetaData()
    for name, table in store.METADATA.tables.items():
        if number > 1 or name != "edge_nodes":
            table.to_metadata(metadata)
    return Schema(store.SCHEMA.name, metadata, store.SCHEMA.migrations[: number - 1])


async def test_a_store_of_version_1_gets_the_list_of_edge_nodes_and_keeps_the_rest(
    database: Database,
) -> None:
    await database.upgrade(_version(1))
    async with database.transaction() as connection:
        await store.write(connection, [User("alice", "00000000-0000-4000-8000-0000000000aa")], ())
    directory = Directory(database, LocalBus(), SequenceRandom())
    await directory.load()
    assert [user.userid for user in directory.users()] == ["alice"]
    kept = await directory.put_edge_node(EdgeNode("expc1.example.test", "", "Lyon", ("expc.example.test",)))
    again = Directory(database, LocalBus(), SequenceRandom())
    await again.load()
    assert again.edge_node("expc1.example.test") == kept


async def test_a_store_that_was_led_there_is_as_one_made_today(database: Database) -> None:
    await database.upgrade(_version(1))
    await database.upgrade(store.SCHEMA)
    async with database.reading() as connection:
        found = await connection.run_sync(lambda sync: inspect(sync).get_columns("edge_nodes"))
    assert [(column["name"], column["nullable"]) for column in found] == [
        (column.name, column.nullable) for column in store.EDGE_NODES.columns
    ]
