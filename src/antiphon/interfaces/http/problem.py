"""Errors of the JSON interfaces, as RFC 9457 problem documents."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from antiphon.kernel.errors import WIRE, DomainError

Handler = Callable[[Request], Awaitable[Response]]


def problem(error: DomainError, status: int = 0) -> JSONResponse:
    """`status` where HTTP has a finer one than the kind of the error."""
    status = status or WIRE[error.kind].http
    headers = {"Cache-Control": "no-store"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ccmsipline"'
    body = {
        "type": f"urn:antiphon:error:{error.code}",
        "title": error.fault.what,
        "status": status,
        "code": error.code,
        "fix": error.fault.fix,
    }
    if error.detail and status != 401:
        body["detail"] = error.detail
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def answering(handler: Handler) -> Handler:
    """The handler, whose domain errors become problem documents."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except DomainError as error:
            return problem(error)

    return answered
