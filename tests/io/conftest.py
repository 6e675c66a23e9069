"""Loops, certificates and a small endpoint for the driver tests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import trustme
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from antiphon.io.listen import Listeners


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The drivers are tested on both loops; what stands on them is tested on one."""
    if item.path.stem in ("test_stream", "test_datagram", "test_websocket"):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def listeners() -> AsyncIterator[Listeners]:
    listeners = Listeners()
    yield listeners
    await listeners.close(timeout_s=1.0)


class FixedTls:
    """`ServerTls` with one certificate of a throw-away authority."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        certificate = self.authority.issue_cert("node.example.test")
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.server)
        pem = certificate.cert_chain_pems[0].bytes()
        self.der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)

    def context(self) -> ssl.SSLContext:
        return self.server

    def leaf(self, context: ssl.SSLContext) -> bytes:
        return self.der

    def client(self) -> ClientTls:
        return ClientTls(self.authority)


class ClientTls:
    def __init__(self, authority: trustme.CA) -> None:
        self._context = ssl.create_default_context()
        authority.configure_trust(self._context)

    def context(self) -> ssl.SSLContext:
        return self._context

    def leaf(self, context: ssl.SSLContext) -> bytes:
        return b""


@pytest.fixture(scope="session")
def tls() -> FixedTls:
    return FixedTls()
