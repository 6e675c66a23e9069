"""The OAuth 2.0 authorization server: which request is valid, and which grant gives tokens.

Source: RFC 6749 with RFC 9700 (PKCE always, exact redirect addresses, rotation), RFC 7636, RFC 8252, RFC 8628, RFC 9207.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode, urlsplit

from antiphon.kernel.errors import DomainError, Fault
from antiphon.kernel.time import Clock
from antiphon.protocols.oauth import pkce
from antiphon.protocols.oauth.clients import ADMIN_SCOPE, DEVICE_GRANT, SCOPE, Client
from antiphon.services.identity.errors import (
    BAD_GRANT,
    BAD_REDIRECT,
    BAD_REQUEST,
    BAD_SCOPE,
    GRANT_NOT_ALLOWED,
    UNKNOWN_CLIENT,
    UNSUPPORTED_GRANT,
)
from antiphon.services.identity.grants import AuthorizationRequest, DeviceGrant, Replayed
from antiphon.services.identity.service import Identity, TokenSet

_MAX_STATE_LENGTH = 2048


class SendBack(Exception):
    """An error that goes to the client's redirect address, which is known to be good."""

    def __init__(self, fault: Fault, redirect_uri: str, state: str, fragment: bool) -> None:
        self.fault = fault
        self.redirect_uri = redirect_uri
        self.state = state
        self.fragment = fragment
        super().__init__(fault.code)


class AuthorizationServer:
    def __init__(self, identity: Identity, clients: Iterable[Client], clock: Clock) -> None:
        self.identity = identity
        self._clients = {client.client_id: client for client in clients}
        self._clock = clock

    def client(self, client_id: str) -> Client:
        """Raises AP-ID-021."""
        try:
            return self._clients[client_id]
        except KeyError:
            raise UNKNOWN_CLIENT.error() from None

    def check(self, given: Mapping[str, str]) -> AuthorizationRequest:
        """A valid request. Raises AP-ID-021 and AP-ID-022, which must be shown and never redirected, or `SendBack`."""
        client = self.client(given.get("client_id", ""))
        redirect_uri = given.get("redirect_uri", "")
        further = self.identity.settings.redirect_uris
        if not client.allows_redirect(redirect_uri) and (client.client_id, redirect_uri) not in further:
            raise BAD_REDIRECT.error()
        response_type = given.get("response_type", "")
        state = given.get("state", "")
        implicit = response_type == "token"

        def refuse(fault: Fault) -> SendBack:
            return SendBack(fault, redirect_uri, state[:_MAX_STATE_LENGTH], implicit)

        if len(state) > _MAX_STATE_LENGTH or not response_type:
            raise refuse(BAD_REQUEST)
        if implicit and not (self.identity.settings.implicit_grant and client.implicit_grant):
            raise refuse(UNSUPPORTED_GRANT)
        if not implicit and response_type != "code":
            raise refuse(UNSUPPORTED_GRANT)
        challenge = given.get("code_challenge", "")
        if not implicit and (
            given.get("code_challenge_method") != "S256" or not pkce.is_challenge(challenge)
        ):
            raise refuse(BAD_REQUEST)
        try:
            scope = _scope(given.get("scope", ""))
        except DomainError as error:
            raise refuse(error.fault) from None
        return AuthorizationRequest(
            client.client_id, client.name, redirect_uri, scope, state, response_type, challenge
        )

    async def answer(self, request: AuthorizationRequest, userid: str) -> str:
        """The address that takes the code (or, implicitly, the token) of a signed-in user back to the client."""
        given: dict[str, str | int]
        if request.response_type == "token":
            scope = self._granted(self.client(request.client_id), userid, request.scope)
            tokens = await self.identity.issue(userid, request.client_id, scope, refresh=False)
            given = {
                "access_token": tokens.access_token,
                "token_type": "Bearer",
                "expires_in": tokens.expires_in,
            }
            return self._back(request.redirect_uri, request.state, True, given)
        code = self.identity.codes.make(request, userid, self._clock.wall())
        return self._back(request.redirect_uri, request.state, False, {"code": code})

    def refusal(self, error: SendBack, name: str) -> str:
        """`name` is the error in OAuth's words."""
        return self._back(
            error.redirect_uri,
            error.state,
            error.fragment,
            {"error": name, "error_description": error.fault.what},
        )

    def _back(self, redirect_uri: str, state: str, fragment: bool, given: dict[str, str | int]) -> str:
        if state:
            given["state"] = state
        given["iss"] = self.identity.issuer
        if fragment:
            return f"{redirect_uri}#{urlencode(given)}"
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return f"{redirect_uri}{joint}{urlencode(given)}"

    # --- the token endpoint ----------------------------------------------------------------------------------------

    async def token(self, given: Mapping[str, str], source: str) -> TokenSet:
        """Raises AP-ID-001 … 003 and AP-ID-020 … 030."""
        grant = given.get("grant_type", "")
        if not grant:
            raise BAD_REQUEST.error("grant_type")
        client = self.client(given.get("client_id", ""))
        match grant:
            case "authorization_code":
                return await self._by_code(client, given)
            case "refresh_token":
                return await self.identity.refresh(given.get("refresh_token", ""), client.client_id)
            case "password":
                return await self._by_password(client, given, source)
            case _ if grant == DEVICE_GRANT:
                return await self._by_device(client, given)
            case _:
                raise UNSUPPORTED_GRANT.error()

    async def _by_code(self, client: Client, given: Mapping[str, str]) -> TokenSet:
        session_id = self.identity.new_session_id()
        try:
            request, userid = self.identity.codes.spend(given.get("code", ""), session_id, self._clock.wall())
        except Replayed as replayed:
            # Somebody else has the code too: what the first one got is not safe (RFC 6749 §4.1.2).
            await self.identity.revoke(session_id=replayed.session_id)
            raise BAD_GRANT.error("code used twice") from None
        if (
            request.client_id != client.client_id
            or request.redirect_uri != given.get("redirect_uri", "")
            or not pkce.verifies(given.get("code_verifier", ""), request.code_challenge)
        ):
            raise BAD_GRANT.error()
        scope = self._granted(client, userid, request.scope)
        return await self.identity.issue(userid, client.client_id, scope, session_id=session_id)

    async def _by_password(self, client: Client, given: Mapping[str, str], source: str) -> TokenSet:
        if not self.identity.settings.password_grant:
            raise UNSUPPORTED_GRANT.error()
        if not client.password_grant:
            raise GRANT_NOT_ALLOWED.error()
        scope = _scope(given.get("scope", ""))
        principal = await self.identity.verify_password(
            given.get("username", ""), given.get("password", ""), source
        )
        granted = self._granted(client, principal.userid, scope)
        return await self.identity.issue(principal.userid, client.client_id, granted)

    def start_device(self, given: Mapping[str, str]) -> DeviceGrant:
        """Raises AP-ID-021, AP-ID-024, AP-ID-026. Source: RFC 8628 §3.1."""
        client = self.client(given.get("client_id", ""))
        if not client.device_grant:
            raise GRANT_NOT_ALLOWED.error()
        scope = _scope(given.get("scope", ""))
        return self.identity.devices.start(client.client_id, client.name, scope, self._clock.wall())

    def find_device(self, typed: str, source: str) -> DeviceGrant | None:
        """By the code a person typed. Guesses are limited per source (RFC 8628 §5.1). Raises AP-ID-002."""
        limited = f"\0device code from {source}"
        self.identity.limiter.attempt(limited, source, self._clock.now())
        grant = self.identity.devices.find(typed, self._clock.wall())
        if grant is not None:
            self.identity.limiter.succeeded(limited, source)
        return grant

    async def _by_device(self, client: Client, given: Mapping[str, str]) -> TokenSet:
        if not client.device_grant:
            raise GRANT_NOT_ALLOWED.error()
        grant = self.identity.devices.poll(given.get("device_code", ""), client.client_id, self._clock.wall())
        scope = self._granted(client, grant.userid, grant.scope)
        return await self.identity.issue(grant.userid, client.client_id, scope)

    def _granted(self, client: Client, userid: str, asked: str) -> str:
        """What was asked for, or the usual scope; with `admin` where user and client may (RFC 6749 §3.3 lets us add it).

        The two clients that may administer are the administrators' own tools: an administrator who signs in there wants
        to administer, and nobody else's token ever says `admin`.
        """
        user = self.identity.account(userid)
        administers = client.may_administer and user is not None and user.admin
        usual = " ".join(name for name in asked.split() if name != ADMIN_SCOPE) or SCOPE
        return f"{usual} {ADMIN_SCOPE}" if administers else usual


def _scope(asked: str) -> str:
    """Raises AP-ID-026."""
    if len(asked) > 256 or any(name not in (SCOPE, ADMIN_SCOPE) for name in asked.split()):
        raise BAD_SCOPE.error()
    return " ".join(dict.fromkeys(asked.split()))
