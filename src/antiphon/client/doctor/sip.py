"""SIP with tokens, from both sides: does the device file say what the server does?

A REGISTER without credentials is sent to the port the file names; the challenge that comes back tells how the server
wants this device to sign in. Nothing is registered. Source: S3-14 … S3-19, S3-49 … S3-54, S3-60, S3-61.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from urllib.parse import quote

from antiphon.client import documents
from antiphon.client.doctor.findings import Problem, Result, Severity
from antiphon.client.doctor.patient import Patient
from antiphon.client.doctor.ports import TLS_FILES
from antiphon.client.doctor.probe import exchange, readable
from antiphon.client.documents import CallManager, DeviceSettings
from antiphon.kernel.errors import DomainError, Kind
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.parse import parse_datagram

NO_FILE = Problem(
    "AP-DOC-501",
    Kind.NOT_FOUND,
    "A device has no configuration file.",
    "Add the device; names are case-sensitive.",
    "The phone does not learn where to register.",
)
PORT_MISMATCH = Problem(
    "AP-DOC-502",
    Kind.CONFLICT,
    "The server says that this device came to the wrong port.",
    "Make device file and server agree: OAuth in the phone's security profile and sipOAuthMode on, or both off.",
    "The phone reads one thing in its file and is told another: it never registers.",
)
WRONG_CHALLENGE = Problem(
    "AP-DOC-503",
    Kind.CONFLICT,
    "The server asks for another proof than the device file lets the phone expect.",
    "On sipOAuthPort the server must ask for Bearer, on 5060 and 5061 for Digest; check the ports of the node.",
    "The phone has no answer to that challenge.",
)
NO_SIP = Problem(
    "AP-DOC-504",
    Kind.UNAVAILABLE,
    "A call node does not answer on the port that the device file names.",
    "Start the call service there, open the port, or correct the port in the file; check the node's certificate.",
    "The phone goes on to the next node of its list, or does not register at all.",
)
NO_MEMBERS = Problem(
    "AP-DOC-505",
    Kind.INVALID,
    "A device file names no call node.",
    "Add a node with the call role to the cluster.",
    "The phone has nowhere to register.",
)
CLEAR_SIGNALLING = Problem(
    "AP-DOC-506",
    Kind.INVALID,
    "A device registers without TLS.",
    "Use SIP OAuth or an encrypted security profile for this device.",
    "Calls and their keys can be read on the way.",
    Severity.WARNING,
)
OPEN_EDGE_PORT = Problem(
    "AP-DOC-507",
    Kind.INVALID,
    "The port for the edge answers without a client certificate.",
    "Serve sipMRAOAuthPort with mutual TLS and admit the certificates of the edge only.",
    "Everybody who reaches the port can pretend to be the edge.",
)


class SipSides:
    name = "sip"
    title = "SIP: device file and server agree"

    async def look(self, patient: Patient, result: Result) -> None:
        if not patient.devices:
            result.skipped = "no device was named: give one with --device"
            return
        nodes = await patient.directory_nodes()
        if not nodes:
            result.skipped = "no _cisco-uds record names a host"
            return
        for name in patient.devices:
            url = f"https://{nodes[0]}:{TLS_FILES}/{quote(name)}.cnf.xml"
            settings = await _settings(patient, result, url, name)
            if settings is None:
                continue
            if not settings.members:
                result.findings.append(NO_MEMBERS.at(url))
            for member in settings.members:
                await self._register(patient, result, settings, member)
                if settings.sip_oauth:
                    await self._edge_port(patient, result, settings, member)

    async def _register(
        self, patient: Patient, result: Result, settings: DeviceSettings, member: CallManager
    ) -> None:
        way = documents.signalling(settings, member)
        where = f"{settings.name} at {member.host}:{way.port}"
        if not way.tls:
            result.findings.append(CLEAR_SIGNALLING.at(where))
        request = _probe(settings, member, "TLS" if way.tls else "TCP")
        context = patient.context if way.tls else None
        try:
            answered = parse_datagram(
                await exchange(patient.resolver, context, member.host, way.port, request)
            )
        except (OSError, ssl.SSLError, TimeoutError, EOFError, asyncio.LimitOverrunError) as error:
            result.findings.append(NO_SIP.at(where, readable(error)))
            return
        if not isinstance(answered, Response):
            result.findings.append(NO_SIP.at(where, "the answer is not SIP"))
            return
        _judge(result, where, settings.sip_oauth, answered)

    async def _edge_port(
        self, patient: Patient, result: Result, settings: DeviceSettings, member: CallManager
    ) -> None:
        """Mutual TLS (S3-19): whoever has no certificate gets no answer there. A closed port is an edge nobody needs."""
        request = _probe(settings, member, "TLS")
        where = f"{member.host}:{member.edge_oauth_port}"
        try:
            await exchange(patient.resolver, patient.context, member.host, member.edge_oauth_port, request)
        except (OSError, TimeoutError, EOFError):
            return
        result.findings.append(OPEN_EDGE_PORT.at(where, "answered without a client certificate"))


def _judge(result: Result, where: str, oauth: bool, response: Response) -> None:
    seen = f"{response.status} {response.reason}"
    if response.status == 403 and "mismatch" in response.get("Warning").lower():
        says = f"sipOAuthMode {int(oauth)}"
        result.findings.append(PORT_MISMATCH.at(where, f"file: {says}; server: {response.get('Warning')}"))
        return
    challenges = [*response.values("Proxy-Authenticate"), *response.values("WWW-Authenticate")]
    schemes = sorted({text.partition(" ")[0].lower() for text in challenges})
    wanted = "bearer" if oauth else "digest"
    if wanted in schemes:
        result.good.append(f"{where}: {seen}, asks for {wanted}")
        return
    asked = f"asks for {', '.join(schemes)}" if schemes else "asks for nothing"
    result.findings.append(WRONG_CHALLENGE.at(where, f"{seen}, {asked}; expected {wanted}"))


async def _settings(patient: Patient, result: Result, url: str, name: str) -> DeviceSettings | None:
    try:
        answer = await patient.http.get(url)
        if answer.ok:
            return documents.device_settings(answer.body, name)
        result.findings.append(NO_FILE.at(url, f"status {answer.status}"))
    except DomainError as error:
        result.findings.append(NO_FILE.at(url, error.detail))
    return None


def _probe(settings: DeviceSettings, member: CallManager, transport: str) -> bytes:
    """A REGISTER as the device would send it, without credentials."""
    number = quote(settings.lines[0].number if settings.lines else "doctor", safe="")
    user = quote(settings.lines[0].contact if settings.lines else "doctor", safe="-") or "doctor"
    address = f"sip:{number}@{member.host}"
    device = settings.name.replace("\\", "").replace('"', "")
    fields = {
        "Via": f"SIP/2.0/{transport} doctor.invalid;branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards": "70",
        "From": f"<{address}>;tag={secrets.token_hex(6)}",
        "To": f"<{address}>",
        "Call-ID": secrets.token_hex(12),
        "CSeq": "1 REGISTER",
        "Contact": f"<sip:{user}@doctor.invalid;transport={transport.lower()}>"
        f';+u.sip!devicename.ccm.cisco.com="{device}";+u.sip!model.ccm.cisco.com="503"',
        "User-Agent": "Antiphon-doctor",
        "Expires": "0",
    }
    return Request("REGISTER", f"sip:{member.host}", fields).to_bytes()
