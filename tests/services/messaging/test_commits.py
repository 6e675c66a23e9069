"""Group commit: many rows, one transaction; a promise is kept only for what is decided."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.services.messaging.conftest import Site

from antiphon.io.database import Database
from antiphon.kernel.database import Schema
from antiphon.services.messaging import commits
from antiphon.services.messaging.commits import GroupCommit
from antiphon.services.messaging.store import MessagingStore, blocked, private_xml


class Counting:
    """The site's database, counting transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.transactions = 0

    @asynccontextmanager
    async def transaction(self, turn: str = "") -> AsyncIterator[AsyncConnection]:
        self.transactions += 1
        async with self._database.transaction(turn) as connection:
            yield connection

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._database.reading()

    async def upgrade(self, *schemas: Schema) -> None:
        await self._database.upgrade(*schemas)


def committer(site: Site, database: Counting) -> GroupCommit:
    return GroupCommit(database, site.time, site.tasks, asyncio.get_running_loop().create_future)


async def names(site: Site) -> list[str]:
    return sorted(row.jid for row in await MessagingStore(site.database).rows(blocked))


async def test_rows_of_one_turn_share_a_transaction(site: Site) -> None:
    database = Counting(site.database)
    group = committer(site, database)
    writes = [group.put(blocked, ("alice", f"{number}@x"), {}) for number in range(50)]
    for write in writes:
        await write
    assert (database.transactions, len(await names(site))) == (1, 50)


async def test_the_last_word_about_a_row_counts(site: Site) -> None:
    group = committer(site, Counting(site.database))
    group.put(private_xml, ("alice", "n"), {"xml": b"1"}, fresh=True)
    group.put(private_xml, ("alice", "n"), {"xml": b"2"})
    await group.settled()
    group.put(private_xml, ("alice", "n"), {"xml": b"3"})
    group.put(private_xml, ("alice", "m"), {"xml": b"4"}, fresh=True)
    group.remove(private_xml, ("alice", "m"))
    await group.settled()
    rows = await MessagingStore(site.database).rows(private_xml)
    assert [(row.name, row.xml) for row in rows] == [("n", b"3")]


async def test_settled_returns_at_once_when_nothing_waits(site: Site) -> None:
    group = committer(site, Counting(site.database))
    await group.settled()
    await group.put(blocked, ("alice", "x"), {})
    await group.settled()


async def test_a_row_the_store_refuses_does_not_take_its_neighbours_with_it(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    group = committer(site, Counting(site.database))
    await group.put(blocked, ("alice", "1@x"), {})
    failures: list[str] = []
    good = group.put(blocked, ("alice", "2@x"), {}, fresh=True)
    bad = group.put(blocked, ("alice", "1@x"), {}, on_failure=lambda: failures.append("1@x"), fresh=True)
    await bad
    assert (good.failed, bad.failed, failures) == (False, True, ["1@x"])
    assert await names(site) == ["1@x", "2@x"]
    assert [record.__dict__.get("code") for record in caplog.records if record.levelname == "ERROR"] == [
        "AP-IM-004"
    ]


async def test_a_store_that_is_gone_fails_the_rows_and_recovers(site: Site) -> None:
    group = committer(site, Counting(site.database))
    async with site.database.transaction() as connection:
        await connection.execute(text("ALTER TABLE im_blocked RENAME TO hidden"))
    lost = group.put(blocked, ("alice", "1@x"), {})
    await lost
    assert lost.failed
    async with site.database.transaction() as connection:
        await connection.execute(text("ALTER TABLE hidden RENAME TO im_blocked"))
    kept = group.put(blocked, ("alice", "2@x"), {})
    await kept
    assert not kept.failed
    assert await names(site) == ["2@x"]


async def test_rows_that_wait_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "MAX_PENDING_ROWS", 2)
    group = committer(site, Counting(site.database))
    first = group.put(blocked, ("alice", "1@x"), {})
    group.put(blocked, ("alice", "2@x"), {})
    refused = group.put(blocked, ("alice", "3@x"), {})
    assert refused.failed
    await refused
    assert not first.failed
    assert await names(site) == ["1@x", "2@x"]
