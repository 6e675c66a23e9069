"""The directory of this deployment: read from memory, written through to the store, told on the bus."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from antiphon.kernel.bus import Bus, Event, EventsMissed
from antiphon.kernel.database import Database
from antiphon.kernel.errors import Fault
from antiphon.kernel.random import Random
from antiphon.kernel.tasks import Tasks
from antiphon.model import Device, EdgeNode, Line, ServiceProfile, UcService, User
from antiphon.services.directory import errors, rules, store
from antiphon.services.directory.events import EntryAudited
from antiphon.services.directory.facts import KINDS, NAMES, fact
from antiphon.services.directory.memory import Entry, EntryKind, Memory, key_of

log = logging.getLogger(__name__)

TURN = "directory"
MANY = 200
"""Of so many outdated entries all are read, in few statements."""
NOT_FOUND: dict[EntryKind, Fault] = {
    User: errors.USER_NOT_FOUND,
    Line: errors.LINE_NOT_FOUND,
    Device: errors.DEVICE_NOT_FOUND,
    ServiceProfile: errors.PROFILE_NOT_FOUND,
    UcService: errors.UC_SERVICE_NOT_FOUND,
    EdgeNode: errors.EDGE_NODE_NOT_FOUND,
}
Edit = Callable[[Entry | None], Entry]
E = TypeVar("E", User, Line, Device, ServiceProfile, UcService, EdgeNode)


class Directory(Memory):
    """`load` before use. Implements `ports.DirectoryPort`, which says what each method does."""

    def __init__(self, database: Database, bus: Bus, random: Random) -> None:
        super().__init__()
        self._database = database
        self._bus = bus
        self.random = random
        self._publishing = False
        self._outdated: set[tuple[EntryKind, str]] = set()
        self._all_outdated = False
        self._catching_up = False

    async def load(self) -> None:
        """Create or migrate the tables, read them, and see that there is a default service profile."""
        await self._database.upgrade(store.SCHEMA)
        async with self._turn() as connection:
            entries = await store.load(connection)
        self.fill(entries)
        if not any(profile.is_default for profile in self.service_profiles()):
            name = "Default" if self.service_profile("Default") is None else "Standard"
            await self.put_service_profile(ServiceProfile(name, "", is_default=True))

    def follow(self, tasks: Tasks) -> None:
        """Read again from the store what another process says on the bus that it has changed, and tell it here."""

        def heard(event: EntryAudited) -> None:
            if not self._publishing:
                self._outdated.add((KINDS[event.kind], event.key))
                catch_up()

        def missed(_: EventsMissed) -> None:
            self._all_outdated = True
            catch_up()

        def catch_up() -> None:
            if not self._catching_up:
                self._catching_up = True
                tasks.spawn(self._catch_up(), "directory catches up")

        self._bus.subscribe(EntryAudited, heard)
        self._bus.subscribe(EventsMissed, missed)

    async def _catch_up(self) -> None:
        try:
            while self._outdated or self._all_outdated:
                before: dict[tuple[EntryKind, str], Entry | None] = {}
                async with self._turn() as connection:
                    if self._all_outdated or len(self._outdated) > MANY:
                        self._outdated, self._all_outdated = set(), False
                        entries = await store.load(connection)
                        keys = {(type(entry), key_of(entry)) for entry in (*self.entries(), *entries)}
                        before = {key: self.get(*key) for key in keys}
                        self.fill(entries)
                    while self._outdated:
                        kind, key = self._outdated.pop()
                        before[kind, key] = self.get(kind, key)
                        self._place(kind, key, await store.load_one(connection, kind, key))
                self._tell(before)
        except BaseException:
            # Whatever was read is right, but something may be missing: everything is read next time.
            self._all_outdated = True
            raise
        finally:
            self._catching_up = False

    def _place(self, kind: EntryKind, key: str, entry: Entry | None) -> None:
        if entry is None:
            self.drop(kind, key)
        else:
            self.keep(entry)

    def _tell(self, before: dict[tuple[EntryKind, str], Entry | None]) -> None:
        for key, known in before.items():
            if (event := fact(known, self.get(*key))) is not None:
                self._bus.publish(event)

    def planned(self, kind: EntryKind, key: str, edit: Edit) -> Entry:
        """The entry as `edit` would keep it, without keeping it. Raises what `edit` raises."""
        return rules.checked(edit(self.get(kind, key)), self, self.random)

    def planned_removal(self, kind: EntryKind, key: str) -> Entry:
        """The entry as `remove` would find it. Raises what `remove` raises."""
        if (entry := self.get(kind, key)) is None:
            raise NOT_FOUND[kind].error(key[:128])
        rules.released(entry, self)
        return entry

    async def edit(self, kind: EntryKind, key: str, edit: Edit, *, actor: str = "") -> Entry:
        """Keep what `edit` makes of the entry as it is now (None: there is none); nobody changes it in between."""

        def plan() -> list[Entry]:
            kept = rules.checked(edit(self.get(kind, key)), self, self.random)
            return [*rules.consequences(kept, self), kept]

        return (await self._change(plan, actor))[-1]

    async def remove(
        self, kind: EntryKind, key: str, *, actor: str = "", guard: Callable[[Entry], None] | None = None
    ) -> None:
        """`guard` may raise to refuse the entry as it is now."""
        async with self._turn() as connection:
            entry = self.planned_removal(kind, key)
            if guard is not None:
                guard(entry)
            released = rules.released(entry, self)
            await store.write(connection, (), released)
            await store.remove(connection, entry)
        for change in released:
            self._apply(change, actor)
        self.drop(kind, key)
        self._publish(fact(entry, None), EntryAudited(actor, "remove", NAMES[kind], key))

    async def put_user(self, user: User, *, create: bool = False, actor: str = "") -> User:
        return await self._put(user, create, actor)

    async def put_line(self, line: Line, *, create: bool = False, actor: str = "") -> Line:
        return await self._put(line, create, actor)

    async def put_device(self, device: Device, *, create: bool = False, actor: str = "") -> Device:
        return await self._put(device, create, actor)

    async def put_service_profile(
        self, profile: ServiceProfile, *, create: bool = False, actor: str = ""
    ) -> ServiceProfile:
        return await self._put(profile, create, actor)

    async def put_uc_service(self, service: UcService, *, create: bool = False, actor: str = "") -> UcService:
        return await self._put(service, create, actor=actor)

    async def put_edge_node(self, edge: EdgeNode, *, create: bool = False, actor: str = "") -> EdgeNode:
        return await self._put(edge, create, actor)

    async def remove_user(self, userid: str, *, actor: str = "") -> None:
        """What the user owned stays, without an owner."""
        await self.remove(User, userid, actor=actor)

    async def remove_line(self, number: str, *, actor: str = "") -> None:
        """Raises AP-DIR-016 while a device or a hunt group has it."""
        await self.remove(Line, number, actor=actor)

    async def remove_device(self, name: str, *, actor: str = "") -> None:
        await self.remove(Device, name, actor=actor)

    async def remove_service_profile(self, name: str, *, actor: str = "") -> None:
        await self.remove(ServiceProfile, name, actor=actor)

    async def remove_uc_service(self, name: str, *, actor: str = "") -> None:
        await self.remove(UcService, name, actor=actor)

    async def remove_edge_node(self, name: str, *, actor: str = "") -> None:
        """Its connections are closed by whoever hears `EdgeNodeChanged`."""
        await self.remove(EdgeNode, name, actor=actor)

    async def put_all(self, entries: Iterable[Entry], *, actor: str = "") -> None:
        """Many at once, all or none; what is referred to comes first. Raises as `put_…` does."""

        def plan() -> list[Entry]:
            scratch = self.copy()
            final: dict[tuple[EntryKind, str], Entry] = {}
            for entry in entries:
                kept: Entry = rules.checked(entry, scratch, self.random)
                for change in (*rules.consequences(kept, scratch), kept):
                    scratch.keep(change)
                    final[type(change), key_of(change)] = change
            return list(final.values())

        await self._change(plan, actor)

    async def _put(self, entry: E, create: bool, actor: str) -> E:
        def edit(known: Entry | None) -> Entry:
            if known is not None and create:
                raise errors.EXISTS.error(key_of(entry)[:128])
            return entry

        result = await self.edit(type(entry), key_of(entry), edit, actor=actor)
        assert isinstance(result, type(entry))
        return result

    async def _change(self, plan: Callable[[], list[Entry]], actor: str) -> list[Entry]:
        async with self._turn() as connection:
            changes = plan()
            added = [entry for entry in changes if self._known(entry) is None]
            changed = [entry for entry in changes if self._known(entry) not in (None, entry)]
            await store.write(connection, added, changed)
        for entry in (*added, *changed):
            self._apply(entry, actor)
        return changes

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[AsyncConnection]:
        """Changes are planned, written and applied one after the other, so memory has the order of the store."""
        try:
            async with self._database.transaction(TURN) as connection:
                yield connection
        except (IntegrityError, store.StaleWrite) as error:
            raise errors.CHANGED_ELSEWHERE.error() from error
        except (DBAPIError, OSError) as error:
            raise errors.STORE_DOWN.error(retry_after_s=5.0) from error

    def _known(self, entry: Entry) -> Entry | None:
        return self.get(type(entry), key_of(entry))

    def _apply(self, entry: Entry, actor: str) -> None:
        before = self._known(entry)
        self.keep(entry)
        action = "add" if before is None else "change"
        names = tuple(
            field.name
            for field in dataclasses.fields(entry)
            if before is not None and getattr(before, field.name) != getattr(entry, field.name)
        )
        audit = EntryAudited(actor, action, NAMES[type(entry)], key_of(entry), names)
        self._publish(fact(before, entry), audit)

    def _publish(self, event: Event | None, audit: EntryAudited) -> None:
        log.info(
            "directory entry written",
            extra={"actor": audit.actor, "action": audit.action, "kind": audit.kind, "key": audit.key},
        )
        self._publishing = True
        try:
            if event is not None:
                self._bus.publish(event)
            self._bus.publish(audit)
        finally:
            self._publishing = False
