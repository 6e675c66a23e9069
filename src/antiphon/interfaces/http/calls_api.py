"""The calls under way over HTTP: `/api/v1/calls`. For administrators only: who talks to whom is nobody else's business."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from antiphon.interfaces.http.administrator import administrator
from antiphon.interfaces.http.api_errors import BAD_REQUEST
from antiphon.interfaces.http.problem import answering
from antiphon.model import Principal
from antiphon.services.call.call import Call
from antiphon.services.call.errors import CALL_NOT_FOUND
from antiphon.services.identity import Identity

log = logging.getLogger(__name__)

PREFIX = "/api/v1/calls"
MAX_LIMIT, DEFAULT_LIMIT = 1000, 100


class Calls(Protocol):
    """The call service."""

    @property
    def calls(self) -> tuple[Call, ...]: ...

    def end(self, call_id: str) -> bool: ...

    def hang_up(self, number: str) -> None: ...


def routes(calls: Calls, identity: Identity) -> list[BaseRoute]:
    return CallsApi(calls, identity).routes()


class CallsApi:
    def __init__(self, calls: Calls, identity: Identity) -> None:
        self._calls = calls
        self._identity = identity

    def routes(self) -> list[BaseRoute]:
        protected: list[tuple[str, str, Callable[[Request, Principal], Response]]] = [
            ("GET", PREFIX, self.list),
            ("DELETE", PREFIX, self.hang_up),
            ("DELETE", PREFIX + "/{call_id}", self.end),
        ]
        return [
            Route(path, self._protected(handler), methods=[method]) for method, path, handler in protected
        ]

    def _protected(self, handler: Callable[[Request, Principal], Response]) -> Any:
        async def checked(request: Request) -> Response:
            response = handler(request, administrator(request, self._identity))
            response.headers["Cache-Control"] = "no-store"
            return response

        return answering(checked)

    def list(self, request: Request, _: Principal) -> Response:
        """The oldest first; only the calls of one line with `number`."""
        limit = _limit(request.query_params.get("limit", ""))
        number = request.query_params.get("number", "")
        found = sorted(self._of(number), key=lambda call: call.started_at)
        return JSONResponse({"items": [_described(call) for call in found[:limit]], "total": len(found)})

    def end(self, request: Request, by: Principal) -> Response:
        call_id = request.path_params["call_id"]
        if not self._calls.end(call_id):
            raise CALL_NOT_FOUND.error(call_id[:64])
        log.info("call ended by an administrator", extra={"actor": by.userid, "call": call_id})
        return JSONResponse({"ended": 1})

    def hang_up(self, request: Request, by: Principal) -> Response:
        """Every call of one line."""
        number = request.query_params.get("number", "")
        if not number:
            raise BAD_REQUEST.error("number: name the line whose calls are to end")
        before = len(self._of(number))
        self._calls.hang_up(number)
        ended = before - len(self._of(number))
        log.info("calls ended by an administrator", extra={"actor": by.userid, "number": number[:32]})
        return JSONResponse({"ended": ended})

    def _of(self, number: str) -> tuple[Call, ...]:
        return tuple(
            call
            for call in self._calls.calls
            if not number or number in (leg.number for leg in call.legs.values())
        )


def _limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        raise BAD_REQUEST.error(f"limit: from 1 to {MAX_LIMIT}")
    return int(text)


def _described(call: Call) -> dict[str, Any]:
    return {
        "call_id": call.id,
        "state": _state(call),
        "calling": call.calling,
        "called": call.called,
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "parties": [
            {
                "number": leg.number,
                "display_name": leg.party.display_name,
                "device": leg.device,
                "answered": leg.answered,
                "holding": leg.holding,
            }
            for leg in call.legs.values()
        ],
    }


def _state(call: Call) -> str:
    legs = call.legs.values()
    if any(leg.left is not None for leg in legs):
        return "parked"
    if call.answered_at is None:
        return "ringing"
    if call.hunt is not None:
        return "transferring"
    return "held" if any(leg.holding for leg in legs) else "talking"
