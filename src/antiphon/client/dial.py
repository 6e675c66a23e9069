"""Connecting out: names by the client's resolver, and an answer only when the connection is really there."""

from __future__ import annotations

import asyncio
import ssl

from antiphon.client.errors import SERVER_UNREACHABLE
from antiphon.io.dns_client import Resolver
from antiphon.io.stream import Flusher, StreamFlow
from antiphon.kernel.core import Endpoint, Flow

CONNECT_TIMEOUT_S = 10.0


class ClientTls:
    """A client's TLS settings, in the shape the stream driver asks for."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def context(self) -> ssl.SSLContext:
        return self._context

    def leaf(self, context: ssl.SSLContext) -> bytes:
        """A client presents no certificate."""
        return b""


class _Watched:
    """Passes everything on and notes when the connection is ready."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.secured = endpoint.secured
        self.received = endpoint.received
        self.drained = endpoint.drained
        self.expired = endpoint.expired
        self.closed = endpoint.closed

    @property
    def deadline(self) -> float | None:
        return self._endpoint.deadline

    def opened(self, flow: Flow, now: float) -> None:
        self._endpoint.opened(flow, now)
        if not self.ready.done():
            self.ready.set_result(None)


async def dial(
    resolver: Resolver,
    host: str,
    port: int,
    endpoint: Endpoint,
    *,
    context: ssl.SSLContext | None = None,
    tls_now: bool = False,
    server_name: str | None = None,
) -> StreamFlow:
    """Connect `endpoint` to the first address of `host` that answers; with `tls_now` the handshake is done too.

    `context` alone lets the endpoint call `start_tls`. `server_name` is what TLS asks for and checks; the default is
    `host`. Raises AP-CLIENT-004 with the reason.
    """
    answer = await resolver.address(host)
    failure: Exception | str = answer.outcome.value
    for address in answer.addresses:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await _connect(address, port, endpoint, context, tls_now, server_name or host)
        except TimeoutError:
            failure = "no answer in time"
        except (OSError, ssl.SSLError, ssl.CertificateError) as error:
            failure = error
    raise SERVER_UNREACHABLE.error(f"{host}:{port}: {_readable(failure)}")


async def _connect(
    address: str,
    port: int,
    endpoint: Endpoint,
    context: ssl.SSLContext | None,
    tls_now: bool,
    server_name: str,
) -> StreamFlow:
    loop = asyncio.get_running_loop()
    watched = _Watched(endpoint)

    def lost(flow: StreamFlow) -> None:
        if not watched.ready.done():
            watched.ready.set_exception(flow.failure or ConnectionResetError("closed by the server"))

    _, flow = await loop.create_connection(
        lambda: StreamFlow(
            watched,
            Flusher(loop),
            loop,
            tls=ClientTls(context) if context is not None else None,
            tls_now=tls_now,
            server_side=False,
            server_name=server_name if context is not None else None,
            on_lost=lost,
        ),
        address,
        port,
    )
    try:
        await watched.ready
    except BaseException:
        flow.abort()
        raise
    return flow


def _readable(failure: Exception | str) -> str:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return failure.verify_message
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    return str(failure).split(" (_ssl")[0]
