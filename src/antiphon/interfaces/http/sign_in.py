"""The pages of the authorization server: sign in, connect a program by its code, sign out.

A page never redirects to an address from the request unless it is registered for the client; forms carry a token that
belongs to the browser they were shown in. First-party clients are not asked for consent; a device code always is,
because whoever sent it may be somebody else (RFC 8628 §5.4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from antiphon.interfaces.http import forms
from antiphon.interfaces.http.administrator import source_of
from antiphon.interfaces.http.pages import STYLE, page, style, texts_of
from antiphon.interfaces.http.pages.catalogue import CATALOGUE, Texts
from antiphon.kernel.errors import DomainError
from antiphon.kernel.time import Clock
from antiphon.protocols.oauth import metadata as paths
from antiphon.services.identity import errors
from antiphon.services.identity.authorization import AuthorizationServer, SendBack
from antiphon.services.identity.grants import AuthorizationRequest, DeviceGrant

# The prefix makes browsers insist on Secure, on Path=/ and on this very host (RFC 6265bis §4.1.3.2).
SESSION_COOKIE = "__Host-antiphon"
FORM_COOKIE = "__Host-antiphon-form"
SIGN_OUT = "/ssosp/signout"
_COMMAND_LINE = "Antiphon"


class SignIn:
    def __init__(self, server: AuthorizationServer, clock: Clock) -> None:
        self._server = server
        self._identity = server.identity
        self._clock = clock

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(paths.AUTHORIZE, self.authorize, methods=["GET", "POST"]),
            Route(paths.VERIFICATION, self.device, methods=["GET", "POST"]),
            Route(SIGN_OUT, self.sign_out, methods=["GET", "POST"]),
            Route(STYLE, style),
        ]

    # --- the authorization endpoint --------------------------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        texts = texts_of(request)
        try:
            given = forms.unique(request.url.query)
            asked = self._server.check(given)
        except DomainError as error:
            return _refusal(texts, error)
        except SendBack as error:
            return _redirect(self._server.refusal(error, _authorize_error(error)))
        userid = self._signed_in(request)
        if request.method == "GET" and userid is not None and given.get("prompt") != "login":
            return _redirect(await self._server.answer(asked, userid))
        if request.method == "GET":
            return self._sign_in_page(request, texts, asked.client_name, form_action=_form_action(asked))
        return await self._sign_in(request, texts, asked.client_name, asked)

    async def _sign_in(
        self, request: Request, texts: Texts, client: str, asked: AuthorizationRequest | None
    ) -> Response:
        """The sign-in form has come back: at the authorization endpoint, or (`asked` is None) at the device page."""
        form_action = _form_action(asked) if asked is not None else ""
        try:
            given = await forms.form(request)
        except DomainError as error:
            return _refusal(texts, error)
        username = given.get("username", "")[:320]
        if not self._form_is_ours(request, given):
            return self._sign_in_page(
                request, texts, client, texts("form expired"), username, 403, form_action=form_action
            )
        try:
            principal = await self._identity.verify_password(
                username, given.get("password", ""), source_of(request)
            )
        except DomainError as error:
            said, status, headers = _said(texts, error)
            return self._sign_in_page(
                request, texts, client, said, username, status, headers, form_action=form_action
            )
        if asked is not None:
            answer = _redirect(await self._server.answer(asked, principal.userid))
        else:
            answer = _redirect(_device_address(request.query_params.get("user_code", "")))
        return self._with_session(answer, principal.userid)

    def _sign_in_page(
        self,
        request: Request,
        texts: Texts,
        client: str,
        error: str = "",
        username: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
        *,
        form_action: str = "",
    ) -> Response:
        return self._form_page(
            request,
            "sign_in",
            texts,
            status=status,
            headers=headers,
            form_action=form_action,
            client=client,
            error=error,
            username=username,
        )

    # --- device codes ----------------------------------------------------------------------------------------------

    async def device(self, request: Request) -> Response:
        texts = texts_of(request)
        userid = self._signed_in(request)
        if request.method == "POST":
            return await self._device_post(request, texts, userid)
        if userid is None:
            return self._sign_in_page(request, texts, _COMMAND_LINE)
        typed = request.query_params.get("user_code", "")
        if not typed:
            return self._code_page(request, texts, userid)
        try:
            grant = self._server.find_device(typed, source_of(request))
        except DomainError as error:
            return self._code_page(request, texts, userid, *_said(texts, error))
        if grant is None:
            return self._code_page(request, texts, userid, texts("device unknown"), 404)
        return self._form_page(
            request, "device_confirm", texts, client=grant.client_name, shown_code=_shown(grant), user=userid
        )

    async def _device_post(self, request: Request, texts: Texts, userid: str | None) -> Response:
        if userid is None:
            return await self._sign_in(request, texts, _COMMAND_LINE, None)
        try:
            given = await forms.form(request)
        except DomainError as error:
            return _refusal(texts, error)
        if given.get("step") != "decide":
            return _redirect(_device_address(given.get("user_code", "")))
        if not self._form_is_ours(request, given):
            return self._code_page(request, texts, userid, texts("form expired"), 403)
        try:
            grant = self._server.find_device(given.get("user_code", ""), source_of(request))
        except DomainError as error:
            return self._code_page(request, texts, userid, *_said(texts, error))
        if grant is None:
            return self._code_page(request, texts, userid, texts("device unknown"), 404)
        allowed = given.get("decision") == "allow"
        self._identity.devices.decide(grant, userid, allowed)
        outcome = "device allowed" if allowed else "device refused"
        return page(
            "notice",
            texts,
            heading=texts(f"{outcome} title"),
            text=texts(outcome, client=grant.client_name),
            code="",
        )

    def _code_page(
        self,
        request: Request,
        texts: Texts,
        userid: str,
        error: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        return self._form_page(
            request, "device_code", texts, status=status, headers=headers, error=error, user=userid
        )

    # --- signing out -----------------------------------------------------------------------------------------------

    async def sign_out(self, request: Request) -> Response:
        texts = texts_of(request)
        userid = self._signed_in(request)
        if userid is not None:
            try:
                given = await forms.form(request) if request.method == "POST" else {}
            except DomainError as error:
                return _refusal(texts, error)
            if not self._form_is_ours(request, given):
                return self._form_page(request, "sign_out", texts, user=userid)
            self._identity.browsers.sign_out(request.cookies.get(SESSION_COOKIE, ""))
        answer = page("notice", texts, heading=texts("signed out"), text=texts("signed out hint"), code="")
        answer.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return answer

    # --- cookies ---------------------------------------------------------------------------------------------------

    def _signed_in(self, request: Request) -> str | None:
        userid = self._identity.browsers.userid(request.cookies.get(SESSION_COOKIE, ""), self._clock.wall())
        user = self._identity.account(userid) if userid is not None else None
        return user.userid if user is not None and user.enabled else None

    def _with_session(self, answer: Response, userid: str) -> Response:
        lifetime_s = self._identity.settings.browser_session_minutes * 60
        value = self._identity.browsers.sign_in(userid, self._clock.wall() + lifetime_s)
        answer.set_cookie(
            SESSION_COOKIE, value, max_age=lifetime_s, path="/", secure=True, httponly=True, samesite="lax"
        )
        # The next form is another browser session's.
        answer.delete_cookie(FORM_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return answer

    def _form_is_ours(self, request: Request, given: dict[str, str]) -> bool:
        cookie = request.cookies.get(FORM_COOKIE, "")
        return self._identity.browsers.form_matches(cookie, given.get("form_token", ""))

    def _form_page(
        self,
        request: Request,
        name: str,
        texts: Texts,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        form_action: str = "",
        **values: str,
    ) -> Response:
        cookie = request.cookies.get(FORM_COOKIE, "")[:64] or self._identity.browsers.new_form_cookie()
        token = self._identity.browsers.form_token(cookie)
        answer = page(
            name, texts, status=status, form_action=form_action, headers=headers, form_token=token, **values
        )
        answer.set_cookie(FORM_COOKIE, cookie, path="/", secure=True, httponly=True, samesite="lax")
        return answer


def _redirect(address: str) -> Response:
    # 303: what follows is a GET, also after a form, so that a password is never posted on.
    return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _device_address(user_code: str) -> str:
    return (
        f"{paths.VERIFICATION}?{urlencode({'user_code': user_code[:64]})}"
        if user_code
        else paths.VERIFICATION
    )


def _shown(grant: DeviceGrant) -> str:
    return f"{grant.user_code[:4]}-{grant.user_code[4:]}"


def _form_action(asked: AuthorizationRequest) -> str:
    """Where the sign-in form's answer goes: browsers hold redirects after a form to the policy as well."""
    parts = urlsplit(asked.redirect_uri)
    if parts.scheme in ("http", "https") and not parts.netloc.startswith("["):
        return f"{parts.scheme}://{parts.netloc}"
    # A policy cannot name an IPv6 address or an app's own scheme otherwise.
    return f"{parts.scheme}:"


def _authorize_error(error: SendBack) -> str:
    match error.fault:
        case errors.UNSUPPORTED_GRANT:
            return "unsupported_response_type"
        case errors.BAD_SCOPE:
            return "invalid_scope"
        case _:
            return "invalid_request"


def _said(texts: Texts, error: DomainError) -> tuple[str, int, dict[str, str]]:
    """The sentence, the status and the header fields for a failed sign-in."""
    if error.retry_after_s is None:
        return texts(error.code), 403, {}
    seconds = math.ceil(error.retry_after_s)
    status = 429 if error.fault is errors.TOO_MANY_ATTEMPTS else 503
    return texts(error.code, seconds=seconds), status, {"Retry-After": str(seconds)}


def _refusal(texts: Texts, error: DomainError) -> Response:
    """Shown here, because there is no address that it would be safe to send it to (RFC 6749 §4.1.2.1)."""
    text = texts(error.code) if error.code in CATALOGUE else error.fault.what
    return page("notice", texts, status=400, heading=texts("cannot go on"), text=text, code=error.code)
