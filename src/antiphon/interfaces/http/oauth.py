"""OAuth 2.0 over HTTP, under the paths that the line side's clients ask for.

Source: RFC 6749 §5, RFC 7009, RFC 7517 §5, RFC 8414, RFC 8628 §3; S1-78, S3-27.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from antiphon.interfaces.http import forms
from antiphon.interfaces.http.administrator import administrator_or_basic, source_of
from antiphon.interfaces.http.pages.catalogue import LOCALES
from antiphon.interfaces.http.problem import answering
from antiphon.interfaces.http.sign_in import SignIn
from antiphon.kernel.errors import DomainError, Fault
from antiphon.kernel.time import Clock
from antiphon.protocols.oauth import metadata as paths
from antiphon.services.identity import errors
from antiphon.services.identity.authorization import AuthorizationServer
from antiphon.services.identity.grants import DEVICE_INTERVAL_S, DEVICE_VALID_S
from antiphon.services.identity.service import TokenSet

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

# Source: RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5.
NAMES = {
    errors.BAD_REQUEST.code: "invalid_request",
    errors.UNKNOWN_CLIENT.code: "invalid_client",
    errors.BAD_CREDENTIALS.code: "invalid_grant",
    errors.BAD_GRANT.code: "invalid_grant",
    errors.GRANT_NOT_ALLOWED.code: "unauthorized_client",
    errors.UNSUPPORTED_GRANT.code: "unsupported_grant_type",
    errors.BAD_SCOPE.code: "invalid_scope",
    errors.PENDING.code: "authorization_pending",
    errors.SLOW_DOWN.code: "slow_down",
    errors.DENIED.code: "access_denied",
    errors.EXPIRED.code: "expired_token",
    errors.TOO_MANY_ATTEMPTS.code: "temporarily_unavailable",
    errors.BUSY.code: "temporarily_unavailable",
}


def routes(server: AuthorizationServer, clock: Clock, version: str = "12.5.1") -> list[BaseRoute]:
    """For the 8443 listener. `version` is the interface version that `singleSignOn` announces."""
    endpoints = OAuth(server, clock, version)
    pages = SignIn(server, clock)
    return [*endpoints.routes(), *pages.routes()]


def public_routes(server: AuthorizationServer, clock: Clock, version: str = "12.5.1") -> list[BaseRoute]:
    """For nodes that issue no tokens but are asked about sign-in all the same, such as the chat servers."""
    return OAuth(server, clock, version).public_routes()


class OAuth:
    def __init__(self, server: AuthorizationServer, clock: Clock, version: str) -> None:
        self._server = server
        self._identity = server.identity
        self._clock = clock
        self._version = version

    def routes(self) -> Sequence[BaseRoute]:
        return [
            *self.public_routes(),
            Route(paths.TOKEN, self.token, methods=["POST"]),
            Route(paths.DEVICE_AUTHORIZATION, self.device_authorization, methods=["POST"]),
            Route(paths.REVOKE, self.revoke, methods=["POST"]),
            Route("/ssosp/token/revoke", answering(self.revoke_user), methods=["GET", "POST", "DELETE"]),
        ]

    def public_routes(self) -> list[BaseRoute]:
        return [
            Route(paths.METADATA, self.metadata),
            Route(paths.JWKS, self.keys),
            Route(paths.KEYS, self.keys),
            Route("/ssosp/ws/public/singleSignOn", self.single_sign_on),
        ]

    async def metadata(self, _: Request) -> Response:
        settings = self._identity.settings
        document = paths.metadata(
            self._identity.issuer,
            password_grant=settings.password_grant,
            implicit_grant=settings.implicit_grant,
            locales=LOCALES,
        )
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=60"})

    async def keys(self, _: Request) -> Response:
        return JSONResponse(
            self._identity.keys.jwks(self._clock.wall()),
            headers={"Cache-Control": "public, max-age=60"},
            media_type="application/jwk-set+json",
        )

    async def token(self, request: Request) -> Response:
        try:
            tokens = await self._server.token(await forms.form(request), source_of(request))
        except DomainError as error:
            return refused(error)
        return JSONResponse(_answer(tokens), headers=_NO_STORE)

    async def device_authorization(self, request: Request) -> Response:
        try:
            grant = self._server.start_device(await forms.form(request))
        except DomainError as error:
            return refused(error)
        shown = f"{grant.user_code[:4]}-{grant.user_code[4:]}"
        where = self._identity.issuer + paths.VERIFICATION
        answer = {
            "device_code": grant.device_code,
            "user_code": shown,
            "verification_uri": where,
            "verification_uri_complete": f"{where}?user_code={shown}",
            "expires_in": int(DEVICE_VALID_S),
            "interval": int(DEVICE_INTERVAL_S),
        }
        return JSONResponse(answer, headers=_NO_STORE)

    async def revoke(self, request: Request) -> Response:
        try:
            given = await forms.form(request)
            client = self._server.client(given.get("client_id", ""))
            if not given.get("token"):
                raise errors.BAD_REQUEST.error("token")
            await self._identity.revoke_token(given["token"], client.client_id)
        except DomainError as error:
            return refused(error)
        return Response(headers=_NO_STORE)

    async def revoke_user(self, request: Request) -> Response:
        """All refresh tokens of a user, or of one client of theirs. Source: wire format of the refresh login flow."""
        await administrator_or_basic(request, self._identity)
        userid = request.query_params.get("user_id", "")
        user = self._identity.account(userid)
        if user is None:
            raise errors.UNKNOWN_USER.error()
        client_id = request.query_params.get("client_id", "")
        ended = await self._identity.revoke(userid=user.userid, client_id=client_id)
        return JSONResponse({"user_id": user.userid, "revoked": ended}, headers=_NO_STORE)

    async def single_sign_on(self, _: Request) -> Response:
        body = (
            f'<Response><SingleSignOn version="{self._version}"><Status enabled="true"/>'
            '<OAuth enabled="true" codeGrant="true"/></SingleSignOn></Response>'
        )
        return Response(body, media_type="text/xml", headers={"Cache-Control": "no-cache"})


def oauth_name(fault: Fault) -> str:
    return NAMES.get(fault.code, "server_error")


def refused(error: DomainError) -> Response:
    headers = dict(_NO_STORE)
    status = 400
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
        status = 429 if error.fault is errors.TOO_MANY_ATTEMPTS else 503
    body = {
        "error": oauth_name(error.fault),
        "error_description": f"{error.fault.what} {error.fault.fix}",
        "code": error.code,
    }
    return JSONResponse(body, status, headers)


def _answer(tokens: TokenSet) -> dict[str, object]:
    answer: dict[str, object] = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
        "scope": tokens.scope,
    }
    if tokens.refresh_token:
        answer["refresh_token"] = tokens.refresh_token
        answer["refresh_token_expires_in"] = tokens.refresh_token_expires_in
    return answer
