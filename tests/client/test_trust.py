from __future__ import annotations

import asyncio
import datetime
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from antiphon.client.trust import TrustStore, describe, presented
from antiphon.kernel.errors import DomainError
from antiphon.protocols.x509.chain import fingerprint
from antiphon.protocols.x509.identity import Expected, Field
from antiphon.protocols.x509.issue import (
    Authority,
    certificates_pem,
    key_pem,
    make_authority,
    make_certificate,
    new_key,
)
from antiphon.protocols.x509.names import Names

HOST, DOMAIN = "cucm1.example.test", "example.test"
HTTP, XMPP = Expected(HOST), Expected.for_xmpp(DOMAIN)


@pytest.fixture
def authority() -> Authority:
    return make_authority("Lab", time.time(), 10)


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "trust", system=False)


@asynccontextmanager
async def server(
    directory: Path, authority: Authority, names: Names
) -> AsyncIterator[tuple[int, x509.Certificate]]:
    key = new_key()
    certificate = make_certificate(authority, key, names, time.time(), 5)
    path = directory / "server.pem"
    path.write_bytes(key_pem(key) + certificates_pem(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield listening.sockets[0].getsockname()[1], certificate
    listening.close()
    await listening.wait_closed()


async def connect(store: TrustStore, expected: Expected, port: int) -> bytes:
    """DER of the server's certificate; raises what a person would be told."""
    try:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=store.context(expected, port), server_hostname=expected.host
        )
    except ssl.SSLError as error:
        raise store.explain(error, expected, port) from None
    der = writer.get_extra_info("ssl_object").getpeercert(True)
    assert isinstance(der, bytes)
    writer.close()
    await writer.wait_closed()
    return der


async def refusal(store: TrustStore, expected: Expected, port: int) -> str:
    with pytest.raises(DomainError) as error:
        await connect(store, expected, port)
    return error.value.code


async def test_an_unknown_server_is_refused_then_asked_about_and_remembered(
    store: TrustStore, authority: Authority, tmp_path: Path
) -> None:
    """S4-6, S4-16."""
    async with server(tmp_path, authority, Names(dns_names=(HOST,), common_names=(HOST,))) as (
        port,
        certificate,
    ):
        assert await refusal(store, HTTP, port) == "AP-CRT-020"
        shown = describe(await presented("127.0.0.1", port, HOST), HTTP, time.time())
        assert (shown.names_match, shown.self_signed, shown.validity) == (True, False, "")
        assert shown.issued_by == "CN=Lab"
        assert len(shown.fingerprint.split(":")) == 32
        store.accept(HOST, port, shown.certificate)
        again = TrustStore(tmp_path / "trust", system=False)
        assert await connect(again, HTTP, port) == certificate.public_bytes(Encoding.DER)


async def test_another_certificate_than_the_accepted_one_is_refused_even_from_a_trusted_authority(
    store: TrustStore, authority: Authority, tmp_path: Path
) -> None:
    names = Names(dns_names=(HOST,), common_names=(HOST,))
    store.install(certificates_pem(authority.certificate))
    async with server(tmp_path, authority, names) as (port, _):
        other = make_certificate(authority, new_key(), names, time.time(), 5)
        store.accept(HOST, port, other)
        assert await refusal(store, HTTP, port) == "AP-CRT-022"
        assert store.forget(HOST, port)
        assert not store.forget(HOST, port)
        await connect(store, HTTP, port)


async def test_what_was_accepted_for_one_server_says_nothing_about_another(
    store: TrustStore, authority: Authority, tmp_path: Path
) -> None:
    async with server(tmp_path, authority, Names(dns_names=(HOST,), common_names=(HOST,))) as (
        port,
        certificate,
    ):
        store.accept("other.example.test", port, certificate)
        assert await refusal(store, HTTP, port) == "AP-CRT-020"


async def test_a_server_is_asked_about_once_and_not_on_every_port(
    store: TrustStore, authority: Authority, tmp_path: Path
) -> None:
    """S4-16: no more prompts on that device."""
    async with server(tmp_path, authority, Names(dns_names=(HOST,), common_names=(HOST,))) as (
        port,
        certificate,
    ):
        store.accept(HOST, port + 1, certificate)
        await connect(store, HTTP, port)
        assert store.all_accepted() == ((HOST, port + 1, certificate),)
        assert await refusal(store, Expected("other.example.test"), port) == "AP-CRT-020"


async def test_an_installed_authority_serves_for_every_name_it_signs_and_only_those(
    store: TrustStore, authority: Authority, tmp_path: Path
) -> None:
    """S4-20, S4-33."""
    (installed,) = store.install(certificates_pem(authority.certificate))
    async with server(tmp_path, authority, Names(dns_names=(HOST,), common_names=(HOST,))) as (port, _):
        await connect(store, HTTP, port)
        assert await refusal(store, Expected("other.example.test"), port) == "AP-CRT-021"
        assert await refusal(store, Expected("127.0.0.1"), port) == "AP-CRT-021"
        assert store.remove(fingerprint(installed)) == 1
        assert await refusal(store, HTTP, port) == "AP-CRT-020"


async def test_an_installed_self_signed_server_certificate_is_trusted(
    store: TrustStore, tmp_path: Path
) -> None:
    """S4-18, S4-31."""
    key, now = new_key(), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(key_pem(key) + certificates_pem(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    listening = await asyncio.start_server(
        lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context
    )
    port = listening.sockets[0].getsockname()[1]
    assert await refusal(store, HTTP, port) == "AP-CRT-020"
    store.install(certificates_pem(certificate))
    await connect(store, HTTP, port)
    listening.close()
    await listening.wait_closed()


async def test_an_xmpp_server_is_known_by_its_domain(
    store: TrustStore, authority: Authority, tmp_path: Path
) -> None:
    """S4-35, S4-62."""
    store.install(certificates_pem(authority.certificate))
    good = Names(xmpp_addrs=(DOMAIN,), dns_names=("imp1.example.test",), common_names=("imp1.example.test",))
    async with server(tmp_path, authority, good) as (port, _):
        found = store.check(await connect(store, XMPP, port), XMPP, port)
        assert found is not None
        assert found.field is Field.XMPP_ADDR
    bad = Names(dns_names=("imp1.example.test",), common_names=("imp1.example.test",))
    async with server(tmp_path, authority, bad) as (port, certificate):
        der = await connect(store, XMPP, port)
        with pytest.raises(DomainError) as error:
            store.check(der, XMPP, port)
        assert error.value.code == "AP-CRT-021"
        assert "imp1.example.test" in error.value.detail
        store.accept(DOMAIN, port, certificate)
        assert store.check(der, XMPP, port) is None


@pytest.mark.parametrize("data", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\n", b"x" * 300_000])
def test_what_is_no_certificate_is_not_installed(store: TrustStore, data: bytes) -> None:
    with pytest.raises(DomainError) as error:
        store.install(data)
    assert error.value.code == "AP-CRT-023"


def test_a_servers_name_cannot_lead_out_of_the_directory(
    store: TrustStore, authority: Authority, tmp_path: Path
) -> None:
    store.accept("../../evil/..", 1, authority.certificate)
    (written,) = tmp_path.rglob("*.pem")
    assert written.parent == tmp_path / "trust" / "accepted"
