"""User Data Services on every directory node.

Source: S1-44, S2-7, S2-72, S2-73, S2-138.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from antiphon.client import documents
from antiphon.client.doctor.findings import Problem, Result, Severity
from antiphon.client.doctor.patient import Patient
from antiphon.kernel.errors import DomainError, Kind
from antiphon.protocols.dns.names import is_address

T = TypeVar("T")

NO_ANSWER = Problem(
    "AP-DOC-101",
    Kind.UNAVAILABLE,
    "The directory service of a node does not answer.",
    "Start it, and make its certificate one that clients trust; the checks of ports and certificates say which it is.",
    "Clients cannot find home clusters or contacts on this node.",
)
NOT_UDS = Problem(
    "AP-DOC-102",
    Kind.INVALID,
    "What answers on a directory node is not the directory service.",
    "Let _cisco-uds point at nodes that serve /cucm-uds/.",
    "Clients stop at an answer that they do not understand.",
)
UNKNOWN_SERVER = Problem(
    "AP-DOC-103",
    Kind.NOT_FOUND,
    "The cluster lists a directory node that clients cannot find.",
    "List nodes by their full host name, and add a host record for each.",
    "Clients fail over to nodes of this list.",
)
VERSIONS_DIFFER = Problem(
    "AP-DOC-104",
    Kind.CONFLICT,
    "Directory nodes announce different versions.",
    "Finish the upgrade on all nodes of the cluster.",
    "What a client may use then depends on the node it happens to ask.",
    Severity.WARNING,
)
UNKNOWN_USER = Problem(
    "AP-DOC-105",
    Kind.NOT_FOUND,
    "No cluster says that it is the home of this user.",
    "Add the user, or connect the clusters so that the home cluster is asked.",
    "Discovery of this user ends here.",
)
ADDRESS_LISTED = Problem(
    "AP-DOC-106",
    Kind.UNAVAILABLE,
    "A node that is listed as a server has an address instead of a name.",
    "List the node by its full host name.",
    "No certificate fits an address, so users are asked to accept one that does not.",
    Severity.WARNING,
)


class DirectoryService:
    name = "directory"
    title = "Directory service (UDS)"

    async def look(self, patient: Patient, result: Result) -> None:
        nodes = await patient.servers("cisco-uds", "tcp")
        if not nodes:
            result.skipped = "no _cisco-uds record names a host"
            return
        versions: dict[str, str] = {}
        for node in nodes:
            base = f"https://{node.target}:{node.port}"
            version = await _read(patient, result, f"{base}/cucm-uds/version", documents.interface_version)
            if version is None:
                continue
            versions[node.target] = version
            if not patient.home:
                patient.home = base
            result.good.append(f"{base}: version {version}")
            await self._servers(patient, result, base)
        if len(set(versions.values())) > 1:
            seen = ", ".join(f"{host} {version}" for host, version in versions.items())
            result.findings.append(VERSIONS_DIFFER.at(patient.domain, seen))
        if patient.home and patient.user:
            await self._user(patient, result)

    async def _servers(self, patient: Patient, result: Result, base: str) -> None:
        listed = await _read(patient, result, f"{base}/cucm-uds/servers", documents.server_list)
        for host in listed or ():
            if is_address(host):
                result.findings.append(ADDRESS_LISTED.at(f"{base}/cucm-uds/servers", host))
            elif not (found := await patient.resolver.address(host)).addresses:
                result.findings.append(
                    UNKNOWN_SERVER.at(f"{base}/cucm-uds/servers", f"{host}: {found.outcome.value}")
                )

    async def _user(self, patient: Patient, result: Result) -> None:
        url = f"{patient.home}/cucm-uds/clusterUser"
        by = {"email": patient.user} if "@" in patient.user else {"username": patient.user}
        home = await _read(patient, result, url, documents.home_cluster, by)
        if home is None and "@" in patient.user:
            name = patient.user.partition("@")[0]
            home = await _read(patient, result, url, documents.home_cluster, {"username": name})
        if home is None:
            result.findings.append(UNKNOWN_USER.at(url, patient.user))
            return
        result.good.append(f"{patient.user}: home cluster {home.host}")


async def _read(
    patient: Patient,
    result: Result,
    url: str,
    read: Callable[[bytes], T],
    parameters: dict[str, str] | None = None,
) -> T | None:
    try:
        answer = await patient.http.get(url, parameters=parameters)
    except DomainError as error:
        result.findings.append(NO_ANSWER.at(url, error.detail))
        return None
    if not answer.ok:
        result.findings.append(NOT_UDS.at(url, f"status {answer.status}"))
        return None
    try:
        return read(answer.body)
    except DomainError as error:
        result.findings.append(NOT_UDS.at(url, error.detail))
        return None
