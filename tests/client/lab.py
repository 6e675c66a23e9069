"""A small deployment on one loopback address of its own, with the real ports, for tests of discovery and diagnosis.

DNS, User Data Services and the configuration files are the real ones; passwords, tokens and SIP are stand-ins of a
few lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from random import randint
from typing import Any

import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from tests.services.provisioning.example import DEVICE, Records

from antiphon.interfaces.cisco import device_files
from antiphon.interfaces.cisco.uds import Uds
from antiphon.io.dns_client import Resolver
from antiphon.io.dns_server import DnsServer
from antiphon.io.http import HttpServers
from antiphon.kernel.errors import Fault, Kind
from antiphon.model import Cluster, Device, Node, Principal
from antiphon.protocols.dns.authority import Authority, Record
from antiphon.protocols.oauth.metadata import JWKS, METADATA, metadata
from antiphon.services.discovery.records import inside, origins
from antiphon.services.discovery.service import Discovery
from antiphon.services.provisioning.service import Parameters, Provisioning

AUTHORITY = trustme.CA()
NODES = ("cucm1.example.test", "imp1.example.test")
WRONG = Fault("AP-ID-001", Kind.UNAUTHENTICATED, "Wrong.", "Try again.")


class Tls:
    """`ServerTls` with one certificate."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)

    def context(self) -> ssl.SSLContext:
        return self._context

    def leaf(self, context: ssl.SSLContext) -> bytes:
        return b""


class Doorman:
    """Everybody's password is `pw-<userid>`, everybody's token `token-<userid>`."""

    async def verify_password(self, userid: str, password: str, source: str = "") -> Principal:
        if password != f"pw-{userid}":
            raise WRONG.error()
        return Principal(userid, "password")

    def verify_token(self, token: str) -> Principal:
        if not token.startswith("token-"):
            raise WRONG.error()
        return Principal(token.removeprefix("token-"), "token")


def challenge(status: str, header: str) -> bytes:
    return f"SIP/2.0 {status}\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode()


BEARER = challenge("407 Proxy Authentication Required", 'Proxy-Authenticate: Bearer realm="ccmsipline"')
DIGEST = challenge(
    "401 Unauthorized", 'WWW-Authenticate: Digest realm="ccmsipline", nonce="n", algorithm=SHA-256'
)
MISMATCH = challenge(
    "403 Forbidden", 'Warning: 399 cucm1 "SIP OAuth Registration port Mismatch"\r\nRetry-After: 35'
)


@dataclass
class Plan:
    """How the deployment is to be, and how it is to be broken."""

    records: Callable[[tuple[Record, ...]], Iterable[Record]] = lambda records: records
    certificate: trustme.LeafCert | None = None
    http: bool = True
    files: bool = True
    issuer: str = ""
    metadata: bool = True
    keys: list[dict[str, Any]] = field(
        default_factory=lambda: [{"kty": "EC", "kid": "1", "crv": "P-256", "use": "sig"}]
    )
    device: Device = DEVICE
    parameters: dict[str, Parameters] = field(default_factory=dict)
    sip: dict[int, bytes] = field(
        default_factory=lambda: {5090: BEARER, 5061: DIGEST},
    )
    """What the TLS listener of each port answers to a REGISTER."""


class Lab:
    """Start it with `running(plan)`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.host = f"127.{randint(64, 250)}.{randint(1, 250)}.{randint(2, 250)}"
        roles = (("identity", "provisioning", "call"), ("im",))
        nodes = tuple(Node(name, self.host, role) for name, role in zip(NODES, roles, strict=True))
        self.cluster = Cluster("lab", "example.test", nodes)
        self.directory = Records()
        self.directory.keep(plan.device)
        self.requests: list[str] = []
        self._http = HttpServers()
        self._sip: list[asyncio.Server] = []
        self.dns = DnsServer(
            Authority([*origins(self.cluster), "voice.test"], plan.records(inside(self.cluster))),
            self.host,
            0,
        )

    @property
    def base(self) -> str:
        return f"https://{NODES[0]}:8443"

    def resolver(self) -> Resolver:
        return Resolver(self.dns.address, timeout_s=2.0)

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        AUTHORITY.configure_trust(context)
        return context

    async def start(self) -> None:
        await self.dns.start()
        certificate = self.plan.certificate or AUTHORITY.issue_cert(*NODES)
        tls = Tls(certificate)
        provisioning = Provisioning(self.cluster, self.directory, files=self.plan.parameters)
        if self.plan.http:
            uds = Uds(
                self.base, Discovery(self.cluster, self.directory), self.directory, provisioning, Doorman()
            )
            app = Starlette(routes=[*uds.routes(), *self._identity()])
            await self._http.serve(self.host, 8443, self._logged(app), tls=tls)
        if self.plan.files:
            files = Starlette(routes=device_files.routes(device_files.DeviceFiles(provisioning)))
            await self._http.serve(self.host, 6970, self._logged(files))
            await self._http.serve(self.host, 6972, self._logged(files), tls=tls)
        for port, answer in self.plan.sip.items():
            self._sip.append(await asyncio.start_server(_sip(answer), self.host, port, ssl=tls.context()))

    async def stop(self) -> None:
        for server in self._sip:
            server.close()
            await server.wait_closed()
        await self._http.close()
        await self.dns.stop()

    def change_device(self, **changes: Any) -> None:
        self.directory.keep(replace(self.plan.device, **changes))

    def _identity(self) -> list[BaseRoute]:
        async def describe(_: Request) -> Response:
            issuer = self.plan.issuer or self.base
            document = metadata(issuer, password_grant=True, implicit_grant=False, locales=())
            return JSONResponse(document, 200 if self.plan.metadata else 404)

        async def keys(_: Request) -> Response:
            return JSONResponse({"keys": self.plan.keys})

        async def sign_on(_: Request) -> Response:
            body = '<Response><SingleSignOn><Status enabled="false"/><OAuth codeGrant="true"/></SingleSignOn></Response>'
            return Response(body, media_type="application/xml")

        return [Route(METADATA, describe), Route(JWKS, keys), Route("/ssosp/ws/public/singleSignOn", sign_on)]

    def _logged(self, app: Starlette) -> Any:
        async def logged(scope: Any, receive: Any, send: Any) -> None:
            self.requests.append(scope["path"])
            await app(scope, receive, send)

        return logged


_ECHOED = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")


def _sip(answer: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await reader.readuntil(b"\r\n\r\n")
            status, _, rest = answer.partition(b"\r\n")
            echoed = [line for line in request.split(b"\r\n") if line.startswith(_ECHOED)]
            writer.write(b"\r\n".join([status, *echoed, rest]) if answer.startswith(b"SIP") else answer)
            await writer.drain()
        writer.close()

    return serve


@contextlib.asynccontextmanager
async def running(plan: Plan | None = None) -> AsyncIterator[Lab]:
    lab = Lab(plan or Plan())
    try:
        await lab.start()
        yield lab
    finally:
        await lab.stop()
