"""What stands before a JSON API: nobody passes without a token, and no body that is too large or too slow."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon.interfaces.http.api_errors import INTERNAL, NO_TOKEN, NOT_ALLOWED, TOO_LARGE, TOO_SLOW
from antiphon.interfaces.http.problem import problem
from antiphon.kernel.errors import DomainError
from antiphon.model import Principal

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
MAX_IMPORT = 8 * 1024 * 1024
BODY_TIMEOUT_S = 30.0


class Tokens(Protocol):
    """Who somebody is by their access token. Raises `DomainError` for one that does not count."""

    def verify_token(self, token: str) -> Principal: ...


class _Refused(Exception):
    def __init__(self, error: DomainError, status: int = 0) -> None:
        self.error = error
        self.status = status


class _Gone(Exception):
    """The client left before the body was there."""


class Guard:
    """ASGI: denies by default. Who is no administrator may only read, and each resource decides what.

    The inner app finds the `Principal` in `scope["state"]["principal"]`, and the whole body at its first `receive`.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, body_timeout_s: float = BODY_TIMEOUT_S) -> None:
        self._app = app
        self._tokens = tokens
        self._timeout_s = body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            headers = Headers(scope=scope)
            principal = self._principal(headers, scope["method"])
            body = await self._body(
                headers, receive, MAX_IMPORT if scope["path"].endswith("/import") else MAX_BODY
            )
            scope.setdefault("state", {})["principal"] = principal
            await self._app(scope, _Replay(body, receive), watched)
        except _Refused as refused:
            log.info("API request refused", extra={"code": refused.error.code, "path": scope["path"][:200]})
            await problem(refused.error, refused.status)(scope, receive, send)
        except _Gone:
            return
        except Exception:
            log.exception("API request failed", extra={"code": INTERNAL.code, "path": scope["path"][:200]})
            if not started:
                await problem(INTERNAL.error(), 500)(scope, receive, send)

    def _principal(self, headers: Headers, method: str) -> Principal:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _Refused(NO_TOKEN.error())
        try:
            principal = self._tokens.verify_token(token.strip())
        except DomainError as error:
            raise _Refused(error) from error
        if not principal.admin and method not in ("GET", "HEAD"):
            raise _Refused(NOT_ALLOWED.error())
        return principal

    async def _body(self, headers: Headers, receive: Receive, limit: int) -> bytes:
        declared = headers.get("content-length", "0")
        if not (declared.isascii() and declared.isdigit()) or int(declared[:20]) > limit:
            raise _Refused(TOO_LARGE.error(f"at most {limit} bytes"), 413)
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise _Gone
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise _Refused(TOO_LARGE.error(f"at most {limit} bytes"), 413)
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _Refused(TOO_SLOW.error(), 408) from None


class _Replay:
    """`receive` of a request whose body has been read."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
