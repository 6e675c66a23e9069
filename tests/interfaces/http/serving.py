"""A real uvicorn server with TLS on loopback, in the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def loopback_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    return sock


@asynccontextmanager
async def serving(
    routes: Sequence[BaseRoute], sock: socket.socket, context: ssl.SSLContext
) -> AsyncIterator[None]:
    config = uvicorn.Config(
        Starlette(routes=list(routes)),
        ssl_context_factory=lambda _config, _default: context,
        lifespan="off",
        log_level="warning",
    )
    server = _Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[sock]))
    await server.ready.wait()
    try:
        yield
    finally:
        server.should_exit = True
        await task


def localhost_context(ca_file: Path) -> ssl.SSLContext:
    """Serves `localhost`; the authority is written to `ca_file`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context
