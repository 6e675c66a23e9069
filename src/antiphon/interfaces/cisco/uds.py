"""User Data Services, `/cucm-uds/…` on 8443: what a client asks between DNS and its service profile.

Reading only. `version`, `servers` and `clusterUser` need no sign-in, `users` none unless it is switched on;
everything below `/user/…` is for that user alone. Source: S0-29, S1-29, S2-72, S2-83.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from antiphon.interfaces.cisco.credentials import Identity, principal_of
from antiphon.interfaces.cisco.uds_documents import UdsDocuments, error_document
from antiphon.interfaces.cisco.uds_errors import BAD_PAGE, NO_QUESTION, NO_SUCH_RESOURCE, NOT_YOURS
from antiphon.interfaces.cisco.verbs import Handler, ReadOnly
from antiphon.kernel.errors import WIRE, DomainError, Fault
from antiphon.model import User
from antiphon.services.directory.ports import Readable
from antiphon.services.discovery.service import Discovery
from antiphon.services.provisioning.service import Provisioning

log = logging.getLogger(__name__)

SEARCH_LIMIT = 64
"""Entries of one search, whatever was asked for; the page says how many there are."""
_MAX_TEXT = 128
_MAX_START = 1_000_000

_FIELDS = {
    "name": "name",
    "first": "first",
    "last": "last",
    "displayname": "displayname",
    "number": "number",
    "email": "email",
    "username": "userid",
}
"""Query parameter → field of the directory's search; the first that is there counts."""

HEADERS = {
    "Cache-Control": "private",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Type": "application/xml",
}

_ForUser = Callable[[Request, User], bytes | None]


class Uds:
    """The resources. Answers come from memory; only a password that is not cached takes time."""

    def __init__(
        self,
        base: str,
        discovery: Discovery,
        directory: Readable,
        provisioning: Provisioning,
        identity: Identity,
        users_auth: bool = False,
        search_limit: int = SEARCH_LIMIT,
    ) -> None:
        """`base` is this node's origin, e.g. `https://cucm1.example.test:8443`: answers never repeat a Host header."""
        self._discovery = discovery
        self._directory = directory
        self._identity = identity
        self._users_auth = users_auth
        self._limit = search_limit
        self._documents = UdsDocuments(base, provisioning, users_auth)

    def routes(self) -> list[BaseRoute]:
        documents, directory = self._documents, self._directory
        below: dict[str, _ForUser] = {
            "": lambda _, user: documents.user(user),
            "/devices": lambda _, user: documents.devices(user.userid, directory.devices_of(user.userid)),
            "/device/{pkid}": self._device,
            "/extensions": lambda _, user: documents.extensions(user.userid, directory.lines_of(user.userid)),
            "/speedDials": lambda _, user: documents.speed_dials(user.userid),
            "/subscribedServices": lambda _, user: documents.subscribed_services(user.userid),
            "/credentials": lambda _, user: documents.credentials(user.userid),
        }
        open_to_all: dict[str, Handler] = {
            "/version": self._version,
            "/servers": self._servers,
            "/clusterUser": self._cluster_user,
            "/users": self._users,
            "/options/installedLocales": self._locales,
        }
        return [
            *(Route(f"/cucm-uds{path}", ReadOnly(handler)) for path, handler in open_to_all.items()),
            *(
                Route(f"/cucm-uds/user/{{userid}}{path}", ReadOnly(self._own(make)))
                for path, make in below.items()
            ),
        ]

    async def _version(self, request: Request) -> Response:
        return _document(self._documents.version())

    async def _servers(self, request: Request) -> Response:
        return _document(self._documents.servers(node.name for node in self._discovery.servers))

    async def _locales(self, request: Request) -> Response:
        return _document(self._documents.installed_locales())

    async def _cluster_user(self, request: Request) -> Response:
        asked = request.query_params
        known = {name: asked.get(name, "")[:_MAX_TEXT] for name in ("username", "email", "useridentifier")}
        if not any(known.values()):
            return _error(NO_QUESTION)
        home = self._discovery.home_of(known["username"], known["email"], known["useridentifier"])
        return _document(self._documents.cluster_user(_query(request), home))

    async def _users(self, request: Request) -> Response:
        if self._users_auth:
            who = await principal_of(request, self._identity)
            if isinstance(who, Response):
                return who
        asked = request.query_params
        start = _count(asked, "start", 0)
        requested = _count(asked, "max", self._limit)
        if start is None or requested is None:
            return _error(BAD_PAGE)
        parameter = next((name for name in _FIELDS if asked.get(name)), "name")
        text = asked.get(parameter, "")[:_MAX_TEXT]
        try:
            page = self._directory.search(text, _FIELDS[parameter], start, min(requested, self._limit))
        except DomainError as error:
            return _error(error.fault)
        return _document(self._documents.users(_query(request), page.users, start, requested, page.total))

    def _device(self, request: Request, user: User) -> bytes | None:
        pkid = request.path_params["pkid"]
        device = next((d for d in self._directory.devices_of(user.userid) if d.pkid == pkid), None)
        return self._documents.device(user.userid, device) if device is not None else None

    def _own(self, make: _ForUser) -> Handler:
        """A resource of one user: for that user only, whoever else asks has no right to know whether it is there."""

        async def handler(request: Request) -> Response:
            who = await principal_of(request, self._identity)
            if isinstance(who, Response):
                return who
            if request.path_params["userid"].lower() != who.userid:
                log.info("foreign resource refused", extra={"code": NOT_YOURS.code, "userid": who.userid})
                return _error(NOT_YOURS)
            user = self._directory.user(who.userid)
            body = make(request, user) if user is not None else None
            return _error(NO_SUCH_RESOURCE) if body is None else _document(body)

        return handler


def _query(request: Request) -> str:
    query: bytes = request.scope.get("query_string", b"")
    return query.decode("latin-1")


def _count(asked: Mapping[str, str], name: str, default: int) -> int | None:
    text = asked.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return None
    return min(int(text), _MAX_START)


def _document(body: bytes, status: int = 200) -> Response:
    return Response(body, status, HEADERS)


def _error(fault: Fault) -> Response:
    return _document(error_document(fault.code, fault.what), WIRE[fault.kind].http)
