"""The administration interface of the home cluster, as the signed-in person may use it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx2

from antiphon.client.errors import SERVER_UNREACHABLE, UNEXPECTED_ANSWER
from antiphon.client.session import Session, load_session
from antiphon.io.http_client import MAX_BODY, http_client
from antiphon.kernel.errors import WIRE, DomainError, Fault, Kind

_KINDS = {wire.http: kind for kind, wire in WIRE.items()}


class Administration:
    """Use as an async context manager. What the server refuses is raised with the server's code."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._http = http_client(session.resolver, session.environment.tls_context())

    @classmethod
    def of(cls, address: str = "") -> Self:
        """Of the sign-in that is kept here. Raises AP-CLIENT-001."""
        return cls(load_session(address or None))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        await self._session.close()

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
        headers = {"Authorization": f"Bearer {await self._session.token()}"}
        try:
            answer = await self._http.request(method, self._session.home + path, headers=headers, **options)
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
