"""One request to the administration interface: what `antiphon cert` and `antiphon token` are made of."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from antiphon.cli.entries import NO_SERVER, Connection

if TYPE_CHECKING:
    from antiphon.client.administration import Administration


def ask(connection: Connection | None, method: str, path: str, **options: Any) -> dict[str, Any]:
    """The JSON answer. `options` as for `Administration.json`."""

    async def asked() -> dict[str, Any]:
        async with AsyncExitStack() as stack:
            administration = await _open(stack, connection or Connection())
            return await administration.json(method, path, **options)

    return asyncio.run(asked())


def fetch(connection: Connection | None, path: str) -> bytes:
    """The answer as it is."""

    async def fetched() -> bytes:
        async with AsyncExitStack() as stack:
            return await (await _open(stack, connection or Connection())).content(path)

    return asyncio.run(fetched())


async def _open(stack: AsyncExitStack, connection: Connection) -> Administration:
    from antiphon.client.administration import Administration
    from antiphon.client.environment import Environment
    from antiphon.client.session import load_session
    from antiphon.io.http_client import http_client

    if connection.token:
        if not connection.server:
            raise NO_SERVER.error()
        environment = Environment.parse(connection.resolver, connection.ca_file)
        resolver, base = environment.open_resolver(), connection.server

        async def token() -> str:
            return connection.token
    else:
        session = await stack.enter_async_context(load_session())
        environment, resolver, token = session.environment, session.resolver, session.token
        base = connection.server or session.home
    http = await stack.enter_async_context(http_client(resolver, environment.tls_context()))
    return Administration(http, base, token)
