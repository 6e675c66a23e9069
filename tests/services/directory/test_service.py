from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from tests.services.directory.conftest import Heard

from antiphon.io.database import Database
from antiphon.kernel.bus import Event, EventsMissed, LocalBus
from antiphon.kernel.errors import DomainError
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
from antiphon.services.directory.service import Directory

ALICE = User("alice", "", "Alice", "Ng", "Alice Ng", mail="Alice@example.test", telephone="1001", admin=True)
PHONE = Device(
    "CSFALICE",
    "",
    owner="alice",
    lines=(DeviceLine("1001", label="Alice"),),
    security_mode=SecurityMode.NON_SECURE,
)


async def _fill(directory: Directory) -> None:
    await directory.put_user(ALICE)
    await directory.put_line(Line("1001", "", owner="alice", display_name="Alice Ng"))
    await directory.put_line(Line("1100", "", hunt_members=("1001",), no_answer_timeout_s=7.5))
    await directory.put_device(PHONE)
    await directory.put_uc_service(
        UcService("imp", "", ServiceKind.IM_AND_PRESENCE, "imp1.example.test", 5222, "TCP")
    )
    await directory.put_service_profile(
        ServiceProfile(
            "Staff",
            "",
            services=((ServiceKind.IM_AND_PRESENCE, ("imp",)),),
            client_parameters=(("Policies", "EnableSIPURIDialling", "true"),),
        )
    )
    await directory.put_user(replace(ALICE, service_profile="Staff"))
    await directory.put_edge_node(EdgeNode("expc1.example.test", "", "Lyon", ("expc.example.test",)))


async def test_everything_is_there_after_a_restart(directory: Directory, database: Database) -> None:
    await _fill(directory)
    again = Directory(database, LocalBus(), SequenceRandom())
    await again.load()
    assert list(again.entries()) != []
    assert sorted(map(repr, again.entries())) == sorted(map(repr, directory.entries()))
    user = again.user("alice")
    assert user is not None
    assert again.profile_of(user).name == "Staff"
    assert [device.name for device in again.devices_of("alice")] == ["CSFALICE"]
    assert [device.name for device in again.devices_with_line("1001")] == ["CSFALICE"]
    assert [line.number for line in again.lines_of("alice")] == ["1001"]
    assert again.search("ali").users == (user,)


async def test_what_was_left_empty_is_filled_in_once(directory: Directory) -> None:
    first = await directory.put_user(ALICE)
    assert len(first.pkid) == 36
    second = await directory.put_user(replace(ALICE, title="Director"))
    assert second.pkid == first.pkid
    await directory.put_line(Line("1001", ""))
    phone = await directory.put_device(PHONE)
    assert len(phone.lines[0].contact) == 36
    again = await directory.put_device(replace(PHONE, description="desk"))
    assert again.lines[0].contact == phone.lines[0].contact


async def test_there_is_a_default_service_profile_from_the_start(directory: Directory) -> None:
    assert directory.default_service_profile().name == "Default"
    assert directory.profile_of(ALICE).name == "Default"


async def test_another_default_takes_the_place_of_the_first(directory: Directory, database: Database) -> None:
    await directory.put_service_profile(ServiceProfile("Staff", "", is_default=True))
    again = Directory(database, LocalBus(), SequenceRandom())
    await again.load()
    for one in (directory, again):
        assert [profile.name for profile in one.service_profiles() if profile.is_default] == ["Staff"]


async def test_each_change_is_told_once_and_audited(
    directory: Directory, heard: list[events.EntryAudited]
) -> None:
    await directory.put_user(ALICE, actor="root")
    await directory.put_user(replace(ALICE, enabled=False), actor="root")
    await directory.put_user(replace(ALICE, enabled=False), actor="root")
    await directory.remove_user("alice", actor="root")
    assert list(heard) == [
        events.UserChanged("alice", True),
        events.EntryAudited("root", "add", "user", "alice"),
        events.UserChanged("alice", False),
        events.EntryAudited("root", "change", "user", "alice", ("enabled",)),
        events.UserRemoved("alice"),
        events.EntryAudited("root", "remove", "user", "alice"),
    ]


async def test_what_a_removed_user_owned_stays_without_an_owner(
    directory: Directory, database: Database
) -> None:
    await _fill(directory)
    await directory.remove_user("alice")
    again = Directory(database, LocalBus(), SequenceRandom())
    await again.load()
    for one in (directory, again):
        assert one.user("alice") is None
        assert one.user_by_mail("alice@example.test") is None
        assert [(device.name, device.owner) for device in one.devices()] == [("CSFALICE", "")]
        assert {line.owner for line in one.lines()} == {""}


async def test_what_is_in_use_is_not_removed(directory: Directory) -> None:
    await _fill(directory)
    for removal, detail in (
        (directory.remove_line("1001"), "device CSFALICE"),
        (directory.remove_uc_service("imp"), "profile Staff"),
        (directory.remove_service_profile("Staff"), "user alice"),
    ):
        with pytest.raises(DomainError) as raised:
            await removal
        assert (raised.value.code, raised.value.detail) == ("AP-DIR-016", detail)
    await directory.remove_device("CSFALICE")
    with pytest.raises(DomainError, match="hunt group 1100"):
        await directory.remove_line("1001")
    await directory.remove_line("1100")
    await directory.remove_line("1001")
    assert list(directory.lines()) == []


async def test_a_line_may_be_shared_and_taken_off_again(directory: Directory, database: Database) -> None:
    await _fill(directory)
    await directory.put_device(
        Device("SEP001122AABBCC", "", lines=(DeviceLine("1001"), DeviceLine("1100", 2)))
    )
    assert [device.name for device in directory.devices_with_line("1001")] == ["CSFALICE", "SEP001122AABBCC"]
    await directory.put_device(replace(PHONE, lines=()))
    again = Directory(database, LocalBus(), SequenceRandom())
    await again.load()
    for one in (directory, again):
        assert [device.name for device in one.devices_with_line("1001")] == ["SEP001122AABBCC"]


async def test_two_changes_at_once_are_made_one_after_the_other(
    directory: Directory, database: Database
) -> None:
    await asyncio.gather(*(directory.put_user(replace(ALICE, title=str(number))) for number in range(10)))
    again = Directory(database, LocalBus(), SequenceRandom())
    await again.load()
    assert again.user("alice") == directory.user("alice")


async def test_of_two_who_add_the_same_only_one_succeeds(directory: Directory) -> None:
    results = await asyncio.gather(
        *(directory.put_user(replace(ALICE, title=str(number)), create=True) for number in range(3)),
        return_exceptions=True,
    )
    refused = [result.code for result in results if isinstance(result, DomainError)]
    assert refused == ["AP-DIR-019", "AP-DIR-019"]


async def test_a_node_that_missed_a_change_contradicts_nobody(
    directory: Directory, database: Database
) -> None:
    behind = Directory(database, LocalBus(), SequenceRandom())
    await behind.load()
    await directory.put_user(ALICE)
    await directory.put_line(Line("1001", "", owner="alice"))
    for change in (
        behind.put_user(replace(ALICE, pkid="00000000-0000-4000-8000-0000000000ff")),
        behind.put_user(User("carol", "00000000-0000-4000-8000-0000000000fe", mail="alice@EXAMPLE.test")),
        behind.put_line(Line("1001", "00000000-0000-4000-8000-0000000000fd")),
    ):
        with pytest.raises(DomainError) as raised:
            await change
        assert raised.value.code == "AP-DIR-025"
    assert behind.user("alice") is None


class Tasks:
    def __init__(self) -> None:
        self.running: list[asyncio.Task[None]] = []

    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        self.running.append(asyncio.create_task(coro, name=name))


class Far(NamedTuple):
    """Another node on the same store; audits reach it when the test says so."""

    directory: Directory
    bus: LocalBus
    heard: Heard
    tasks: Tasks

    async def told(self, *happened: Event) -> list[Event]:
        for event in happened:
            self.bus.publish(event)
        await asyncio.gather(*self.tasks.running)
        return self.heard.facts()


@pytest.fixture
async def far(directory: Directory, database: Database) -> Far:
    bus, tasks = LocalBus(), Tasks()
    other = Directory(database, bus, SequenceRandom())
    await other.load()
    other.follow(tasks)
    return Far(other, bus, Heard(bus), tasks)


async def test_another_node_reads_what_has_changed_before_it_tells(
    directory: Directory, heard: Heard, far: Far
) -> None:
    seen: list[User | None] = []
    far.bus.subscribe(events.UserChanged, lambda event: seen.append(far.directory.user(event.userid)))
    await directory.put_user(ALICE)
    audit = heard[-1]
    assert await far.told(audit) == [events.UserChanged("alice", True)]
    assert seen == [directory.user("alice")]
    assert await far.told(audit) == []
    await far.directory.put_user(replace(ALICE, title="Director"))
    assert len(far.tasks.running) == 2
    far.heard.clear()
    heard.clear()
    await directory.put_line(Line("1001", "", owner="alice"))
    await directory.put_device(PHONE)
    await directory.remove_user("alice")
    audits = [event for event in heard if isinstance(event, events.EntryAudited)]
    told = await far.told(*audits)
    assert set(told) == {
        events.LineChanged("1001"),
        events.DeviceChanged("CSFALICE"),
        events.UserRemoved("alice"),
    }
    assert far.directory.device("CSFALICE") == directory.device("CSFALICE")
    assert far.directory.user("alice") is None


async def test_another_node_that_missed_something_reads_everything(directory: Directory, far: Far) -> None:
    await _fill(directory)
    told = await far.told(EventsMissed())
    assert sorted(map(repr, far.directory.entries())) == sorted(map(repr, directory.entries()))
    assert events.DeviceChanged("CSFALICE") in told
    assert len(told) == 7
    await directory.remove_device("CSFALICE")
    assert await far.told(EventsMissed()) == [events.DeviceChanged("CSFALICE")]
    assert far.directory.device("CSFALICE") is None


async def test_a_store_that_is_gone_refuses_changes_and_answers_questions(
    directory: Directory, database: Database, heard: list[object]
) -> None:
    await directory.put_user(ALICE)
    heard.clear()
    async with database.transaction() as connection:
        await connection.exec_driver_sql("DROP TABLE device_lines")
        await connection.exec_driver_sql("DROP TABLE devices")
        await connection.exec_driver_sql("DROP TABLE lines")
        await connection.exec_driver_sql("DROP TABLE users")
    with pytest.raises(DomainError) as raised:
        await directory.put_user(replace(ALICE, title="Director"))
    assert raised.value.code == "AP-DIR-026"
    kept = directory.user("alice")
    assert kept is not None
    assert kept.title == ""
    assert heard == []


async def test_many_are_added_at_once_or_not_at_all(directory: Directory, heard: list[object]) -> None:
    users = [User(f"user{number}", "", first_name="U") for number in range(50)]
    lines = [Line(str(2000 + number), "", owner=f"user{number}") for number in range(50)]
    with pytest.raises(DomainError) as raised:
        await directory.put_all([*users, *lines, Line("x", "")])
    assert raised.value.code == "AP-DIR-004"
    assert list(directory.users()) == []
    assert heard == []
    await directory.put_all([*users, *lines])
    assert len(directory.users()) == len(directory.lines()) == 50
    assert [line.number for line in directory.lines_of("user7")] == ["2007"]


async def test_a_plan_says_what_would_be_and_does_nothing(small: Directory, heard: list[object]) -> None:
    planned = small.planned(User, "alice", lambda _: ALICE)
    assert planned.pkid
    assert small.user("alice") is None
    await small.put_user(ALICE)
    heard.clear()
    assert small.planned_removal(User, "alice") == small.user("alice")
    with pytest.raises(DomainError, match="AP-DIR-012"):
        small.planned_removal(Device, "CSFNOBODY")
    assert heard == []
