"""The directory behind its HTTP interface: single requests for commands, and a mirror for whoever asks all the time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2

from antiphon.client.errors import SERVER_UNREACHABLE, UNEXPECTED_ANSWER
from antiphon.io.http_client import MAX_BODY
from antiphon.kernel.bus import Bus, Event, EventsMissed
from antiphon.kernel.codec import CodecError, decode, encode
from antiphon.kernel.errors import DomainError, Fault, Kind
from antiphon.kernel.tasks import Tasks
from antiphon.model import Device, EdgeNode, Line, ServiceProfile, UcService, User
from antiphon.services.directory.csv_import import ImportReport
from antiphon.services.directory.events import EntryAudited
from antiphon.services.directory.facts import KINDS, fact
from antiphon.services.directory.memory import Entry, EntryKind, Memory, key_of
from antiphon.services.directory.search import DEFAULT_LIMIT, SearchPage

log = logging.getLogger(__name__)

PATHS: dict[EntryKind, str] = {
    UcService: "uc-services",
    ServiceProfile: "service-profiles",
    User: "users",
    Line: "lines",
    Device: "devices",
    EdgeNode: "edge-nodes",
}
_PAGE = 500
_KINDS = {
    400: Kind.INVALID,
    408: Kind.INVALID,
    413: Kind.INVALID,
    422: Kind.INVALID,
    401: Kind.UNAUTHENTICATED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    412: Kind.CONFLICT,
}
T = TypeVar("T")
E = TypeVar("E", User, Line, Device, ServiceProfile, UcService, EdgeNode)


class DirectoryClient:
    """One request a call. `base_url` is the server's origin; `token` gives an access token that is fresh.

    Raises what the server raises, with its code; AP-CLIENT-004 where none answers.
    """

    def __init__(self, http: httpx2.AsyncClient, base_url: str, token: Callable[[], Awaitable[str]]) -> None:
        self._http = http
        self._base = base_url.rstrip("/") + "/api/v1"
        self._token = token

    async def get(self, kind: type[E], key: str) -> E | None:
        found = await self.find(kind, key)
        assert found is None or isinstance(found, kind)
        return found

    async def find(self, kind: EntryKind, key: str) -> Entry | None:
        """As `get`, where the kind is not known when this is written."""
        try:
            data = await self._json("GET", _path(kind, key))
        except DomainError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise
        found: Entry = _entry(kind, data)
        return found

    async def all(self, kind: type[E], owner: str = "") -> list[E]:
        entries: list[E] = []
        params = {"limit": str(_PAGE)} | ({"owner": owner} if owner else {})
        while True:
            page = await self._json("GET", f"/{PATHS[kind]}", params=params)
            entries += [_entry(kind, item) for item in page["items"]]
            if not page["next"]:
                return entries
            params["cursor"] = page["next"]

    async def search(self, text: str, field: str = "name", limit: int = DEFAULT_LIMIT) -> SearchPage:
        params = {"q": text, "field": field, "limit": str(limit)}
        page = await self._json("GET", "/users", params=params)
        return SearchPage(tuple(_entry(User, item) for item in page["items"]), page["total"])

    async def put(self, entry: E, *, create: bool = False, dry_run: bool = False) -> E:
        kind = type(entry)
        method, path = ("POST", f"/{PATHS[kind]}") if create else ("PUT", _path(kind, key_of(entry)))
        return _entry(kind, await self._json(method, path, json=encode(entry), dry_run=dry_run))

    async def change(self, kind: type[E], key: str, values: dict[str, Any], *, dry_run: bool = False) -> E:
        """Only the named fields; values in their JSON form."""
        return _entry(kind, await self._json("PATCH", _path(kind, key), json=values, dry_run=dry_run))

    async def remove(self, kind: EntryKind, key: str, *, dry_run: bool = False) -> None:
        await self._json("DELETE", _path(kind, key), dry_run=dry_run)

    async def set_password(self, userid: str, password: str) -> None:
        await self._json("POST", _path(User, userid) + "/password", json={"password": password})

    async def import_csv(self, data: bytes, *, dry_run: bool = False) -> ImportReport:
        """A report with errors means that nothing was kept."""
        answer = await self._send("POST", "/import", content=data, dry_run=dry_run)
        if answer.status_code == 422:
            return decode(ImportReport, answer.json())
        return decode(ImportReport, _checked(answer))

    async def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return _checked(await self._send(method, path, **options))

    async def _send(
        self, method: str, path: str, *, dry_run: bool = False, **options: Any
    ) -> httpx2.Response:
        if dry_run:
            options["params"] = {**options.get("params", {}), "dry_run": "true"}
        headers = {"Authorization": f"Bearer {await self._token()}"}
        try:
            return await self._http.request(method, self._base + path, headers=headers, **options)
        except httpx2.HTTPError as error:
            raise SERVER_UNREACHABLE.error(f"{self._base}: {error or type(error).__name__}") from error


class RemoteDirectory(Memory):
    """A mirror of the directory of another process. Implements `ports.DirectoryPort`.

    `load` before use; `follow` keeps it fresh. Its own changes are seen in it at once. Who made a change is whom the
    token belongs to, so `actor` counts for nothing here.
    """

    def __init__(self, client: DirectoryClient) -> None:
        super().__init__()
        self._client = client
        self._bus: Bus | None = None

    async def load(self) -> None:
        entries: list[Entry] = []
        entries += await self._client.all(UcService)
        entries += await self._client.all(ServiceProfile)
        entries += await self._client.all(User)
        entries += await self._client.all(Line)
        entries += await self._client.all(Device)
        entries += await self._client.all(EdgeNode)
        self.fill(entries)

    def follow(self, bus: Bus, tasks: Tasks) -> None:
        """Read again what the bus says has changed, then tell it here; everything, where the bus has lost something."""

        self._bus = bus

        def changed(event: EntryAudited) -> None:
            tasks.spawn(self._refresh(KINDS[event.kind], event.key), f"directory mirror {event.key}")

        def missed(_: EventsMissed) -> None:
            tasks.spawn(self._refresh_all(), "directory mirror")

        bus.subscribe(EntryAudited, changed)
        bus.subscribe(EventsMissed, missed)

    async def put_user(self, user: User, *, create: bool = False, actor: str = "") -> User:
        return await self._put(user, create)

    async def remove_user(self, userid: str, *, actor: str = "") -> None:
        await self._client.remove(User, userid)
        # What the user owned has changed with it.
        await self._refresh_all()

    async def put_line(self, line: Line, *, create: bool = False, actor: str = "") -> Line:
        return await self._put(line, create)

    async def remove_line(self, number: str, *, actor: str = "") -> None:
        await self._remove(Line, number)

    async def put_device(self, device: Device, *, create: bool = False, actor: str = "") -> Device:
        return await self._put(device, create)

    async def remove_device(self, name: str, *, actor: str = "") -> None:
        await self._remove(Device, name)

    async def put_service_profile(
        self, profile: ServiceProfile, *, create: bool = False, actor: str = ""
    ) -> ServiceProfile:
        kept = await self._put(profile, create)
        # Another one may have ceased to be the default.
        for other in await self._client.all(ServiceProfile):
            self._place(ServiceProfile, other.name, other)
        return kept

    async def remove_service_profile(self, name: str, *, actor: str = "") -> None:
        await self._remove(ServiceProfile, name)

    async def put_uc_service(self, service: UcService, *, create: bool = False, actor: str = "") -> UcService:
        return await self._put(service, create)

    async def remove_uc_service(self, name: str, *, actor: str = "") -> None:
        await self._remove(UcService, name)

    async def put_edge_node(self, edge: EdgeNode, *, create: bool = False, actor: str = "") -> EdgeNode:
        return await self._put(edge, create)

    async def remove_edge_node(self, name: str, *, actor: str = "") -> None:
        await self._remove(EdgeNode, name)

    async def _put(self, entry: E, create: bool) -> E:
        kept = await self._client.put(entry, create=create)
        self._place(type(kept), key_of(kept), kept)
        return kept

    async def _remove(self, kind: EntryKind, key: str) -> None:
        await self._client.remove(kind, key)
        self._place(kind, key, None)

    async def _refresh(self, kind: EntryKind, key: str) -> None:
        self._place(kind, key, await self._client.find(kind, key))

    async def _refresh_all(self) -> None:
        before = {(type(entry), key_of(entry)): entry for entry in self.entries()}
        await self.load()
        after = {(type(entry), key_of(entry)): entry for entry in self.entries()}
        for key in before.keys() | after.keys():
            self._tell(fact(before.get(key), after.get(key)))

    def _place(self, kind: EntryKind, key: str, entry: Entry | None) -> None:
        before = self.get(kind, key)
        if entry is None:
            self.drop(kind, key)
        else:
            self.keep(entry)
        self._tell(fact(before, entry))

    def _tell(self, event: Event | None) -> None:
        if event is not None and self._bus is not None:
            self._bus.publish(event)


def _path(kind: EntryKind, key: str) -> str:
    return f"/{PATHS[kind]}/{quote(key, safe='')}"


def _entry(kind: type[T], data: Any) -> T:
    try:
        return decode(kind, data)
    except CodecError as error:
        raise UNEXPECTED_ANSWER.error(str(error)) from error


def _checked(answer: httpx2.Response) -> dict[str, Any]:
    if len(answer.content) > MAX_BODY:
        raise UNEXPECTED_ANSWER.error("the answer is too long")
    if answer.status_code == 204:
        return {}
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UNEXPECTED_ANSWER.error(f"status {answer.status_code}")
    if answer.is_success:
        return body
    raise _problem(answer.status_code, body)


def _problem(status: int, body: dict[str, Any]) -> DomainError:
    """The server's own error, as if it had been raised here. Source: RFC 9457 §3."""
    if not body.get("code"):
        return UNEXPECTED_ANSWER.error(f"status {status}")
    kind = _KINDS.get(status, Kind.UNAVAILABLE)
    fault = Fault(str(body["code"]), kind, str(body.get("title", "")), str(body.get("fix", "")))
    return fault.error(str(body.get("detail", "")))
