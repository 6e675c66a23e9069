"""The nodes of a process: their doors and listeners, on the real ports."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from antiphon.interfaces.cisco import device_files
from antiphon.interfaces.cisco.device_files import DeviceFiles
from antiphon.interfaces.cisco.uds import Uds
from antiphon.interfaces.http import calls_api, directory_api, health, identity_api, oauth, trust_api
from antiphon.interfaces.sip import SipDoor
from antiphon.interfaces.sip.endpoints import SipDatagramEndpoint, SipStreamEndpoint, SipWebSocketEndpoint
from antiphon.interfaces.sip.listener import Listener, Scheme
from antiphon.interfaces.xmpp.config import DoorSettings
from antiphon.interfaces.xmpp.door import XmppDoor
from antiphon.io.http import HttpServers
from antiphon.io.listen import Listeners
from antiphon.io.tftp import TftpServer
from antiphon.io.tls_contexts import TlsContexts
from antiphon.io.websocket import WebSocketEndpoint
from antiphon.kernel.core import Address, Endpoint
from antiphon.kernel.errors import DomainError
from antiphon.model import Node
from antiphon.protocols.oauth import metadata as paths
from antiphon.roles.metrics import Metrics
from antiphon.roles.services import Services, Surroundings
from antiphon.services.directory.edges import EdgeList
from antiphon.services.directory.events import EdgeNodeChanged
from antiphon.services.identity.events import SessionRevoked, SessionsRevoked
from antiphon.services.trust.certificates import Purpose
from antiphon.services.trust.service import Trust

log = logging.getLogger(__name__)

HTTPS, TFTP, FILES, FILES_PHONE_TLS, FILES_TLS = 8443, 69, 6970, 6971, 6972
SIP, SIP_TLS, SIP_OAUTH, SIP_OAUTH_EDGE = 5060, 5061, 5090, 5091
XMPP, XMPP_TLS, WEBSOCKET_TLS = 5222, 5223, 5443
UNPRIVILEGED_TFTP = 6069
"""Where TFTP listens when this account may not use port 69."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a node's ports become: the real ones, unless several nodes share one address."""

    offset: int = 0

    def __call__(self, port: int) -> int:
        return port + self.offset


class Nodes:
    """Runs the nodes of one process over one set of services."""

    def __init__(self, services: Services, trust: Trust, around: Surroundings) -> None:
        self.services = services
        self.trust = trust
        self.addresses: list[tuple[str, str, Address]] = []
        """(node, what listens, where)."""
        self._around = around
        self.tls = TlsContexts(trust, around.bus)
        self.streams = Listeners()
        self._http = HttpServers()
        self._tftp: list[TftpServer] = []
        self._draining = False
        cluster = services.cluster
        self.sip = SipDoor(
            registrar=services.registrar,
            calls=services.calls,
            directory=services.directory,
            credentials=services.identity,
            tokens=services.identity,
            timers=around.timers,
            random=around.random,
            domain=cluster.domain,
            edges=EdgeList(services.directory),
        )
        around.bus.subscribe(EdgeNodeChanged, lambda _: self.sip.edges_changed())
        around.bus.subscribe(SessionsRevoked, lambda event: self.sip.revoke(event.userid))
        around.bus.subscribe(
            SessionRevoked, lambda event: self.sip.revoke_session(event.userid, event.session_id)
        )
        self.xmpp = XmppDoor(
            cluster.domain,
            services.messaging,
            services.identity,
            around.bus,
            around.timers,
            around.random,
            around.tasks,
            DoorSettings(
                hostnames=tuple(node.name for node in cluster.nodes if "im" in node.roles),
                oauth_metadata=services.identity.issuer + paths.METADATA,
            ),
        )
        self._metrics = Metrics(services, self.sip, self.xmpp, self.streams, trust)

    async def start(self, node: Node, ports: Ports) -> None:
        """Open every listener that the node's roles call for. Faults: AP-IO-010, -011, -012, naming the address."""
        self.trust.ensure(node.name, Purpose.TOMCAT)
        await self._serve_https(node, ports)
        if "provisioning" in node.roles:
            await self._serve_files(node, ports)
        if "call" in node.roles:
            await self._serve_sip(node, ports)
        if "im" in node.roles:
            self.trust.ensure(node.name, Purpose.XMPP)
            await self._serve_xmpp(node, ports)
        if "im" in node.roles or "call" in node.roles:
            await self._serve_websocket(node, ports)

    async def stop(self) -> None:
        """Take no new work, tell peers, close in order."""
        self._draining = True
        await self.xmpp.stop()
        for server in self._tftp:
            await server.stop()
        await self.streams.close()
        await self._http.close()

    def _listening(self, node: Node, what: str, address: Address) -> None:
        self.addresses.append((node.name, what, address))
        log.info("listening", extra={"node": node.name, "what": what, "address": str(address)})

    # --- HTTP ------------------------------------------------------------------------------------------------------

    async def _serve_https(self, node: Node, ports: Ports) -> None:
        services, bus = self.services, self._around.bus
        routes: list[BaseRoute] = [*health.routes(self._checks(), self._metrics.text, lambda: self._draining)]
        if "identity" in node.roles:
            identity = services.identity
            routes += oauth.routes(services.authorization, self._around.timers, services.cluster.version)
            # Before the directory's, which answers for everything else below /api/v1.
            routes += identity_api.routes(identity, self._around.timers)
            routes += trust_api.routes(self.trust, identity)
            routes += calls_api.routes(services.calls, identity)
            routes += directory_api.routes(services.directory, identity, identity, bus)
            base = f"https://{node.name}:{ports(HTTPS)}"
            routes += Uds(
                base, services.discovery, services.directory, services.provisioning, identity
            ).routes()
        else:
            version = services.cluster.version
            routes += oauth.public_routes(services.authorization, self._around.timers, version)
        tls = self.tls.listener(node.name, Purpose.TOMCAT, alpn=("http/1.1",))
        address = await self._http.serve(node.address, ports(HTTPS), Starlette(routes=routes), tls=tls)
        self._listening(node, "https", address)

    async def _serve_files(self, node: Node, ports: Ports) -> None:
        files = DeviceFiles(self.services.provisioning)
        app = Starlette(routes=device_files.routes(files))
        self._listening(node, "files http", await self._http.serve(node.address, ports(FILES), app))
        for port in (FILES_PHONE_TLS, FILES_TLS):
            tls = self.tls.listener(node.name, Purpose.TOMCAT, alpn=("http/1.1",))
            self._listening(
                node, "files https", await self._http.serve(node.address, ports(port), app, tls=tls)
            )
        server = TftpServer(files.body, node.address, ports(TFTP))
        try:
            await server.start()
        except DomainError as error:
            if error.code != "AP-IO-011":
                raise
            server = TftpServer(files.body, node.address, ports(UNPRIVILEGED_TFTP))
            await server.start()
        self._tftp.append(server)
        self._listening(node, "tftp", server.address)

    def _checks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        database = self._around.database

        async def store() -> None:
            async with database.reading() as connection:
                await connection.execute(text("SELECT 1"))

        return {"store": store}

    # --- SIP -------------------------------------------------------------------------------------------------------

    async def _serve_sip(self, node: Node, ports: Ports) -> None:
        plain = self._sip_listener(node, ports(SIP), "udp")
        udp = await self.streams.datagram(node.address, ports(SIP), SipDatagramEndpoint(self.sip, plain))
        self._listening(node, "sip udp", udp)
        await self._sip_stream(node, ports(SIP), "tcp", Scheme.DIGEST)
        await self._sip_stream(node, ports(SIP_TLS), "tls", Scheme.DIGEST)
        await self._sip_stream(node, ports(SIP_OAUTH), "tls", Scheme.BEARER)
        await self._sip_stream(node, ports(SIP_OAUTH_EDGE), "tls", Scheme.BEARER, edge=True)

    async def _sip_stream(
        self, node: Node, port: int, transport: str, scheme: Scheme, edge: bool = False
    ) -> None:
        listener = self._sip_listener(node, port, transport, scheme, edge)
        tls = None
        if transport == "tls":
            tls = self.tls.listener(
                node.name,
                Purpose.TOMCAT,
                alpn=("sip",),
                client_certificates="required" if edge else "none",
            )

        def accept() -> Endpoint:
            return SipStreamEndpoint(self.sip, listener)

        address = await self.streams.stream(node.address, port, accept, tls=tls, tls_now=tls is not None)
        kind = "sip oauth edge" if edge else "sip oauth" if scheme is Scheme.BEARER else f"sip {transport}"
        self._listening(node, kind, address)

    def _sip_listener(
        self, node: Node, port: int, transport: str, scheme: Scheme = Scheme.DIGEST, edge: bool = False
    ) -> Listener:
        return Listener(node.name, node.name, port, transport, scheme, edge=edge)

    # --- XMPP ------------------------------------------------------------------------------------------------------

    async def _serve_xmpp(self, node: Node, ports: Ports) -> None:
        starttls = self.tls.listener(node.name, Purpose.XMPP)
        address = await self.streams.stream(node.address, ports(XMPP), self.xmpp.endpoint, tls=starttls)
        self._listening(node, "xmpp", address)
        direct = self.tls.listener(node.name, Purpose.XMPP, alpn=("xmpp-client",))
        address = await self.streams.stream(
            node.address, ports(XMPP_TLS), self.xmpp.endpoint, tls=direct, tls_now=True
        )
        self._listening(node, "xmpp tls", address)

    async def _serve_websocket(self, node: Node, ports: Ports) -> None:
        inner: dict[str, Callable[[], Endpoint]] = {}
        if "im" in node.roles:
            inner["xmpp"] = self.xmpp.endpoint
        if "call" in node.roles:
            listener = self._sip_listener(node, ports(WEBSOCKET_TLS), "wss", Scheme.BEARER)
            inner["sip"] = lambda: SipWebSocketEndpoint(self.sip, listener)
        page = self._host_meta(node, ports)
        origins = self._origins(ports)
        tls = self.tls.listener(node.name, Purpose.TOMCAT, alpn=("http/1.1",))

        def accept() -> Endpoint:
            return WebSocketEndpoint(inner, page=page, origins=origins)

        address = await self.streams.stream(node.address, ports(WEBSOCKET_TLS), accept, tls=tls, tls_now=True)
        self._listening(node, "websocket " + "+".join(inner), address)

    def _origins(self, ports: Ports) -> tuple[str, ...]:
        """Whose pages a browser may connect from: the deployment's own. Other programs name no origin."""
        cluster = self.services.cluster
        nodes = (
            f"https://{node.name}:{ports(port)}" for node in cluster.nodes for port in (HTTPS, WEBSOCKET_TLS)
        )
        return (f"https://{cluster.domain}", *(f"https://{node.name}" for node in cluster.nodes), *nodes)

    def _host_meta(self, node: Node, ports: Ports) -> Callable[[str], tuple[int, str, bytes] | None]:
        """Where the WebSocket is (XEP-0156), for clients that ask the web server of the domain."""
        url = f"wss://{node.name}:{ports(WEBSOCKET_TLS)}/xmpp-websocket"
        rel = "urn:xmpp:alt-connections:websocket"
        as_json = json.dumps({"links": [{"rel": rel, "href": url}]}).encode()
        as_xml = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="{rel}" href="{url}"/></XRD>'
        ).encode()
        pages = {
            "/.well-known/host-meta.json": (200, "application/json", as_json),
            "/.well-known/host-meta": (200, "application/xrd+xml", as_xml),
        }
        return lambda path: pages.get(path)
