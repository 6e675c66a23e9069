"""The lab: a whole deployment in one process, each node on its own loopback address, with names, certificates and people."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import socket
from collections.abc import Callable

from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.database import open_database
from antiphon.io.dns_server import DnsServer
from antiphon.io.password_hash import Argon2
from antiphon.io.secret_file import read_or_make_secret
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.model import Cluster, Device, DeviceLine, Line, Node, SecurityMode, ServiceKind, UcService, User
from antiphon.protocols.dns.authority import Authority
from antiphon.roles.cdr import CallRecords
from antiphon.roles.lab_files import DemoUser, LabEnvironment, LabFiles
from antiphon.roles.node import Nodes, Ports
from antiphon.roles.services import Services, Surroundings, start_services
from antiphon.roles.topology import Person, Topology
from antiphon.services.discovery import records
from antiphon.services.trust.service import Trust

log = logging.getLogger(__name__)

THIRD_PARTY = "Third-party SIP Device (Basic)"
ONLY_ADDRESS = "127.0.0.1"
SHARED_ADDRESS_STEP = 10_000
"""Added to the ports of the second node, and twice to those of the third, where there is one loopback address only."""


def fitted(topology: Topology) -> tuple[Topology, dict[str, Ports]]:
    """The topology as this machine can run it: where only 127.0.0.1 exists, nodes share it at port offsets."""
    nodes = topology.cluster.nodes
    if all(_can_bind(node.address) for node in nodes):
        return topology, {node.name: Ports() for node in nodes}
    shared = tuple(dataclasses.replace(node, address=ONLY_ADDRESS) for node in nodes)
    cluster: Cluster = dataclasses.replace(topology.cluster, nodes=shared)
    offsets = {node.name: Ports(index * SHARED_ADDRESS_STEP) for index, node in enumerate(shared)}
    return dataclasses.replace(topology, cluster=cluster), offsets


def _can_bind(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class Lab:
    """`run` starts everything, tells that it is ready, and ends in order when asked to by SIGINT or SIGTERM."""

    def __init__(self, files: LabFiles, topology: Topology) -> None:
        self._files = files
        self._topology, self._ports = fitted(topology)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask for the end, as SIGINT and SIGTERM do."""
        self._stopping.set()

    async def run(self, ready: Callable[[LabEnvironment], None]) -> None:
        """Faults of starting are raised: AP-IO-010 … -012, AP-DB-…, AP-CRT-…."""
        self._files.prepare()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        database = open_database(f"sqlite:///{self._files.store}")
        hashing = Argon2()
        tasks = LoopTasks()
        around = Surroundings(
            database, LocalBus(), LoopTime(loop), SystemRandom(), tasks, hashing, loop.create_future
        )
        try:
            await self._run(around, ready)
        finally:
            self._files.forget_environment()
            await tasks.drain()
            hashing.close()
            await database.dispose()

    async def _run(self, around: Surroundings, ready: Callable[[LabEnvironment], None]) -> None:
        cluster = self._topology.cluster
        https = self._ports[next(node.name for node in cluster.nodes if "identity" in node.roles)](8443)
        services = await start_services(cluster, around, read_or_make_secret(self._files.secret), https)
        trust = Trust(
            directory=self._files.certificates, timers=around.timers, bus=around.bus, domain=cluster.domain
        )
        trust.open()
        self._files.ca_file.write_bytes(trust.ca_pem())
        await services.identity.change_settings(password_grant=True)
        users = await self._people(services)
        cdr = CallRecords(self._files.call_records)
        cdr.listen(around.bus)
        nodes = Nodes(services, trust, around)
        dns = self._name_servers()
        try:
            for server in dns:
                await server.start()
            for node in cluster.nodes:
                await nodes.start(node, self._ports[node.name])
            trust.start()
            environment = self._environment(users, dns, nodes)
            self._files.write_environment(environment)
            log.info("lab ready", extra={"listeners": len(nodes.addresses)})
            ready(environment)
            await self._stopping.wait()
            log.info("lab stopping")
        finally:
            await nodes.stop()
            for server in dns:
                await server.stop()
            trust.stop()
            await services.stop()
            cdr.close()

    def _name_servers(self) -> tuple[DnsServer, ...]:
        cluster = self._topology.cluster
        views = (
            (records.inside(cluster, self._port_of), self._topology.inside),
            (records.outside(cluster, self._port_of), self._topology.outside),
        )
        return tuple(
            DnsServer(Authority(records.origins(cluster), rows), *address) for rows, address in views
        )

    def _port_of(self, node: Node, port: int) -> int:
        return self._ports[node.name](port)

    def _environment(
        self, users: tuple[DemoUser, ...], dns: tuple[DnsServer, ...], nodes: Nodes
    ) -> LabEnvironment:
        return LabEnvironment(
            pid=os.getpid(),
            directory=str(self._files.directory),
            domain=self._topology.cluster.domain,
            resolver=str(dns[0].address),
            resolver_outside=str(dns[1].address),
            ca_file=str(self._files.ca_file),
            log_file=str(self._files.log),
            users=users,
            listeners=tuple((node, what, str(address)) for node, what, address in nodes.addresses),
        )

    # --- people ----------------------------------------------------------------------------------------------------

    async def _people(self, services: Services) -> tuple[DemoUser, ...]:
        """Make the demo users that are not there yet; what an administrator changed since stays."""
        people = self._topology.people
        passwords = self._files.passwords([person.userid for person in people])
        await self._uc_services(services)
        users = []
        for person in people:
            user = demo_user(person, self._topology.cluster.domain, passwords[person.userid])
            if services.directory.user(person.userid) is None:
                await make_person(services, person, user, self._topology.cluster.domain)
            users.append(user)
        return tuple(users)

    async def _uc_services(self, services: Services) -> None:
        """The default profile names the nodes, as an administrator would enter them."""
        directory = services.directory
        profile = directory.default_service_profile()
        if profile is None or profile.services:
            return
        named: list[tuple[ServiceKind, tuple[str, ...]]] = []
        for kind, role, product, port, protocol in (
            (ServiceKind.IM_AND_PRESENCE, "im", "Unified CM (IM and Presence)", 0, ""),
            (ServiceKind.DIRECTORY, "identity", "Directory", 8443, "HTTPS"),
        ):
            names = []
            for node in (node for node in self._topology.cluster.nodes if role in node.roles):
                name = f"{kind.value} {_label(node)}"
                await directory.put_uc_service(
                    UcService(name, "", kind, node.name, port=port, protocol=protocol, product=product)
                )
                names.append(name)
            named.append((kind, tuple(names[:3])))
        await directory.put_service_profile(dataclasses.replace(profile, services=tuple(named)))


def _label(node: Node) -> str:
    return node.name.partition(".")[0]


def demo_user(person: Person, domain: str, password: str) -> DemoUser:
    return DemoUser(
        userid=person.userid,
        address=f"{person.userid}@{domain}",
        password=password,
        line=person.line,
        device=f"CSF{person.userid.upper()}" if person.line else "",
        digest_device=f"SEP{int(person.line):012d}" if person.line else "",
        admin=person.admin,
    )


async def make_person(services: Services, person: Person, demo: DemoUser, domain: str) -> None:
    """A user with a line, a softphone that signs in with a token, and a SIP device of another maker on digest."""
    directory = services.directory
    name = f"{person.first_name} {person.last_name}".strip() or person.userid
    user = User(
        person.userid,
        "",
        first_name=person.first_name,
        last_name=person.last_name or person.userid,
        display_name=name,
        mail=demo.address,
        directory_uri=demo.address,
        telephone=person.line,
        admin=person.admin,
    )
    await directory.put_user(user)
    await services.identity.set_password(person.userid, demo.password)
    if not person.line:
        return
    await directory.put_line(Line(person.line, "", display_name=name, owner=person.userid))
    appearance = DeviceLine(person.line, label=f"{name} {person.line}")
    await directory.put_device(
        Device(demo.device, "", description=f"{name}, softphone", owner=person.userid, lines=(appearance,))
    )
    await directory.put_device(
        Device(
            demo.digest_device,
            "",
            product=THIRD_PARTY,
            model=336,
            description=f"{name}, SIP phone",
            owner=person.userid,
            lines=(appearance,),
            sip_oauth=False,
            security_mode=SecurityMode.NON_SECURE,
            digest_algorithms=("MD5",),
        )
    )
