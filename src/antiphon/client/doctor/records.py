"""Service records: are they there, spelled right, and do they lead to hosts?

Source: S1-44 … S1-49, S2-44 … S2-46, S2-87, RFC 2782.
"""

from __future__ import annotations

import asyncio

from antiphon.client.doctor.findings import Problem, Result, Severity
from antiphon.client.doctor.patient import Patient
from antiphon.io.dns_client import Outcome, SrvAnswer
from antiphon.kernel.errors import Kind
from antiphon.protocols.dns.names import is_address, srv_name, underscore_twin

SERVICES = (
    ("cisco-uds", "tcp"),
    ("cuplogin", "tcp"),
    ("collab-edge", "tls"),
    ("xmpp-client", "tcp"),
    ("xmpps-client", "tcp"),
    ("sip", "udp"),
    ("sip", "tcp"),
    ("sips", "tcp"),
)

NO_RECORDS = Problem(
    "AP-DNS-001",
    Kind.NOT_FOUND,
    "No service record leads into this deployment.",
    "Publish _cisco-uds._tcp on internal name servers, and _collab-edge._tls on external ones if there is an edge.",
    "A client that finds neither asks its user to type in server names.",
)
NO_NAME_SERVER = Problem(
    "AP-DNS-002",
    Kind.UNAVAILABLE,
    "The name servers do not answer.",
    "Check the address given with --resolver, or the name servers this machine was given by DHCP.",
    "Without DNS a client cannot tell inside from outside and finds nothing.",
)
UNDERSCORE = Problem(
    "AP-DNS-003",
    Kind.INVALID,
    "A service record is spelled with an underscore inside its name.",
    "Rename the record: a hyphen between the words, as in _cisco-uds._tcp.",
    "Clients ask for the name with the hyphen only; some guides print the other one by mistake.",
)
ADDRESS_TARGET = Problem(
    "AP-DNS-004",
    Kind.INVALID,
    "The target of a service record is an IP address.",
    "Make a host record for the server and let the service record name that host.",
    "A target is a host name (RFC 2782); an address is read as a name that does not exist, and no certificate fits it.",
)
NO_TARGET = Problem(
    "AP-DNS-005",
    Kind.NOT_FOUND,
    "The target of a service record does not resolve.",
    "Add an A or AAAA record for the host, or correct the target.",
    "Clients pass this server over; if it is the only one, they fail.",
)
BOTH_VIEWS = Problem(
    "AP-DNS-006",
    Kind.CONFLICT,
    "The record for inside and the record for the edge are both seen from here.",
    "Publish _cisco-uds on internal name servers only, and _collab-edge on external ones only.",
    "Clients outside will believe that they are inside and try servers that they cannot reach.",
    Severity.WARNING,
)
REFUSED = Problem(
    "AP-DNS-007",
    Kind.INVALID,
    "A service record says that the service is decidedly not available.",
    "Remove the record with target '.', or publish the real servers.",
    "Clients give up at once, without trying anything else.",
)


class ServiceRecords:
    name = "records"
    title = "Service records in DNS"

    async def look(self, patient: Patient, result: Result) -> None:
        answers = await asyncio.gather(*(patient.srv(service, protocol) for service, protocol in SERVICES))
        if all(answer.outcome is Outcome.NO_ANSWER for answer in answers):
            result.findings.append(NO_NAME_SERVER.at(str(patient.resolver)))
            return
        for answer in answers:
            await self._targets(patient, answer, result)
        await self._spelling(patient, result)
        inside, _, edge, *_ = answers
        if not any(answer.records for answer in answers[:3]):
            names = ", ".join(answer.name for answer in answers[:3])
            result.findings.append(NO_RECORDS.at(patient.domain, f"none of {names}"))
        if inside.records and edge.records:
            result.findings.append(BOTH_VIEWS.at(str(patient.resolver), f"{inside.name} and {edge.name}"))

    async def _targets(self, patient: Patient, answer: SrvAnswer, result: Result) -> None:
        if answer.outcome is Outcome.REFUSED_SERVICE:
            result.findings.append(REFUSED.at(answer.name))
        for record in answer.records:
            text = f"{record.priority} {record.weight} {record.port} {record.target}"
            if is_address(record.target):
                result.findings.append(ADDRESS_TARGET.at(answer.name, text))
                continue
            found = await patient.resolver.address(record.target)
            if found.addresses:
                result.good.append(f"{answer.name}: {text} ({', '.join(found.addresses)})")
            else:
                result.findings.append(NO_TARGET.at(answer.name, f"{text}: {found.outcome.value}"))

    async def _spelling(self, patient: Patient, result: Result) -> None:
        for service, protocol in SERVICES:
            twin = underscore_twin(srv_name(service, protocol, patient.domain))
            if twin is None:
                continue
            answer = await patient.resolver.srv(twin)
            if answer.outcome is Outcome.FOUND:
                right = srv_name(service, protocol, patient.domain)
                result.findings.append(UNDERSCORE.at(twin, f"should be {right}"))
