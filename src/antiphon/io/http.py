"""HTTP servers of a process: uvicorn under our sockets, our signals and our live TLS contexts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from antiphon.io.listen import bind_socket
from antiphon.io.stream import ServerTls
from antiphon.kernel.core import Address

HEADER_LIMIT = 64 * 1024
KEEP_ALIVE_S = 30
GRACE_S = 3


class _TlsAwareProtocol(HttpToolsProtocol):
    """Gives the application the verified client certificate: `scope["extensions"]["tls"]["peer_certificate"]` (DER)."""

    def on_headers_complete(self) -> None:
        tls = self.transport.get_extra_info("ssl_object")
        if tls is not None:
            extensions = cast(dict[str, Any], self.scope.setdefault("extensions", {}))
            extensions["tls"] = {"peer_certificate": tls.getpeercert(True)}
        super().on_headers_complete()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals belong to the role that runs this server among others


class HttpServers:
    """All HTTP listeners of a process."""

    def __init__(self) -> None:
        self._servers: list[tuple[_Server, asyncio.Task[None]]] = []

    async def serve(self, host: str, port: int, app: Any, *, tls: ServerTls | None = None) -> Address:
        """Serve an ASGI application. Returns once connections are accepted. Faults: AP-IO-010, -011, -012."""
        sock = bind_socket(host, port, socket.SOCK_STREAM)
        config = uvicorn.Config(
            app,
            http=_TlsAwareProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            limit_concurrency=2000,
            h11_max_incomplete_event_size=HEADER_LIMIT,
            ssl_context_factory=_context_factory(tls) if tls is not None else None,
        )
        server = _Server(config)
        sock.listen(1024)
        task = asyncio.get_running_loop().create_task(
            server.serve(sockets=[sock]), name=f"http {host}:{port}"
        )
        self._servers.append((server, task))
        while not server.started:
            if task.done():
                await task
            await asyncio.sleep(0.001)
        bound = sock.getsockname()
        return Address(bound[0], bound[1])

    async def close(self) -> None:
        for server, _ in self._servers:
            server.should_exit = True
        for _, task in self._servers:
            await task
        self._servers.clear()


def _context_factory(tls: ServerTls) -> Any:
    def make(config: uvicorn.Config, default: Any) -> ssl.SSLContext:
        return tls.context()

    return make
