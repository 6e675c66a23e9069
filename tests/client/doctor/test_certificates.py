"""Findings about certificates."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import time
from collections.abc import Iterable

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.client.doctor.patients import sound
from tests.client.lab import AUTHORITY, NODES, Plan, running

from antiphon.client.doctor.certificates import Certificates
from antiphon.client.doctor.examine import examine
from antiphon.client.doctor.patient import Patient
from antiphon.client.http import Http
from antiphon.protocols.dns.authority import Record

DAY = datetime.timedelta(days=1)


class Made(trustme.LeafCert):
    """A certificate that no sound authority would issue."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        super().__init__(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
            certificate.public_bytes(serialization.Encoding.PEM),
            [],
        )


def self_signed(
    common_name: str, names: tuple[str, ...] = NODES, usage: x509.ObjectIdentifier | None = None
) -> Made:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + 90 * DAY
    )
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(text) for text in names])
        builder = builder.add_extension(san, critical=False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Made(key, builder.sign(key, hashes.SHA256()))


async def findings(certificate: trustme.LeafCert, wall: float | None = None) -> list[str]:
    plan = Plan(records=sound, certificate=certificate)
    async with running(plan) as lab, Http(lab.resolver(), lab.trust()) as http:
        patient = Patient("example.test", lab.resolver(), http, lab.trust())
        if wall is not None:
            patient.wall = lambda: wall
        report = await examine(patient, checks=(Certificates(),))
    return sorted({finding.code for finding in report.findings})


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (AUTHORITY.issue_cert(*NODES), []),
        (AUTHORITY.issue_cert("*.example.test"), []),
        (trustme.CA().issue_cert(*NODES), ["AP-DOC-301"]),
        (self_signed("cucm1.example.test"), ["AP-DOC-302"]),
        (AUTHORITY.issue_cert("other.example.test"), ["AP-DOC-303"]),
        (AUTHORITY.issue_cert("127.0.0.1"), ["AP-DOC-303"]),
        (
            AUTHORITY.issue_cert(*NODES, not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)),
            ["AP-DOC-304"],
        ),
        (
            AUTHORITY.issue_cert(*NODES, not_after=datetime.datetime.now(datetime.UTC) + 5 * DAY),
            ["AP-DOC-305"],
        ),
        (self_signed("x", usage=ExtendedKeyUsageOID.CLIENT_AUTH), ["AP-DOC-302", "AP-DOC-307"]),
        (self_signed("*.example.test", names=()), ["AP-DOC-302", "AP-DOC-309"]),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_found(
    certificate: trustme.LeafCert, expected: list[str]
) -> None:
    assert await findings(certificate) == expected


async def test_a_clock_that_is_behind_makes_it_not_valid_yet() -> None:
    assert await findings(AUTHORITY.issue_cert(*NODES), wall=time.time() - 400 * 86400 * 30) == ["AP-DOC-304"]


async def test_a_port_without_tls_is_found() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        writer.close()

    async with running(Plan(records=sound, http=False)) as lab, Http(lab.resolver(), lab.trust()) as http:
        server = await asyncio.start_server(plain, lab.host, 8443)
        patient = Patient("example.test", lab.resolver(), http, lab.trust())
        report = await examine(patient, checks=(Certificates(),))
        server.close()
        await server.wait_closed()
    assert {finding.code for finding in report.findings} == {"AP-DOC-308"}


@pytest.mark.parametrize(("names", "expected"), [(("example.test",), set()), (NODES, {"AP-DOC-303"})])
async def test_a_chat_server_is_known_by_its_domain_after_starttls(
    names: tuple[str, ...], expected: set[str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)

    async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = await reader.readuntil(b"streams'>")
        assert b"to='example.test'" in header
        writer.write(
            b"<stream:stream id='1' version='1.0'><stream:features>"
            b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
        )
        await reader.readuntil(b"/>")
        writer.write(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await writer.drain()
        await writer.start_tls(context)
        await reader.read()
        writer.close()

    async with running(Plan(records=only_chat, http=False, files=False, sip={})) as lab:
        server = await asyncio.start_server(chat, lab.host, 5222)
        async with Http(lab.resolver(), lab.trust()) as http:
            patient = Patient("example.test", lab.resolver(), http, lab.trust())
            report = await examine(patient, checks=(Certificates(),))
        server.close()
        await server.wait_closed()
    assert {finding.code for finding in report.findings} == expected
    assert len(report.results[0].good) == (0 if expected else 1)


def only_chat(records: tuple[Record, ...]) -> Iterable[Record]:
    return [r for r in records if r.kind == "A" or r.name == "_xmpp-client._tcp.example.test"]
