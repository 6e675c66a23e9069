"""A directory on each store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from antiphon.io.database import Database, open_database
from antiphon.kernel.bus import Event, LocalBus
from antiphon.kernel.random import SequenceRandom
from antiphon.services.directory import events
from antiphon.services.directory.service import Directory

KINDS = (
    events.UserChanged,
    events.UserRemoved,
    events.LineChanged,
    events.DeviceChanged,
    events.ProfileChanged,
    events.UcServiceChanged,
    events.EdgeNodeChanged,
    events.EntryAudited,
)


class Heard(list[Event]):
    """Everything the directory said, in order."""

    def __init__(self, bus: LocalBus) -> None:
        super().__init__()
        for kind in KINDS:
            bus.subscribe(kind, self.append)

    def facts(self) -> list[Event]:
        """Without the audit; forgets what it returns."""
        found = [event for event in self if not isinstance(event, events.EntryAudited)]
        self.clear()
        return found


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
def heard(bus: LocalBus) -> Heard:
    return Heard(bus)


@pytest.fixture
async def directory(database: Database, bus: LocalBus, heard: Heard) -> Directory:
    """Runs the test on SQLite and on PostgreSQL."""
    directory = Directory(database, bus, SequenceRandom())
    await directory.load()
    heard.clear()
    return directory


@pytest.fixture
async def small(bus: LocalBus, heard: Heard) -> AsyncIterator[Directory]:
    """In memory only, for what no store can change."""
    database = open_database("sqlite://")
    directory = Directory(database, bus, SequenceRandom())
    await directory.load()
    heard.clear()
    yield directory
    await database.dispose()
