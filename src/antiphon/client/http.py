"""HTTPS as the client speaks it: names by its own resolver, trust by its own store, faults with a code and a fix."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from antiphon.client.errors import INSECURE_ADDRESS, SERVER_UNREACHABLE, UNEXPECTED_ANSWER
from antiphon.io.dns_client import Resolver
from antiphon.io.http_client import MAX_BODY, http_client


class Answer:
    """Status, fields and body of one response."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.url = url
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises AP-CLIENT-006 where it is none."""
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise UNEXPECTED_ANSWER.error(self.url) from error
        if not isinstance(value, dict):
            raise UNEXPECTED_ANSWER.error(self.url)
        return value


class Http:
    """Requests to the servers of one deployment. Use as an async context manager."""

    def __init__(
        self, resolver: Resolver, context: ssl.SSLContext | Callable[[str, int], ssl.SSLContext]
    ) -> None:
        """`context` decides whom to trust: one for all servers, or asked for each host and port."""
        self._resolver = resolver
        self._context = context
        self._clients: dict[tuple[str, int], httpx2.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    async def get(
        self,
        url: str,
        *,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Answer:
        return await self._request("GET", url, bearer=bearer, basic=basic, params=parameters)

    async def post_form(self, url: str, form: Mapping[str, str], *, bearer: str = "") -> Answer:
        return await self._request("POST", url, bearer=bearer, data=dict(form))

    async def _request(
        self,
        method: str,
        url: str,
        *,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: dict[str, str] | None = None,
    ) -> Answer:
        parts = urlsplit(url)
        if parts.scheme != "https" and (bearer or basic or data):
            raise INSECURE_ADDRESS.error(f"{parts.scheme}://{parts.hostname}")
        headers = {"Accept-Encoding": "identity"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        auth = httpx2.BasicAuth(*basic) if basic else None
        try:
            async with self._client(parts.hostname or "", parts.port or 443).stream(
                method, url, headers=headers, auth=auth, params=dict(params) if params else None, data=data
            ) as response:
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_BODY:
                        raise UNEXPECTED_ANSWER.error(f"{url}: the answer is too long")
                return Answer(str(response.url), response.status_code, dict(response.headers), body)
        except httpx2.HTTPError as error:
            why = str(error).split(" (_ssl")[0] or type(error).__name__
            raise SERVER_UNREACHABLE.error(f"{parts.hostname}: {why}") from error

    def _client(self, host: str, port: int) -> httpx2.AsyncClient:
        shared = isinstance(self._context, ssl.SSLContext)
        key = ("", 0) if shared else (host, port)
        client = self._clients.get(key)
        if client is None:
            context = (
                self._context if isinstance(self._context, ssl.SSLContext) else self._context(host, port)
            )
            client = self._clients[key] = http_client(self._resolver, context)
        return client
