"""The whole directory in memory: every question is answered from here, at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Generic, TypeVar

from antiphon.model import Device, EdgeNode, Line, ServiceProfile, UcService, User
from antiphon.services.directory.search import DEFAULT_LIMIT, SearchIndex, SearchPage

Entry = User | Line | Device | ServiceProfile | UcService | EdgeNode
EntryKind = type[User] | type[Line] | type[Device] | type[ServiceProfile] | type[UcService] | type[EdgeNode]
T = TypeVar("T")


def key_of(entry: Entry) -> str:
    """What an entry is called by."""
    match entry:
        case User():
            return entry.userid
        case Line():
            return entry.number
        case Device() | ServiceProfile() | UcService() | EdgeNode():
            return entry.name


class _Table(dict[str, T], Generic[T]):
    """Entries by key, and in groups: `(group name, values the entry belongs to)`."""

    def __init__(self, **groups: Callable[[T], Iterable[str]]) -> None:
        super().__init__()
        self._groups = groups
        self._members: dict[tuple[str, str], dict[str, T]] = {}

    def put(self, key: str, entry: T) -> None:
        self.drop(key)
        self[key] = entry
        for name, values in self._groups.items():
            for value in values(entry):
                self._members.setdefault((name, value), {})[key] = entry

    def drop(self, key: str) -> T | None:
        if (entry := self.pop(key, None)) is None:
            return None
        for name, values in self._groups.items():
            for value in values(entry):
                members = self._members.get((name, value), {})
                members.pop(key, None)
                if not members:
                    self._members.pop((name, value), None)
        return entry

    def group(self, name: str, value: str) -> tuple[T, ...]:
        """Ordered by key."""
        members = self._members.get((name, value))
        if not members:
            return ()
        return (
            tuple(members.values()) if len(members) == 1 else tuple(members[key] for key in sorted(members))
        )


def _some(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


class Memory:
    """Implements `ports.Readable`."""

    def __init__(self) -> None:
        self._users = _Table[User](
            mail=lambda user: _some(user.mail.lower()), profile=lambda user: _some(user.service_profile)
        )
        self._lines = _Table[Line](
            owner=lambda line: _some(line.owner), member=lambda line: line.hunt_members
        )
        self._devices = _Table[Device](
            owner=lambda device: _some(device.owner),
            line=lambda device: {line.number for line in device.lines},
        )
        self._profiles = _Table[ServiceProfile](
            service=lambda profile: {name for _, names in profile.services for name in names},
            default=lambda profile: ("yes",) if profile.is_default else (),
        )
        self._uc_services = _Table[UcService]()
        self._edge_nodes = _Table[EdgeNode](
            name=lambda edge: {name.lower() for name in edge.subject_names or (edge.name,)}
        )
        self._pkids: dict[str, tuple[EntryKind, str]] = {}
        self._search = SearchIndex()

    def user(self, userid: str) -> User | None:
        """By userid; capital letters do not matter."""
        return self._users.get(userid) or self._users.get(userid.lower())

    def users(self) -> Collection[User]:
        return self._users.values()

    def user_by_mail(self, mail: str) -> User | None:
        found = self._users.group("mail", mail.lower())
        return found[0] if found else None

    def search(
        self, text: str, field: str = "name", start: int = 0, limit: int = DEFAULT_LIMIT
    ) -> SearchPage:
        """See `SearchIndex.search`."""
        return self._search.search(text, field, start, limit)

    def line(self, number: str) -> Line | None:
        return self._lines.get(number)

    def lines(self) -> Collection[Line]:
        return self._lines.values()

    def lines_of(self, userid: str) -> tuple[Line, ...]:
        """The lines this user owns."""
        return self._lines.group("owner", userid)

    def hunt_groups_with(self, number: str) -> tuple[Line, ...]:
        return self._lines.group("member", number)

    def device(self, name: str) -> Device | None:
        """By name, which is case-sensitive."""
        return self._devices.get(name)

    def devices(self) -> Collection[Device]:
        return self._devices.values()

    def devices_of(self, userid: str) -> tuple[Device, ...]:
        return self._devices.group("owner", userid)

    def devices_with_line(self, number: str) -> tuple[Device, ...]:
        return self._devices.group("line", number)

    def service_profile(self, name: str) -> ServiceProfile | None:
        return self._profiles.get(name)

    def service_profiles(self) -> Collection[ServiceProfile]:
        return self._profiles.values()

    def default_service_profile(self) -> ServiceProfile:
        return self._profiles.group("default", "yes")[0]

    def profile_of(self, user: User) -> ServiceProfile:
        """The user's own service profile, else the default one."""
        return self._profiles.get(user.service_profile) or self.default_service_profile()

    def users_with_profile(self, name: str) -> tuple[User, ...]:
        return self._users.group("profile", name)

    def uc_service(self, name: str) -> UcService | None:
        return self._uc_services.get(name)

    def uc_services(self) -> Collection[UcService]:
        return self._uc_services.values()

    def profiles_with_service(self, name: str) -> tuple[ServiceProfile, ...]:
        return self._profiles.group("service", name)

    def edge_node(self, name: str) -> EdgeNode | None:
        return self._edge_nodes.get(name)

    def edge_nodes(self) -> Collection[EdgeNode]:
        return self._edge_nodes.values()

    def edge_nodes_named(self, name: str) -> tuple[EdgeNode, ...]:
        """Those whose certificate has this name, given in lower case."""
        return self._edge_nodes.group("name", name)

    def entries(self) -> Iterator[Entry]:
        """Everything; what is referred to comes before what refers to it."""
        for table in self._tables().values():
            yield from table.values()

    def get(self, kind: EntryKind, key: str) -> Entry | None:
        found: Entry | None = self._tables()[kind].get(key)
        return found

    def with_pkid(self, pkid: str) -> Entry | None:
        known = self._pkids.get(pkid)
        return None if known is None else self.get(*known)

    def keep(self, entry: Entry) -> None:
        """Add it, or put it in the place of the one with the same key."""
        self._keep(entry)
        if isinstance(entry, User):
            self._search.put(entry)

    def drop(self, kind: EntryKind, key: str) -> None:
        entry = self._tables()[kind].drop(key)
        if entry is not None:
            self._pkids.pop(entry.pkid, None)
        if kind is User:
            self._search.remove(key)

    def fill(self, entries: Iterable[Entry]) -> None:
        """Replace everything at once."""
        vars(self).update(vars(Memory()))
        for entry in entries:
            self._keep(entry)
        self._search.fill(self._users.values())

    def copy(self) -> Memory:
        """One to try changes on."""
        fresh = Memory()
        fresh.fill(self.entries())
        return fresh

    def _keep(self, entry: Entry) -> None:
        key = key_of(entry)
        if (known := self.get(type(entry), key)) is not None:
            self._pkids.pop(known.pkid, None)
        self._pkids[entry.pkid] = (type(entry), key)
        self._tables()[type(entry)].put(key, entry)

    def _tables(self) -> dict[EntryKind, _Table[Any]]:
        return {
            UcService: self._uc_services,
            ServiceProfile: self._profiles,
            User: self._users,
            Line: self._lines,
            Device: self._devices,
            EdgeNode: self._edge_nodes,
        }
