"""The services of a process, put together. Used by real nodes, by the benchmarks and by scenarios alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from antiphon import __version__
from antiphon.kernel import features
from antiphon.kernel.bus import Bus
from antiphon.kernel.database import Database
from antiphon.kernel.random import Random
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Timers
from antiphon.model import Cluster
from antiphon.protocols.oauth.clients import well_known_clients
from antiphon.services.call.service import CallService
from antiphon.services.directory.service import Directory
from antiphon.services.discovery.roles import nodes_with
from antiphon.services.discovery.service import Discovery
from antiphon.services.identity import store as identity_store
from antiphon.services.identity.authorization import AuthorizationServer
from antiphon.services.identity.ports import PasswordHash
from antiphon.services.identity.service import Identity
from antiphon.services.messaging import store as messaging_store
from antiphon.services.messaging.config import Software
from antiphon.services.messaging.ports import Promise
from antiphon.services.messaging.service import Messaging
from antiphon.services.presence import phone
from antiphon.services.presence.service import PresenceEngine
from antiphon.services.provisioning.service import Provisioning
from antiphon.services.registrar import directory as registrar_directory
from antiphon.services.registrar import store as registrar_store
from antiphon.services.registrar.journal import Journal
from antiphon.services.registrar.service import Registrar

CALL_FEATURES = "antiphon.services.call.features"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the drivers give to every service."""

    database: Database
    bus: Bus
    timers: Timers
    random: Random
    tasks: Tasks
    hashing: PasswordHash
    promise: Callable[[], Promise]
    """`loop.create_future`."""


@dataclass(frozen=True, slots=True)
class Services:
    cluster: Cluster
    directory: Directory
    identity: Identity
    authorization: AuthorizationServer
    presence: PresenceEngine
    registrar: Registrar
    calls: CallService
    messaging: Messaging
    provisioning: Provisioning
    discovery: Discovery

    async def stop(self) -> None:
        """What was accepted is in the store when this returns."""
        self.identity.stop()
        await self.messaging.stop()


def issuer(cluster: Cluster, port: int = 8443) -> str:
    """The OAuth issuer: the primary identity node."""
    return f"https://{nodes_with(cluster, 'identity')[0].name}:{port}"


async def start_services(
    cluster: Cluster, around: Surroundings, secret: bytes, https_port: int = 8443
) -> Services:
    """Bring the store up to date, load what decisions are made from, and connect the services by bus and ports."""
    database, bus, timers, random, tasks = (
        around.database,
        around.bus,
        around.timers,
        around.random,
        around.tasks,
    )
    await database.upgrade(identity_store.SCHEMA, messaging_store.SCHEMA, registrar_store.SCHEMA)
    directory = Directory(database, bus, random)
    await directory.load()
    directory.follow(tasks)
    identity = Identity(
        database=database,
        users=directory,
        hashing=around.hashing,
        timers=timers,
        random=random,
        bus=bus,
        tasks=tasks,
        secret=secret,
        issuer=issuer(cluster, https_port),
        audience=cluster.domain,
    )
    await identity.start()
    presence = PresenceEngine(timers, bus)
    phone.listen(presence, bus)
    bindings = registrar_store.SqlBindingStore(database)
    registrar = Registrar(timers, bus, Journal(bindings, timers, tasks))
    await registrar.restore(bindings)
    registrar_directory.follow(registrar, directory, bus)
    calls = CallService(directory, timers, random, bus, features.load(CALL_FEATURES))
    messaging = Messaging(
        cluster.domain,
        database,
        directory,
        presence,
        bus,
        timers,
        tasks,
        random,
        around.promise,
        software=Software(version=__version__, contacts=cluster.contacts),
    )
    await messaging.start()
    clients = well_known_clients((issuer(cluster, https_port),))
    return Services(
        cluster,
        directory,
        identity,
        AuthorizationServer(identity, clients, timers),
        presence,
        registrar,
        calls,
        messaging,
        Provisioning(cluster, directory),
        Discovery(cluster, directory),
    )
