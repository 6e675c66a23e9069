"""The administration interface of a cluster, as whoever holds the token may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from antiphon.client.errors import SERVER_UNREACHABLE, UNEXPECTED_ANSWER
from antiphon.io.http_client import MAX_BODY
from antiphon.kernel.errors import WIRE, DomainError, Fault, Kind

_KINDS = {wire.http: kind for kind, wire in WIRE.items()}


class Administration:
    """`base_url` is the server's origin; `token` gives an access token that is fresh.

    What the server refuses is raised with the server's code; AP-CLIENT-004 where none answers.
    """

    def __init__(self, http: httpx2.AsyncClient, base_url: str, token: Callable[[], Awaitable[str]]) -> None:
        self._http = http
        self._base = base_url.rstrip("/")
        self._token = token

    async def json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """`options` are httpx's: `json`, `content`, `params`."""
        answer = await self._send(method, path, **options)
        if not answer.content:
            return {}
        try:
            body = answer.json()
        except ValueError:
            raise UNEXPECTED_ANSWER.error(path) from None
        if not isinstance(body, dict):
            raise UNEXPECTED_ANSWER.error(path)
        return body

    async def content(self, path: str) -> bytes:
        return (await self._send("GET", path)).content

    async def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {await self._token()}"}
        try:
            answer = await self._http.request(method, self._base + path, headers=headers, **options)
        except httpx2.HTTPError as error:
            raise SERVER_UNREACHABLE.error(str(error) or type(error).__name__) from error
        if len(answer.content) > MAX_BODY:
            raise UNEXPECTED_ANSWER.error(path)
        if not answer.is_success:
            raise _refusal(answer)
        return answer


def _refusal(answer: httpx2.Response) -> DomainError:
    try:
        body = answer.json()
        code, what, fix = str(body["code"]), str(body["title"]), str(body["fix"])
        detail = str(body.get("detail", ""))
    except (ValueError, KeyError, TypeError):
        return UNEXPECTED_ANSWER.error(f"{answer.url.path}: {answer.status_code}")
    return Fault(code, _KINDS.get(answer.status_code, Kind.UNAVAILABLE), what, fix).error(detail)
