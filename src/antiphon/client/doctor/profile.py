"""The service profile and the client configuration that everybody gets.

Source: S2-10, S2-74 … S2-78, S2-85, S4-43.
"""

from __future__ import annotations

from antiphon.client import documents
from antiphon.client.doctor.findings import Problem, Result, Severity
from antiphon.client.doctor.patient import Patient
from antiphon.client.doctor.ports import TLS_FILES
from antiphon.kernel.errors import DomainError, Kind
from antiphon.protocols.dns.names import is_address
from antiphon.services.provisioning.parameters import known, nearest

NO_PROFILE = Problem(
    "AP-DOC-201",
    Kind.NOT_FOUND,
    "The default service profile cannot be read.",
    "Make a service profile and mark it as the default one; start the file service on this node.",
    "Clients do not learn where chat, voicemail and the directory are.",
)
NO_IM = Problem(
    "AP-DOC-202",
    Kind.INVALID,
    "The default service profile names no presence server.",
    "Add an IM and Presence service to the profile, unless this is a deployment for phones only.",
    "Clients sign in to the call manager and offer no chat (phone mode).",
    Severity.WARNING,
)
ADDRESS_IN_PROFILE = Problem(
    "AP-DOC-203",
    Kind.INVALID,
    "The service profile names a server by its IP address.",
    "Name it by the host name its certificate is for.",
    "The certificate does not fit the address, and users are asked to accept it.",
    Severity.WARNING,
)
UNKNOWN_HOST = Problem(
    "AP-DOC-204",
    Kind.NOT_FOUND,
    "The service profile names a server that does not resolve.",
    "Add a host record, or correct the name in the profile.",
    "Clients show this service as not connected.",
)
NOT_READABLE = Problem(
    "AP-DOC-205",
    Kind.INVALID,
    "A configuration file cannot be understood.",
    "Correct the file; it must be well-formed XML without a document type declaration.",
    "Clients pass over the whole file.",
)
SAME_VOICE_DOMAIN = Problem(
    "AP-DOC-206",
    Kind.INVALID,
    "VoiceServicesDomain is set to the services domain itself.",
    "Leave it out unless the service records are in another domain.",
    "It is only for another domain, and stands in the way of access from outside.",
    Severity.WARNING,
)
UNKNOWN_PARAMETER = Problem(
    "AP-DOC-207",
    Kind.INVALID,
    "The client configuration sets a parameter that clients do not know.",
    "Correct its spelling.",
    "Clients pass it over without a word.",
    Severity.WARNING,
)


class ServiceProfileFile:
    name = "profile"
    title = "Service profile and client configuration"

    async def look(self, patient: Patient, result: Result) -> None:
        nodes = await patient.directory_nodes()
        if not nodes:
            result.skipped = "no _cisco-uds record names a host"
            return
        for host in nodes:
            await self._profile(patient, result, f"https://{host}:{TLS_FILES}/SPDefault.cnf.xml")
        await self._configuration(patient, result, f"https://{nodes[0]}:{TLS_FILES}/jabber-config.xml")

    async def _profile(self, patient: Patient, result: Result, url: str) -> None:
        body = await _get(patient, result, url, NO_PROFILE)
        if body is None:
            return
        try:
            services = documents.services(body)
        except DomainError as error:
            result.findings.append(NOT_READABLE.at(url, error.detail))
            return
        result.good.append(f"{url}: {', '.join(services.sections) or 'empty'}")
        if not services.of("IMandPresence"):
            result.findings.append(NO_IM.at(url))
        for kind, addresses in services.sections.items():
            for address in addresses:
                await self._address(patient, result, f"{url} {kind}", address.host)

    async def _address(self, patient: Patient, result: Result, where: str, host: str) -> None:
        if is_address(host):
            result.findings.append(ADDRESS_IN_PROFILE.at(where, host))
            return
        found = await patient.resolver.address(host)
        if not found.addresses:
            result.findings.append(UNKNOWN_HOST.at(where, f"{host}: {found.outcome.value}"))

    async def _configuration(self, patient: Patient, result: Result, url: str) -> None:
        body = await _get(patient, result, url, None)
        if body is None:
            return
        try:
            parameters = documents.client_parameters(body)
        except DomainError as error:
            result.findings.append(NOT_READABLE.at(url, error.detail))
            return
        result.good.append(f"{url}: {len(parameters)} parameters")
        for name, value in parameters.items():
            if known(name) is None:
                near = nearest(name)
                result.findings.append(
                    UNKNOWN_PARAMETER.at(url, f"{name}{f' (like {near})' if near else ''}")
                )
            elif known(name) == "VoiceServicesDomain" and value.lower().rstrip(".") == patient.domain:
                result.findings.append(SAME_VOICE_DOMAIN.at(url, value))


async def _get(patient: Patient, result: Result, url: str, absent: Problem | None) -> bytes | None:
    """The file; a missing one is `absent`, or no finding when it may be missing."""
    try:
        answer = await patient.http.get(url)
    except DomainError as error:
        if absent is not None:
            result.findings.append(absent.at(url, error.detail))
        return None
    if answer.ok:
        return answer.body
    if absent is not None:
        result.findings.append(absent.at(url, f"status {answer.status}"))
    return None
