"""The directory over HTTP: `/api/v1/users`, `/lines`, `/devices`, `/service-profiles`, `/uc-services`,
`/edge-nodes`.

Changes need an administrator; everybody may read their own user, lines and devices. Every change can be tried with
`?dry_run=true`. Entries have ETags; `If-Match` and `If-None-Match: *` are heeded (RFC 9110 §13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from antiphon import __version__
from antiphon.interfaces.http import directory_bodies as bodies
from antiphon.interfaces.http.api_errors import BAD_REQUEST, CHANGED_SINCE, INTERNAL, NO_RESOURCE, NOT_ALLOWED
from antiphon.interfaces.http.guard import Guard, Tokens
from antiphon.interfaces.http.problem import problem
from antiphon.kernel.bus import Bus
from antiphon.kernel.codec import encode
from antiphon.kernel.errors import DomainError
from antiphon.model import Device, EdgeNode, Line, Principal, ServiceProfile, UcService, User
from antiphon.services.directory import errors
from antiphon.services.directory.csv_import import import_csv
from antiphon.services.directory.events import EntryAudited
from antiphon.services.directory.memory import Entry, EntryKind, key_of
from antiphon.services.directory.search import MAX_LIMIT
from antiphon.services.directory.service import NOT_FOUND, Directory

PREFIX = "/api/v1"
_LIMIT = Query(100, ge=1, le=MAX_LIMIT)
_DRY_RUN = Query(False, description="Check the change and answer as if it were made, without making it.")


class Passwords(Protocol):
    """Where passwords are kept."""

    async def set_password(self, userid: str, password: str) -> None: ...


class NewPassword(BaseModel):
    model_config = bodies.STRICT | {"str_strip_whitespace": False}
    password: str = Field(min_length=1, max_length=1024)


@dataclass(frozen=True)
class Resource:
    """One kind of entry under one path."""

    path: str
    kind: EntryKind
    key: str
    all: Callable[[], Iterable[Entry]]

    def owner(self, entry: Entry) -> str:
        """Whose it is; empty for what is no person's."""
        if isinstance(entry, User):
            return entry.userid
        return entry.owner if isinstance(entry, Line | Device) else ""


class Api:
    """The handlers of all resources."""

    def __init__(self, directory: Directory, passwords: Passwords, bus: Bus) -> None:
        self._directory = directory
        self._passwords = passwords
        self._bus = bus
        self.resources = (
            Resource("users", User, "userid", directory.users),
            Resource("lines", Line, "number", directory.lines),
            Resource("devices", Device, "name", directory.devices),
            Resource("service-profiles", ServiceProfile, "name", directory.service_profiles),
            Resource("uc-services", UcService, "name", directory.uc_services),
            Resource("edge-nodes", EdgeNode, "name", directory.edge_nodes),
        )

    def register(self, app: FastAPI, resource: Resource) -> None:
        """Routes of one resource. Bodies differ by resource, so their types are set on the handlers here."""
        whole = bodies.body_model(resource.kind, resource.key)
        part = bodies.body_model(resource.kind, resource.key, partial=True)

        async def read_all(
            request: Request,
            limit: int = _LIMIT,
            cursor: str = "",
            owner: str = "",
            q: str = "",
            field: str = "name",
        ) -> Response:
            return self._page(resource, request, limit, cursor, owner, q, field)

        async def read(request: Request, key: str) -> Response:
            entry = self._directory.get(resource.kind, key)
            principal: Principal = request.state.principal
            if not principal.admin and (entry is None or resource.owner(entry) != principal.userid):
                raise NOT_ALLOWED.error()
            if entry is None:
                raise NOT_FOUND[resource.kind].error(key)
            if bodies.etag(entry) in bodies.wanted(request.headers, "if-none-match"):
                return Response(status_code=304, headers={"ETag": bodies.etag(entry)})
            return _answer(entry)

        async def add(request: Request, body: Any, dry_run: bool = _DRY_RUN) -> Response:
            entry = _entry(resource, body)

            def edit(known: Entry | None) -> Entry:
                if known is not None:
                    raise errors.EXISTS.error(key_of(entry))
                return entry

            return await self._write(request, resource, key_of(entry), edit, dry_run)

        async def put(request: Request, key: str, body: Any, dry_run: bool = _DRY_RUN) -> Response:
            entry = _entry(resource, body)
            if key_of(entry) != key:
                raise BAD_REQUEST.error(f"{resource.key}: not the one in the path")

            def edit(known: Entry | None) -> Entry:
                _check_preconditions(request, known)
                return entry

            return await self._write(request, resource, key, edit, dry_run)

        async def change(request: Request, key: str, body: Any, dry_run: bool = _DRY_RUN) -> Response:
            values = bodies.given(body)

            def edit(known: Entry | None) -> Entry:
                if known is None:
                    raise NOT_FOUND[resource.kind].error(key)
                _check_preconditions(request, known)
                return replace(known, **values)

            return await self._write(request, resource, key, edit, dry_run)

        async def remove(request: Request, key: str, dry_run: bool = _DRY_RUN) -> Response:
            if dry_run:
                _check_preconditions(request, self._directory.planned_removal(resource.kind, key))
            else:
                await self._directory.remove(
                    resource.kind,
                    key,
                    actor=request.state.principal.userid,
                    guard=lambda entry: _check_preconditions(request, entry),
                )
            return Response(status_code=204)

        add.__annotations__["body"] = put.__annotations__["body"] = whole
        change.__annotations__["body"] = part
        one, noun = f"/{resource.path}/{{key}}", resource.kind.__name__
        shape: dict[int | str, dict[str, Any]] = {200: {"model": whole}}
        app.get(f"/{resource.path}", operation_id=f"list{noun}s", tags=[noun])(read_all)
        app.post(f"/{resource.path}", operation_id=f"add{noun}", status_code=201, tags=[noun])(add)
        app.get(one, operation_id=f"get{noun}", responses=shape, tags=[noun])(read)
        app.put(one, operation_id=f"put{noun}", responses=shape, tags=[noun])(put)
        app.patch(one, operation_id=f"change{noun}", responses=shape, tags=[noun])(change)
        app.delete(one, operation_id=f"remove{noun}", status_code=204, tags=[noun])(remove)

    async def set_password(self, request: Request, key: str, body: NewPassword) -> Response:
        if self._directory.get(User, key) is None:
            raise NOT_FOUND[User].error(key)
        await self._passwords.set_password(key, body.password)
        self._bus.publish(EntryAudited(request.state.principal.userid, "change", "user", key, ("password",)))
        return Response(status_code=204)

    async def import_table(self, request: Request, dry_run: bool = _DRY_RUN) -> Response:
        """Users with their lines and devices from CSV: all or none."""
        actor = request.state.principal.userid
        report = await import_csv(self._directory, await request.body(), dry_run=dry_run, actor=actor)
        return JSONResponse(encode(report), 422 if report.errors else 200)

    def _page(
        self, resource: Resource, request: Request, limit: int, cursor: str, owner: str, q: str, field: str
    ) -> Response:
        principal: Principal = request.state.principal
        if not principal.admin and (owner != principal.userid or resource.kind not in (Line, Device)):
            raise NOT_ALLOWED.error()
        after = bodies.read_cursor(cursor) if cursor else ""
        if q and resource.kind is User:
            start = _position(after) if cursor else 0
            found = self._directory.search(q, field, start, limit)
            more = start + len(found.users) < found.total
            return _list(found.users, str(start + limit) if more else "", found.total)
        entries = sorted(
            (entry for entry in resource.all() if not owner or resource.owner(entry) == owner), key=key_of
        )
        rest = [entry for entry in entries if key_of(entry) > after]
        page = rest[:limit]
        return _list(page, key_of(page[-1]) if len(rest) > limit else "", len(entries))

    async def _write(
        self,
        request: Request,
        resource: Resource,
        key: str,
        edit: Callable[[Entry | None], Entry],
        dry_run: bool,
    ) -> Response:
        status = 200 if self._directory.get(resource.kind, key) is not None else 201
        if dry_run:
            return _answer(self._directory.planned(resource.kind, key, edit))
        entry = await self._directory.edit(resource.kind, key, edit, actor=request.state.principal.userid)
        return _answer(entry, status)


def _position(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise BAD_REQUEST.error("cursor: use the one that the page before gave")
    return int(cursor)


def _entry(resource: Resource, body: BaseModel) -> Entry:
    values = {name: getattr(body, name) for name in type(body).model_fields}
    entry: Entry = resource.kind(**values)
    return entry


def _check_preconditions(request: Request, known: Entry | None) -> None:
    """Source: RFC 9110 §13.1.1, §13.1.2."""
    tag = bodies.etag(known) if known is not None else ""
    match = bodies.wanted(request.headers, "if-match")
    if match and (known is None or (tag not in match and "*" not in match)):
        raise CHANGED_SINCE.error()
    none_match = bodies.wanted(request.headers, "if-none-match")
    if known is not None and ("*" in none_match or tag in none_match):
        raise CHANGED_SINCE.error()


def _answer(entry: Entry, status: int = 200) -> Response:
    return JSONResponse(encode(entry), status, {"ETag": bodies.etag(entry), "Cache-Control": "no-store"})


def _list(entries: Iterable[Entry], after: str, total: int) -> Response:
    items = [encode(entry) | {"etag": bodies.etag(entry)} for entry in entries]
    page = {"items": items, "next": bodies.cursor(after) if after else None, "total": total}
    return JSONResponse(page, headers={"Cache-Control": "no-store"})


async def _domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return problem(error, 412 if error.code == CHANGED_SINCE.code else 0)


async def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][:6])
    return problem(BAD_REQUEST.error(f"{where}: {first['msg']}"[:300]))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = problem((NO_RESOURCE if error.status_code == 404 else BAD_REQUEST).error(), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _fault_inside(request: Request, error: Exception) -> Response:
    # It goes on to the guard after this answer, which logs it.
    return problem(INTERNAL.error(), 500)


def create_app(directory: Directory, passwords: Passwords, bus: Bus) -> FastAPI:
    """The inner app: it relies on the `Guard` before it. Its document is at `/openapi.json`."""
    app = FastAPI(
        title="Antiphon", version=__version__, docs_url=None, redoc_url=None, root_path_in_servers=False
    )
    api = Api(directory, passwords, bus)
    for resource in api.resources:
        api.register(app, resource)
    app.post("/users/{key}/password", operation_id="setPassword", status_code=204, tags=["User"])(
        api.set_password
    )
    app.post("/import", operation_id="importTable", tags=["User"])(api.import_table)
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault_inside)
    return app


class _Mounted(Mount):
    """Takes only the paths of this app, so that other parts of the API can stand beside it in any order."""

    def __init__(self, app: FastAPI, tokens: Tokens) -> None:
        super().__init__(PREFIX, app=Guard(app, tokens))
        paths = [route.path for route in app.routes if isinstance(route, Route)]
        self._first = {path.split("/")[1] for path in paths}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if match is Match.NONE:
            return match, child
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(PREFIX)
        return (match, child) if path.split("/")[1] in self._first else (Match.NONE, {})


def routes(directory: Directory, tokens: Tokens, passwords: Passwords, bus: Bus) -> list[BaseRoute]:
    """For port 8443. `tokens` and `passwords` are the identity service."""
    return [_Mounted(create_app(directory, passwords, bus), tokens)]
