"""Sign-ins, signing keys and identity's settings over HTTP: `/api/v1/identity`.

Everybody sees and ends their own sign-ins and changes their own password; administrators do so for all.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from antiphon.interfaces.http import forms
from antiphon.interfaces.http.administrator import administrator, bearer, source_of
from antiphon.interfaces.http.problem import answering
from antiphon.kernel.time import Clock
from antiphon.services.identity import Identity
from antiphon.services.identity.errors import BAD_REQUEST, FORBIDDEN
from antiphon.services.identity.sessions import Session

PREFIX = "/api/v1/identity"


def routes(identity: Identity, clock: Clock) -> list[BaseRoute]:
    return IdentityApi(identity, clock).routes()


class IdentityApi:
    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{PREFIX}/token", answering(self.token), methods=["GET"]),
            Route(f"{PREFIX}/password", answering(self.password), methods=["POST"]),
            Route(f"{PREFIX}/sessions", answering(self.sessions), methods=["GET"]),
            Route(f"{PREFIX}/sessions", answering(self.end_all), methods=["DELETE"]),
            Route(PREFIX + "/sessions/{session_id}", answering(self.end_one), methods=["DELETE"]),
            Route(f"{PREFIX}/keys", answering(self.keys), methods=["GET"]),
            Route(f"{PREFIX}/keys", answering(self.rotate), methods=["POST"]),
            Route(f"{PREFIX}/settings", answering(self.settings), methods=["GET"]),
            Route(f"{PREFIX}/settings", answering(self.change_settings), methods=["PATCH"]),
        ]

    async def token(self, request: Request) -> Response:
        """What the presented token says."""
        principal = bearer(request, self._identity)
        return JSONResponse(
            {
                "userid": principal.userid,
                "client_id": principal.client_id,
                "scope": " ".join(sorted(principal.scopes)),
                "session_id": principal.session_id,
                "token_id": principal.token_id,
                "expires_at": principal.expires_at,
                "admin": principal.admin,
            }
        )

    async def password(self, request: Request) -> Response:
        """A new password for oneself; the current one is asked for, because a token may be in the wrong hands."""
        principal = bearer(request, self._identity)
        given = await forms.json_object(request)
        current, new = given.get("current"), given.get("new")
        if not isinstance(current, str) or not isinstance(new, str):
            raise BAD_REQUEST.error("current and new are texts")
        await self._identity.verify_password(principal.userid, current, source_of(request))
        await self._identity.set_password(principal.userid, new)
        return Response(status_code=204)

    async def sessions(self, request: Request) -> Response:
        principal = bearer(request, self._identity)
        asked = request.query_params.get("userid", "" if principal.admin else principal.userid)
        if asked != principal.userid and not principal.admin:
            raise FORBIDDEN.error()
        return JSONResponse({"items": [_described(session) for session in self._identity.sessions(asked)]})

    async def end_all(self, request: Request) -> Response:
        principal = bearer(request, self._identity)
        userid = request.query_params.get("userid", principal.userid)
        if userid != principal.userid and not principal.admin:
            raise FORBIDDEN.error()
        ended = await self._identity.revoke(
            userid=userid, client_id=request.query_params.get("client_id", "")
        )
        return JSONResponse({"revoked": ended})

    async def end_one(self, request: Request) -> Response:
        principal = bearer(request, self._identity)
        session_id = request.path_params["session_id"]
        own = {session.session_id for session in self._identity.sessions(principal.userid)}
        if session_id not in own and not principal.admin:
            raise FORBIDDEN.error()
        return JSONResponse({"revoked": await self._identity.revoke(session_id=session_id)})

    async def keys(self, request: Request) -> Response:
        administrator(request, self._identity)
        return JSONResponse({"items": self._identity.keys.describe(self._clock.wall())})

    async def rotate(self, request: Request) -> Response:
        administrator(request, self._identity)
        given = await forms.json_object(request)
        await self._identity.rotate_keys(at_once=given.get("at_once") is True)
        return JSONResponse({"items": self._identity.keys.describe(self._clock.wall())}, 201)

    async def settings(self, request: Request) -> Response:
        administrator(request, self._identity)
        return JSONResponse(dataclasses.asdict(self._identity.settings))

    async def change_settings(self, request: Request) -> Response:
        administrator(request, self._identity)
        changed = await self._identity.change_settings(**_named(await forms.json_object(request)))
        return JSONResponse(dataclasses.asdict(changed))


def _named(given: dict[str, Any]) -> dict[str, Any]:
    if not given:
        raise BAD_REQUEST.error("no setting is named")
    return given


def _described(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "userid": session.userid,
        "client_id": session.client_id,
        "scope": session.scope,
        "method": session.method,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
    }
