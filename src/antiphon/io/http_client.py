"""The HTTP client: every host name goes through our resolver, every certificate through the caller's TLS context."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

from antiphon.io.dns_client import Resolver

TIMEOUT_S = 10.0
MAX_BODY = 4 * 1024 * 1024
"""Octets of an answer that a client is to read at most; service documents are a few kilobytes."""


class _ResolvingBackend(httpcore2.AsyncNetworkBackend):
    """Connects by address; TLS still checks the name, because httpcore keeps the URL's host for that."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        answer = await self._resolver.address(host)
        if not answer.addresses:
            raise httpcore2.ConnectError(f"{host}: {answer.outcome.value}")
        failure: Exception | None = None
        for address in answer.addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _Transport(httpx2.AsyncHTTPTransport):
    """httpx's transport over a pool of ours: it has no public way to name the network backend."""

    def __init__(self, resolver: Resolver, context: ssl.SSLContext) -> None:
        super().__init__(verify=context)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context, network_backend=_ResolvingBackend(resolver), keepalive_expiry=5.0
        )


def http_client(
    resolver: Resolver, tls: ssl.SSLContext | None = None, timeout_s: float = TIMEOUT_S, **options: Any
) -> httpx2.AsyncClient:
    """A client without proxies from the environment. `tls` decides whom to trust; the default is the system's store.

    `options` go to the client itself (`auth`, `headers`, `follow_redirects` …). Close it with `aclose`.
    """
    context = tls if tls is not None else ssl.create_default_context()
    return httpx2.AsyncClient(
        transport=_Transport(resolver, context), timeout=timeout_s, trust_env=False, **options
    )
