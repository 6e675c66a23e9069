"""Certificates: trusted, in date, strong enough, and for the name that clients compare.

Source: S4-5, S4-20, S4-26, S4-29, S4-33 … S4-43; the names are tried in the documented order.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography import x509

from antiphon.client.doctor.findings import Problem, Result, Severity
from antiphon.client.doctor.patient import Patient
from antiphon.client.doctor.ports import TLS_FILES
from antiphon.client.doctor.probe import (
    Presented,
    Reached,
    StartTls,
    certificate_of,
    chain_only_context,
    knock,
)
from antiphon.kernel.errors import Kind
from antiphon.protocols.x509.chain import self_signed, serves, valid_at, weakness
from antiphon.protocols.x509.identity import Expected, Field, match
from antiphon.protocols.x509.names import names_of

SOON_S = 30 * 86400.0

UNTRUSTED = Problem(
    "AP-DOC-301",
    Kind.INVALID,
    "A certificate is not signed by an authority that is trusted here.",
    "Trust the authority on clients (--ca-file here), or have the certificate signed by one they trust; send the chain.",
    "Clients ask their users whether to accept it, or refuse.",
)
SELF_SIGNED = Problem(
    "AP-DOC-302",
    Kind.INVALID,
    "A certificate is self-signed: issued by whom it is issued to.",
    "Make a request (CSR), have it signed by your authority and import it; or install this certificate on every client.",
    "Nobody can tell it from a forged one without comparing fingerprints.",
)
WRONG_NAME = Problem(
    "AP-DOC-303",
    Kind.INVALID,
    "A certificate is for another name.",
    "Issue it for the name that clients use: the host name, and for chat the domain as dNSName, srvName or xmppAddr.",
    "Clients take the server for another one and warn or refuse.",
)
OUT_OF_DATE = Problem(
    "AP-DOC-304",
    Kind.INVALID,
    "A certificate has expired or is not valid yet.",
    "Renew it; if it is not valid yet, check the clocks.",
    "Clients refuse it.",
)
ENDS_SOON = Problem(
    "AP-DOC-305",
    Kind.INVALID,
    "A certificate expires within 30 days.",
    "Renew it now; nothing has to be restarted for the new one.",
    "When it has expired every client is cut off at once.",
    Severity.WARNING,
)
WEAK = Problem(
    "AP-DOC-306",
    Kind.INVALID,
    "A certificate is too weak for today's clients.",
    "Issue it again with an elliptic-curve key or RSA of 2048 bits or more, signed with SHA-256.",
    "TLS libraries refuse it.",
)
NOT_FOR_SERVERS = Problem(
    "AP-DOC-307",
    Kind.INVALID,
    "A certificate may not be used by a server.",
    "Issue it with the extended key usage serverAuth.",
    "Clients that check key usage refuse it.",
)
NO_HANDSHAKE = Problem(
    "AP-DOC-308",
    Kind.UNAVAILABLE,
    "A port accepts connections, but no TLS handshake comes about.",
    "Check that the port speaks TLS (or offers STARTTLS) and allows TLS 1.2 or later.",
    "Clients cannot connect securely and do not connect otherwise.",
)
COMMON_NAME = Problem(
    "AP-DOC-309",
    Kind.INVALID,
    "A certificate names the server in its subject CN only.",
    "Issue it with the name as dNSName in the subject alternative names.",
    "Older clients accept that; today's browsers and libraries do not.",
    Severity.WARNING,
)


class _Place(NamedTuple):
    host: str
    port: int
    expected: Expected
    before: StartTls = StartTls.NOTHING


class Certificates:
    name = "certificates"
    title = "Certificates"

    async def look(self, patient: Patient, result: Result) -> None:
        places = await self._places(patient)
        if not places:
            result.skipped = "no service record names a host"
        context = chain_only_context(patient.context)
        for place in places:
            if await knock(patient.resolver, place.host, place.port) is not Reached.OPEN:
                continue
            presented = await certificate_of(
                patient.resolver, context, place.host, place.port, place.before, patient.domain
            )
            _judge(place, presented, patient.wall(), result)

    async def _places(self, patient: Patient) -> list[_Place]:
        places: dict[tuple[str, int], _Place] = {}
        for service in ("cisco-uds", "cuplogin"):
            for record in await patient.servers(service, "tcp"):
                places[record.target, record.port] = _Place(
                    record.target, record.port, Expected(record.target)
                )
        for host in await patient.directory_nodes():
            places[host, TLS_FILES] = _Place(host, TLS_FILES, Expected(host))
        for record in await patient.servers("sips", "tcp"):
            places[record.target, record.port] = _Place(record.target, record.port, Expected(record.target))
        chat = Expected.for_xmpp(patient.domain)
        for record in await patient.servers("xmpp-client", "tcp"):
            places[record.target, record.port] = _Place(record.target, record.port, chat, StartTls.XMPP)
        for record in await patient.servers("xmpps-client", "tcp"):
            places[record.target, record.port] = _Place(record.target, record.port, chat)
        return list(places.values())


def _judge(place: _Place, presented: Presented, wall: float, result: Result) -> None:
    where = f"{place.host}:{place.port}"
    certificate = presented.certificate
    if certificate is None:
        result.findings.append(NO_HANDSHAKE.at(where, presented.trouble))
        return
    before = len(result.findings)
    _judge_chain(where, certificate, presented, wall, result)
    matched = match(certificate, place.expected)
    if matched is None:
        result.findings.append(
            WRONG_NAME.at(where, f"wanted {place.expected.host}; it is for {_named(certificate)}")
        )
    elif matched.field is Field.COMMON_NAME:
        result.findings.append(COMMON_NAME.at(where, matched.presented))
    if len(result.findings) == before and matched is not None:
        until = certificate.not_valid_after_utc.date().isoformat()
        result.good.append(f"{where}: {matched.presented} ({matched.field.value}), until {until}")


def _judge_chain(
    where: str, certificate: x509.Certificate, presented: Presented, wall: float, result: Result
) -> None:
    if trouble := valid_at(certificate, wall):
        result.findings.append(OUT_OF_DATE.at(where, f"{trouble}: {_dates(certificate)}"))
    elif valid_at(certificate, wall + SOON_S):
        result.findings.append(ENDS_SOON.at(where, _dates(certificate)))
    if not presented.trusted and not trouble:
        problem = SELF_SIGNED if self_signed(certificate) else UNTRUSTED
        result.findings.append(problem.at(where, f"{presented.trouble}; issued by {_issuer(certificate)}"))
    if weak := weakness(certificate):
        result.findings.append(WEAK.at(where, weak))
    if not serves(certificate):
        result.findings.append(NOT_FOR_SERVERS.at(where))


def _dates(certificate: x509.Certificate) -> str:
    return f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"


def _issuer(certificate: x509.Certificate) -> str:
    return certificate.issuer.rfc4514_string() or "nobody named"


def _named(certificate: x509.Certificate) -> str:
    names = names_of(certificate)
    listed = (
        *names.xmpp_addrs,
        *names.srv_names,
        *names.dns_names,
        *names.ip_addresses,
    ) or names.common_names
    return ", ".join(dict.fromkeys(listed)) or "nobody"
