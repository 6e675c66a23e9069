"""Resources that can only be read: GET and HEAD, anything else is 405 with `Allow`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]

MAX_QUERY = 2048
"""Octets of a query string; longer is 414."""


class ReadOnly:
    """An ASGI endpoint around one handler. A request body is never read."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in ("GET", "HEAD"):
            # "GET" alone is what the documented interface announces; HEAD goes with it (RFC 9110 §9.3.2).
            response = Response(status_code=405, headers={"Allow": "GET"})
        elif len(scope.get("query_string", b"")) > MAX_QUERY:
            response = Response(status_code=414)
        else:
            response = await self._handler(request)
        await response(scope, receive, send)
