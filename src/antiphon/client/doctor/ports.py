"""Ports: does somebody listen where clients will knock?

Source: S3-17 … S3-19, S3-47 and the port table of the interfaces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from antiphon.client.doctor.findings import Finding, Problem, Result, Severity
from antiphon.client.doctor.patient import Patient
from antiphon.client.doctor.probe import Reached, knock
from antiphon.kernel.errors import Kind

CLOSED = Problem(
    "AP-NET-001",
    Kind.UNAVAILABLE,
    "Nobody listens on a port that clients use.",
    "Start the service on this node, or correct the record that leads here.",
    "The host is there and refuses: the service is not running, or it listens elsewhere.",
)
SILENT = Problem(
    "AP-NET-002",
    Kind.UNAVAILABLE,
    "A port that clients use does not answer.",
    "Open the port in the firewall between clients and this node, and check that the node is up.",
    "Neither accepted nor refused: packets are dropped on the way, and clients wait before they try another server.",
)
PLAIN_FILES_ONLY = Problem(
    "AP-NET-003",
    Kind.UNAVAILABLE,
    "Configuration files are served without TLS only.",
    "Serve them on 6972 as well.",
    "What a client is told to be can then be changed on the way.",
    Severity.WARNING,
)

FILES, TLS_FILES = 6970, 6972


class Ports:
    name = "ports"
    title = "Ports that clients use"

    async def look(self, patient: Patient, result: Result) -> None:
        wanted = await self._wanted(patient)
        if not wanted:
            result.skipped = "no service record names a host"
            return
        reached = await asyncio.gather(*(knock(patient.resolver, host, port) for host, port, _ in wanted))
        states = {(host, port): state for (host, port, _), state in zip(wanted, reached, strict=True)}
        for host, port, use in wanted:
            state = states[host, port]
            if state is Reached.OPEN:
                result.good.append(f"{host}:{port} ({use})")
            elif state is not Reached.NO_ADDRESS:
                result.findings.append(_finding(states, host, port, use))

    async def _wanted(self, patient: Patient) -> list[tuple[str, int, str]]:
        wanted: dict[tuple[str, int], str] = {}
        for host in await patient.directory_nodes():
            wanted[host, FILES] = "configuration files"
            wanted[host, TLS_FILES] = "configuration files, TLS"
        for service, protocol, use in _services():
            for record in await patient.servers(service, protocol):
                wanted.setdefault((record.target, record.port), use)
        return [(host, port, use) for (host, port), use in wanted.items()]


def _services() -> Iterator[tuple[str, str, str]]:
    yield "cisco-uds", "tcp", "directory and sign-in"
    yield "cuplogin", "tcp", "presence server's web services"
    yield "collab-edge", "tls", "edge"
    yield "xmpp-client", "tcp", "chat"
    yield "xmpps-client", "tcp", "chat, direct TLS"
    yield "sip", "tcp", "calls"
    yield "sips", "tcp", "calls, TLS"


def _finding(states: dict[tuple[str, int], Reached], host: str, port: int, use: str) -> Finding:
    if port == TLS_FILES and states.get((host, FILES)) is Reached.OPEN:
        return PLAIN_FILES_ONLY.at(f"{host}:{port}")
    problem = CLOSED if states[host, port] is Reached.CLOSED else SILENT
    return problem.at(f"{host}:{port}", use)
