from __future__ import annotations

import asyncio
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from antiphon.io.database import Database, open_database
from antiphon.kernel.database import Schema
from antiphon.kernel.errors import DomainError

METADATA = MetaData()
NOTES = Table("notes", METADATA, Column("number", Integer, primary_key=True), Column("text", String(200)))
FIRST = Schema("notes", METADATA)


def _second() -> Schema:
    metadata = MetaData()
    Table(
        "notes",
        metadata,
        Column("number", Integer, primary_key=True),
        Column("text", String(200)),
        Column("author", String(64), server_default="nobody"),
    )

    def add_author(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE notes ADD COLUMN author VARCHAR(64) DEFAULT 'nobody'"))

    return Schema("notes", metadata, (add_author,))


async def _texts(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list(await connection.scalars(select(NOTES.c.text).order_by(NOTES.c.number)))


async def test_what_a_transaction_wrote_is_there_after_the_store_is_opened_again(database_url: str) -> None:
    first = open_database(database_url)
    await first.upgrade(FIRST)
    async with first.transaction() as connection:
        await connection.execute(insert(NOTES), [{"number": 1, "text": "one"}, {"number": 2, "text": "two"}])
    await first.dispose()
    second = open_database(database_url)
    await second.upgrade(FIRST)
    assert await _texts(second) == ["one", "two"]
    await second.dispose()


async def test_an_exception_in_a_transaction_undoes_all_of_it(database: Database) -> None:
    await database.upgrade(FIRST)
    with pytest.raises(RuntimeError):
        async with database.transaction() as connection:
            await connection.execute(insert(NOTES).values(number=1, text="one"))
            raise RuntimeError
    assert await _texts(database) == []


async def test_a_reader_sees_one_state_while_a_writer_commits(database: Database) -> None:
    await database.upgrade(FIRST)
    async with database.reading() as reader:
        assert (await reader.execute(select(NOTES))).all() == []
        async with database.transaction() as writer:
            await writer.execute(insert(NOTES).values(number=1, text="one"))
        assert (await reader.execute(select(NOTES))).all() == []
    assert await _texts(database) == ["one"]


async def test_writers_that_wait_inside_their_transactions_take_turns(database: Database) -> None:
    await database.upgrade(FIRST)

    async def write(number: int) -> None:
        async with database.transaction() as connection:
            await connection.execute(insert(NOTES).values(number=number, text=str(number)))
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*(write(number) for number in range(20))), 10)
    assert len(await _texts(database)) == 20


async def test_a_transaction_within_one_is_an_error_and_not_a_hang(database: Database) -> None:
    await database.upgrade(FIRST)
    async with database.transaction("notes"):
        with pytest.raises(RuntimeError, match="within a transaction"):
            async with database.transaction("notes"):
                pass
    async with database.transaction("notes") as connection:
        await connection.execute(insert(NOTES).values(number=1, text="one"))
    assert await _texts(database) == ["one"]


async def test_turns_of_one_name_exclude_each_other_in_two_processes(
    database: Database, database_url: str
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("another process waits in SQLite itself, inline; see the test of the locked file")
    other = open_database(database_url)
    order: list[str] = []

    async def take(one: Database, name: str) -> None:
        async with one.transaction("turn"):
            order.append(f"{name} in")
            await asyncio.sleep(0.05)
            order.append(f"{name} out")

    await asyncio.gather(take(database, "a"), take(other, "b"))
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])
    await other.dispose()


async def test_writing_works_on_a_connection_that_read_before(database: Database) -> None:
    await database.upgrade(FIRST)
    for number in range(3):
        assert len(await _texts(database)) == number
        async with database.transaction() as connection:
            await connection.execute(insert(NOTES).values(number=number, text="x"))


async def test_an_older_schema_is_migrated_once_and_keeps_its_rows(database: Database) -> None:
    await database.upgrade(FIRST)
    async with database.transaction() as connection:
        await connection.execute(insert(NOTES).values(number=1, text="one"))
    await database.upgrade(_second())
    await database.upgrade(_second())
    async with database.reading() as connection:
        assert (await connection.execute(text("SELECT number, text, author FROM notes"))).all() == [
            (1, "one", "nobody")
        ]


async def test_a_newer_schema_is_refused(database: Database) -> None:
    await database.upgrade(_second())
    with pytest.raises(DomainError) as raised:
        await database.upgrade(FIRST)
    assert raised.value.code == "AP-DB-002"


async def test_a_failed_migration_leaves_the_older_schema_whole(database: Database) -> None:
    await database.upgrade(FIRST)

    def half(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE notes ADD COLUMN author VARCHAR(64)"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.upgrade(Schema("notes", _second().metadata, (half,)))
    await database.upgrade(FIRST)


async def test_a_forgotten_migration_is_found_at_start(database: Database) -> None:
    await database.upgrade(FIRST)
    with pytest.raises(DomainError) as raised:
        await database.upgrade(Schema("notes", _second().metadata))
    assert raised.value.code == "AP-DB-003"
    assert "author" in raised.value.detail


async def test_tables_without_a_version_are_not_touched(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.run_sync(METADATA.create_all)
    with pytest.raises(DomainError) as raised:
        await database.upgrade(FIRST)
    assert raised.value.code == "AP-DB-004"


async def test_schemas_of_several_services_share_one_store(database: Database) -> None:
    other = MetaData()
    Table("others", other, Column("number", Integer, primary_key=True))
    await database.upgrade(FIRST, Schema("others", other))
    async with database.reading() as connection:
        found = (
            await connection.execute(text("SELECT name, version FROM schema_version ORDER BY name"))
        ).all()
    assert found == [("notes", 1), ("others", 1)]


async def test_a_sqlite_file_belongs_to_its_owner_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.db"
    path.touch(0o644)
    os.chmod(path, 0o644)
    with caplog.at_level(logging.WARNING):
        database = open_database(f"sqlite:///{path}")
    assert [record.__dict__["code"] for record in caplog.records] == ["AP-DB-006"]
    await database.upgrade(FIRST)
    async with database.transaction() as connection:
        await connection.execute(insert(NOTES).values(number=1, text="one"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    await database.dispose()


@pytest.mark.parametrize(("wanted", "level"), [("", 1), ("?synchronous=full", 2), ("?synchronous=extra", 3)])
async def test_sqlite_syncs_as_the_url_says(tmp_path: Path, wanted: str, level: int) -> None:
    database = open_database(f"sqlite:///{tmp_path}/store.db{wanted}")
    async with database.reading() as connection:
        assert await connection.scalar(text("PRAGMA synchronous")) == level
        assert await connection.scalar(text("PRAGMA journal_mode")) == "wal"
    await database.dispose()


async def test_a_locked_sqlite_file_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/store.db")
    other = open_database(f"sqlite:///{tmp_path}/store.db")
    await database.upgrade(FIRST)
    async with database.transaction():
        with pytest.raises(DBAPIError, match="locked"):
            async with other.transaction():
                pass
    await database.dispose()
    await other.dispose()


KILLED = """
import asyncio, os, signal, sys
from sqlalchemy import insert
from antiphon.io.database import open_database
from tests.io.test_database import FIRST, NOTES

async def main():
    database = open_database(sys.argv[1])
    await database.upgrade(FIRST)
    for number in range(50):
        async with database.transaction() as connection:
            await connection.execute(insert(NOTES).values(number=number, text=str(number)))
        print(number, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    done = subprocess.run([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    acknowledged = done.stdout.split()
    assert done.returncode == -9
    assert len(acknowledged) == 50
    database = open_database(url)
    assert await _texts(database) == acknowledged
    await database.dispose()


@pytest.mark.parametrize(
    "url", ["", "mysql://host/name", "sqlite:///x.db?synchronous=off", "nothing at all", "sqlite://host/x.db"]
)
def test_a_url_that_names_no_store_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DomainError) as raised:
        open_database(url)
    assert raised.value.code == "AP-DB-001"


def test_the_password_of_a_refused_url_is_not_told() -> None:
    with pytest.raises(DomainError) as raised:
        open_database("mysql://alice:secret@host/name")
    assert "secret" not in str(raised.value)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DomainError) as raised:
        open_database(f"sqlite:///{tmp_path}/missing/store.db")
    assert raised.value.code == "AP-DB-005"
