"""Health and metrics of a node: `/livez`, `/readyz` (with `?verbose`), `/metrics`.

Source: mission conventions (health, metrics); the JSON has the fields of the health+json draft.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from antiphon.interfaces.http.api_errors import NOT_READY

log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[None]]
"""Raises when what it looks at does not work."""


def routes(
    checks: Mapping[str, Check], metrics: Callable[[], bytes], draining: Callable[[], bool]
) -> list[Route]:
    """`draining`: the node is being stopped and wants no new work."""

    async def live(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        failed: dict[str, str] = {}
        for name, check in checks.items():
            try:
                await check()
            except Exception as error:
                log.warning("not ready", extra={"code": NOT_READY.code, "check": name, "why": str(error)})
                failed[name] = "fail"
        if draining():
            failed["draining"] = "fail"
        status = 503 if failed else 200
        if "verbose" not in request.query_params:
            return PlainTextResponse("not ready\n" if failed else "ok\n", status)
        said = {name: [{"status": failed.get(name, "pass")}] for name in (*checks, "draining")}
        return JSONResponse(
            {"status": "fail" if failed else "pass", "checks": said},
            status,
            media_type="application/health+json",
        )

    async def measure(request: Request) -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/livez", live), Route("/readyz", ready), Route("/metrics", measure)]
