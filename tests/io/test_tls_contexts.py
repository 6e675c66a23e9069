from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.interfaces.http.serving import serving

from antiphon.io.tls_contexts import ClientCertificates, ListenerTls, TlsContexts
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.time import VirtualTime
from antiphon.protocols.x509.issue import certificates_pem, key_pem, make_authority, make_certificate, new_key
from antiphon.protocols.x509.names import Names
from antiphon.services.trust import Purpose, Trust
from antiphon.services.trust.events import CertificateChanged

DOMAIN, CUCM, IMP = "example.test", "cucm1.example.test", "imp1.example.test"


class House:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bus = LocalBus()
        self.trust = Trust(directory=directory / "trust", timers=_RealWall(), bus=self.bus, domain=DOMAIN)
        self.trust.open()
        self.trust.ensure(CUCM, Purpose.TOMCAT)
        self.trust.ensure(IMP, Purpose.XMPP)
        self.contexts = TlsContexts(self.trust, self.bus)

    def client(self, alpn: tuple[str, ...] = (), certificate: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.trust.ca_pem().decode())
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    def foreign_client_certificate(self, name: str) -> tuple[Path, bytes]:
        """A file with key and certificate, and the authority that signed it."""
        authority = make_authority("Edge", _RealWall().wall(), 10)
        key = new_key()
        names = Names(dns_names=(name,), common_names=(name,))
        certificate = make_certificate(authority, key, names, _RealWall().wall(), 5)
        path = self.directory / "edge.pem"
        path.write_bytes(key_pem(key) + certificates_pem(certificate))
        return path, certificates_pem(authority.certificate)


class _RealWall(VirtualTime):
    """TLS libraries compare with the machine's clock."""

    def wall(self) -> float:
        return time.time()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


class Echo:
    """A server that gives back what it gets."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while data := await reader.read(100):
            writer.write(data)

    async def connect(self, context: ssl.SSLContext, name: str = CUCM) -> Connection:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name
        )
        return Connection(reader, writer)

    def tls(self, index: int) -> ssl.SSLObject:
        found: ssl.SSLObject = self.writers[index].get_extra_info("ssl_object")
        return found


@asynccontextmanager
async def echo(tls: ListenerTls) -> AsyncIterator[Echo]:
    made = Echo()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls.context())
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    for writer in made.writers:
        writer.close()
    await server.wait_closed()


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.tls: ssl.SSLObject = writer.get_extra_info("ssl_object")

    @property
    def der(self) -> bytes:
        der = self.tls.getpeercert(True)
        assert der is not None
        return der

    async def says(self, data: bytes) -> bytes:
        self._writer.write(data)
        return await self._reader.read(100)

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except (ssl.SSLError, ConnectionError):
            pass


async def test_a_renewed_certificate_is_seen_by_new_connections_and_old_ones_stay_up(house: House) -> None:
    tls = house.contexts.listener(CUCM, Purpose.TOMCAT)
    async with echo(tls) as server:
        old = await server.connect(house.client())
        before = house.trust.certificate(CUCM, Purpose.TOMCAT).der
        assert old.der == before
        after = house.trust.renew(CUCM, Purpose.TOMCAT).der
        new = await server.connect(house.client())
        assert new.der == after != before
        assert await old.says(b"still here") == b"still here"
        assert await new.says(b"me too") == b"me too"
        first, second = server.tls(0), server.tls(1)
        assert tls.leaf(first.context) == before
        assert tls.leaf(second.context) == after
        await old.close()
        await new.close()


async def test_a_session_is_resumed_across_a_reload(house: House) -> None:
    tls = house.contexts.listener(CUCM, Purpose.TOMCAT)
    context = house.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    outcomes: list[bool | None] = []

    def handshake(session: ssl.SSLSession | None) -> ssl.SSLSession | None:
        raw = socket.create_connection(address)
        with context.wrap_socket(raw, server_hostname=CUCM, session=session) as sock:
            sock.send(b"x")
            sock.recv(1)
            outcomes.append(sock.session_reused)
            return sock.session

    async with echo(tls) as server:
        probe = await server.connect(house.client())
        address = ("127.0.0.1", server.port)
        session = await asyncio.to_thread(handshake, None)
        house.trust.renew(CUCM, Purpose.TOMCAT)
        await asyncio.to_thread(handshake, session)
        await probe.close()
    assert outcomes == [False, True]


async def test_protocols_are_negotiated_and_old_tls_is_refused(house: House) -> None:
    tls = house.contexts.listener(CUCM, Purpose.TOMCAT, alpn=("xmpp-client",))
    async with echo(tls) as server:
        connection = await server.connect(house.client(("h2", "xmpp-client")))
        assert connection.tls.selected_alpn_protocol() == "xmpp-client"
        assert connection.tls.version() == "TLSv1.3"
        await connection.close()
        old = house.client()
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="deprecated"):
            old.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="deprecated"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await server.connect(old)


async def test_the_certificate_follows_the_name_that_the_client_asks_for(house: House) -> None:
    tls = house.contexts.listener(CUCM, Purpose.TOMCAT, also=((IMP, Purpose.XMPP),))
    async with echo(tls) as server:
        shown = {}
        for name in (CUCM, IMP, DOMAIN):
            connection = await server.connect(house.client(), name)
            shown[name] = connection.der
            await connection.close()
        no_name = house.client()
        no_name.check_hostname = False
        connection = await server.connect(no_name, "")
        shown[""] = connection.der
        await connection.close()
    tomcat = house.trust.certificate(CUCM, Purpose.TOMCAT).der
    xmpp = house.trust.certificate(IMP, Purpose.XMPP).der
    assert shown == {CUCM: tomcat, IMP: xmpp, DOMAIN: xmpp, "": tomcat}


@pytest.mark.parametrize("mode", ["required", "optional"])
async def test_a_client_certificate_is_taken_from_authorities_imported_while_running(
    house: House, mode: ClientCertificates
) -> None:
    """S3-21, S3-63."""
    tls = house.contexts.listener(CUCM, Purpose.TOMCAT, client_certificates=mode)
    path, authority = house.foreign_client_certificate("edge.example.test")
    async with echo(tls) as server:
        assert await _talks(server, house.client()) is (mode == "optional")
        assert not await _talks(server, house.client(certificate=path))
        house.trust.trust(authority)
        assert await _talks(server, house.client(certificate=path))
        peer = server.tls(-1).getpeercert()
        assert peer is not None
        assert ("DNS", "edge.example.test") in tuple(peer["subjectAltName"])


async def _talks(server: Echo, context: ssl.SSLContext) -> bool:
    """Whether the server goes on; with TLS 1.3 a refusal comes after the client's handshake."""
    try:
        connection = await server.connect(context)
        answered = await connection.says(b"hello") == b"hello"
    except (ssl.SSLError, ConnectionError):
        return False
    await connection.close()
    return bool(answered)


async def test_uvicorn_serves_with_the_live_context(house: House) -> None:
    async def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    tls = house.contexts.listener(CUCM, Purpose.TOMCAT, alpn=("http/1.1",))
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    async with serving([Route("/", hello)], sock, tls.context()):
        answers = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=house.client(("http/1.1",)), server_hostname=CUCM
            )
            shown = writer.get_extra_info("ssl_object").getpeercert(True)
            assert shown == house.trust.certificate(CUCM, Purpose.TOMCAT).der
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answers.append((await reader.read())[-5:])
            writer.close()
            house.trust.renew(CUCM, Purpose.TOMCAT)
        assert answers == [b"hello", b"hello"]


async def test_a_file_that_cannot_be_loaded_leaves_the_old_certificate(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    tls = house.contexts.listener(CUCM, Purpose.TOMCAT)
    before = house.trust.certificate(CUCM, Purpose.TOMCAT)
    content = before.path.read_bytes()
    async with echo(tls) as server:
        before.path.write_bytes(b"damaged")
        house.bus.publish(CertificateChanged(CUCM, "tomcat", 0.0))
        assert "AP-CRT-012" in {getattr(record, "code", "") for record in caplog.records}
        connection = await server.connect(house.client())
        assert connection.der == before.der
        await connection.close()
        before.path.write_bytes(content)
