"""One contract for the directory: the object itself, and a mirror of it over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.interfaces.http.directory_serving import DirectoryServer, directory_server
from tests.nats_server import NatsServer

from antiphon.client.directory import RemoteDirectory
from antiphon.io.bus_nats import NatsBus
from antiphon.io.database import open_database
from antiphon.kernel.bus import Event, EventsMissed, LocalBus
from antiphon.kernel.errors import DomainError, Kind
from antiphon.kernel.random import SequenceRandom
from antiphon.model import (
    Device,
    DeviceLine,
    EdgeNode,
    Line,
    SecurityMode,
    ServiceKind,
    ServiceProfile,
    UcService,
    User,
)
from antiphon.services.directory import events
from antiphon.services.directory.ports import DirectoryPort
from antiphon.services.directory.service import Directory

ALICE = User("alice", "", "Alice", "Ng", "Alice Ng", mail="alice@example.test", telephone="1001")


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
async def origin(bus: LocalBus) -> AsyncIterator[Directory]:
    database = open_database("sqlite://")
    directory = Directory(database, bus, SequenceRandom())
    await directory.load()
    yield directory
    await database.dispose()


@pytest.fixture(params=["local", "http"])
async def directory(
    request: pytest.FixtureRequest, origin: Directory, bus: LocalBus, tmp_path: Path
) -> AsyncIterator[DirectoryPort]:
    if request.param == "local":
        yield origin
        return
    async with directory_server(origin, bus, tmp_path) as server:
        mirror = RemoteDirectory(server.client())
        await mirror.load()
        yield mirror


async def test_what_is_put_is_read_back_with_what_was_filled_in(directory: DirectoryPort) -> None:
    kept = await directory.put_user(ALICE)
    assert replace(kept, pkid="") == ALICE
    assert directory.user("alice") == directory.user("ALICE") == kept
    assert directory.user_by_mail("Alice@Example.test") == kept
    line = await directory.put_line(
        Line("1001", "", owner="alice", forward_busy="1002", no_answer_timeout_s=7.5)
    )
    assert directory.line("1001") == line
    assert directory.lines_of("alice") == (line,)
    phone = await directory.put_device(
        Device(
            "CSFALICE",
            "",
            owner="alice",
            lines=(DeviceLine("1001"),),
            security_mode=SecurityMode.AUTHENTICATED,
        )
    )
    assert phone.lines[0].contact
    assert directory.device("CSFALICE") == phone
    assert directory.device("csfalice") is None
    assert directory.devices_of("alice") == directory.devices_with_line("1001") == (phone,)
    assert [len(directory.users()), len(directory.lines()), len(directory.devices())] == [1, 1, 1]


async def test_a_user_has_the_own_profile_or_the_default_one(directory: DirectoryPort) -> None:
    await directory.put_uc_service(UcService("imp 1", "", ServiceKind.IM_AND_PRESENCE, "imp1.example.test"))
    staff = await directory.put_service_profile(
        ServiceProfile(
            "Staff & more",
            "",
            services=((ServiceKind.IM_AND_PRESENCE, ("imp 1",)),),
            client_parameters=(("A", "B", "c"),),
        )
    )
    alice = await directory.put_user(replace(ALICE, service_profile="Staff & more"))
    assert directory.profile_of(alice) == directory.service_profile("Staff & more") == staff
    assert directory.profile_of(ALICE).name == "Default"
    await directory.put_service_profile(replace(staff, is_default=True))
    assert directory.default_service_profile().name == "Staff & more"
    assert [profile.name for profile in directory.service_profiles() if profile.is_default] == [
        "Staff & more"
    ]
    assert [service.name for service in directory.uc_services()] == ["imp 1"]
    assert directory.uc_service("imp 1") is not None


async def test_edge_nodes_are_kept_and_removed(directory: DirectoryPort) -> None:
    kept = await directory.put_edge_node(EdgeNode("10.1.1.1", "", "Lyon", ("expc1.example.test",)))
    assert directory.edge_node("10.1.1.1") == kept
    assert list(directory.edge_nodes()) == [kept]
    await directory.remove_edge_node("10.1.1.1")
    assert directory.edge_node("10.1.1.1") is None


async def test_names_are_searched(directory: DirectoryPort) -> None:
    for number in range(5):
        await directory.put_user(User(f"user{number}", "", "Una", f"Smith{number}"))
    page = directory.search("una smith", start=3, limit=4)
    assert [user.userid for user in page.users] == ["user3", "user4"]
    assert page.total == 5
    with pytest.raises(DomainError, match="AP-DIR-024"):
        directory.search("x", "shoe size")


async def test_what_is_removed_is_gone_and_what_it_owned_is_free(directory: DirectoryPort) -> None:
    await directory.put_user(ALICE)
    await directory.put_line(Line("*97", "", owner="alice"))
    await directory.put_device(Device("CSFALICE", "", owner="alice", lines=(DeviceLine("*97"),)))
    await directory.remove_user("alice")
    assert directory.user("alice") is None
    assert [line.owner for line in directory.lines()] == [""]
    assert directory.devices_of("alice") == ()
    await directory.remove_device("CSFALICE")
    await directory.remove_line("*97")
    assert not directory.lines()
    await directory.put_uc_service(UcService("x", "", ServiceKind.CTI, "host"))
    await directory.remove_uc_service("x")
    await directory.put_service_profile(ServiceProfile("x", ""))
    await directory.remove_service_profile("x")
    assert directory.uc_service("x") is None
    assert directory.service_profile("x") is None


@pytest.mark.parametrize(
    ("attempt", "code", "kind"),
    [
        (lambda d: d.put_user(User("Not Good", "")), "AP-DIR-001", Kind.INVALID),
        (lambda d: d.put_line(Line("x", "")), "AP-DIR-004", Kind.INVALID),
        (lambda d: d.put_device(Device("CSFX", "", lines=(DeviceLine("9"),))), "AP-DIR-006", Kind.INVALID),
        (lambda d: d.put_user(ALICE, create=True), "AP-DIR-019", Kind.CONFLICT),
        (lambda d: d.put_user(User("bob", "", mail=ALICE.mail)), "AP-DIR-018", Kind.CONFLICT),
        (lambda d: d.remove_user("nobody"), "AP-DIR-010", Kind.NOT_FOUND),
        (lambda d: d.remove_device("CSFNOBODY"), "AP-DIR-012", Kind.NOT_FOUND),
        (lambda d: d.remove_service_profile("Default"), "AP-DIR-021", Kind.CONFLICT),
    ],
)
async def test_what_is_refused_is_refused_with_the_same_code(
    directory: DirectoryPort, attempt: Any, code: str, kind: Kind
) -> None:
    await directory.put_user(ALICE)
    with pytest.raises(DomainError) as raised:
        await attempt(directory)
    assert (raised.value.code, raised.value.kind) == (code, kind)
    assert raised.value.fault.fix
    assert len(directory.users()) == 1


async def test_each_change_is_told_on_the_bus(directory: DirectoryPort, bus: LocalBus) -> None:
    heard: list[Event] = []
    for kind in (events.UserChanged, events.UserRemoved, events.LineChanged):
        bus.subscribe(kind, heard.append)
    await directory.put_user(ALICE)
    await directory.put_line(Line("1001", "", owner="alice"))
    await directory.put_user(replace(ALICE, enabled=False))
    await directory.remove_user("alice")
    assert heard == [
        events.UserChanged("alice", True),
        events.LineChanged("1001"),
        events.UserChanged("alice", False),
        events.LineChanged("1001"),
        events.UserRemoved("alice"),
    ]


class Collected:
    """Tasks, and a way to wait until they have all run."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._more = asyncio.Event()

    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(coro, name=name))
        self._more.set()

    async def done(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self._tasks) < number:
                self._more.clear()
                await self._more.wait()
            await asyncio.gather(*self._tasks)


@pytest.fixture
async def server(origin: Directory, bus: LocalBus, tmp_path: Path) -> AsyncIterator[DirectoryServer]:
    async with directory_server(origin, bus, tmp_path) as server:
        yield server


async def test_a_mirror_follows_what_others_change_over_nats(
    server: DirectoryServer, bus: LocalBus, nats_server: NatsServer
) -> None:
    here, there = NatsBus(), NatsBus()
    await here.connect([nats_server.url])
    await there.connect([nats_server.url])
    bus.subscribe(events.EntryAudited, here.publish)
    bus.subscribe(events.UserChanged, here.publish)
    mirror = RemoteDirectory(server.client())
    await mirror.load()
    tasks = Collected()
    mirror.follow(there, tasks)
    told: list[tuple[str, str]] = []

    def hear(event: events.UserChanged) -> None:
        found = mirror.user(event.userid)
        told.append((event.userid, found.title if found else ""))

    there.subscribe(events.UserChanged, hear)
    await server.directory.put_user(replace(ALICE, title="Director"))
    await server.directory.put_line(Line("1001", "", owner="alice"))
    await server.directory.put_service_profile(ServiceProfile("Staff", ""))
    await tasks.done(3)
    assert sorted(map(repr, mirror.entries())) == sorted(map(repr, server.directory.entries()))
    assert told == [("alice", "Director")]
    await mirror.put_user(replace(ALICE, title="President"))
    await tasks.done(4)
    assert told[1:] == [("alice", "President")]
    await server.directory.remove_user("alice")
    await tasks.done(6)
    assert mirror.user("alice") is None
    assert mirror.lines_of("alice") == ()
    await here.close()
    await there.close()


async def test_a_mirror_that_missed_events_reads_everything_again(
    server: DirectoryServer, bus: LocalBus
) -> None:
    mirror = RemoteDirectory(server.client())
    await mirror.load()
    await server.directory.put_user(ALICE)
    assert mirror.user("alice") is None
    tasks = Collected()
    mirror.follow(bus, tasks)
    bus.publish(EventsMissed())
    await tasks.done(1)
    assert mirror.user("alice") is not None


async def test_more_entries_than_a_page_are_all_read(server: DirectoryServer) -> None:
    await server.directory.put_all(User(f"user{number}", "") for number in range(1100))
    mirror = RemoteDirectory(server.client())
    await mirror.load()
    assert len(mirror.users()) == 1100


async def test_a_server_that_is_not_there_is_told(server: DirectoryServer) -> None:
    server.origin = "https://localhost:1"
    with pytest.raises(DomainError) as raised:
        await server.client().all(User)
    assert raised.value.code == "AP-CLIENT-004"
