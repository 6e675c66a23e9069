"""A node for the load tools: domain `localhost`, users `1%05d` with password `pw<n>`, each with a line of the same number.

    python bench/node.py [--users 200] [--accounts u%d]    prints one JSON line {pid, xmpp, xmpp_tls, sip, sip_tls, https}

It is the same composition as the lab's (services, doors, drivers); what differs is said here: clear-text sign-in is
allowed, because the load tools measure without TLS too, and no rate limit slows the load down.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import tempfile
from pathlib import Path

import uvloop

from antiphon.interfaces.sip.endpoints import SipDatagramEndpoint, SipStreamEndpoint
from antiphon.interfaces.sip.listener import Listener
from antiphon.interfaces.xmpp.config import DoorSettings
from antiphon.interfaces.xmpp.door import XmppDoor
from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.database import open_database
from antiphon.io.password_hash import Argon2
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.model import Cluster, Device, DeviceLine, Line, Node, User
from antiphon.roles.node import Nodes
from antiphon.roles.services import Services, Surroundings, start_services
from antiphon.services.trust.certificates import Purpose
from antiphon.services.trust.service import Trust

CLUSTER = Cluster(
    "bench", "localhost", (Node("localhost", "127.0.0.1", ("identity", "provisioning", "call", "im")),)
)


async def make_user(services: Services, userid: str, number: str, password: str) -> None:
    directory = services.directory
    await directory.put_user(User(userid, "", last_name=userid))
    await services.identity.set_password(userid, password)
    if number:
        await directory.put_line(Line(number, "", owner=userid))
        await directory.put_device(
            Device(
                f"SEP{int(number):012d}", "", product="Third-party SIP Device (Basic)", model=336, owner=userid,
                lines=(DeviceLine(number),), sip_oauth=False, digest_algorithms=("MD5",),
            )
        )  # fmt: skip


async def run(users: int, accounts: str, directory: Path) -> None:
    loop = asyncio.get_running_loop()
    database = open_database(f"sqlite:///{directory / 'bench.db'}")
    # Cheap hashing: passwords are set by the hundred here, and what is measured is not the hash.
    hashing, tasks = Argon2(memory_kib=64), LoopTasks()
    around = Surroundings(
        database, LocalBus(), LoopTime(loop), SystemRandom(), tasks, hashing, loop.create_future
    )
    services = await start_services(CLUSTER, around, b"bench" * 8)
    await services.identity.change_settings(min_password_length=1)
    for number in range(users):
        if accounts:
            await make_user(services, accounts % number, "", f"pw{number}")
        else:
            await make_user(services, f"1{number:05d}", f"1{number:05d}", f"pw{number}")
    trust = Trust(
        directory=directory / "certificates", timers=around.timers, bus=around.bus, domain="localhost"
    )
    trust.open()
    nodes = Nodes(services, trust, around)
    settings = DoorSettings(tls_required=False, clear_secrets=True, stanzas_per_s=0.0)
    nodes.xmpp = XmppDoor(
        "localhost",
        services.messaging,
        services.identity,
        around.bus,
        around.timers,
        around.random,
        tasks,
        settings,
    )
    ports = await listen(nodes, trust)
    gc.collect()
    gc.freeze()
    print(json.dumps({"pid": os.getpid(), **ports}), flush=True)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()
    await nodes.stop()
    await services.stop()
    await tasks.drain()
    hashing.close()
    await database.dispose()


async def listen(nodes: Nodes, trust: Trust) -> dict[str, int]:
    trust.ensure("localhost", Purpose.TOMCAT)
    trust.ensure("localhost", Purpose.XMPP)
    streams, contexts = nodes.streams, nodes.tls
    xmpp = contexts.listener("localhost", Purpose.XMPP)
    tls = contexts.listener("localhost", Purpose.TOMCAT)
    found = {
        "xmpp": await streams.stream("127.0.0.1", 0, nodes.xmpp.endpoint, tls=xmpp),
        "xmpp_tls": await streams.stream("127.0.0.1", 0, nodes.xmpp.endpoint, tls=xmpp, tls_now=True),
    }
    # TCP first: a free TCP port is hardly ever somebody's UDP port.
    tcp = Listener("localhost", "127.0.0.1", 0, "tcp", digest_algorithms=("MD5",))
    found["sip"] = await streams.stream("127.0.0.1", 0, lambda: SipStreamEndpoint(nodes.sip, tcp))
    port = found["sip"].port
    plain = Listener("localhost", "127.0.0.1", port, "udp", digest_algorithms=("MD5",))
    await streams.datagram("127.0.0.1", port, SipDatagramEndpoint(nodes.sip, plain))
    secure = Listener("localhost", "127.0.0.1", 0, "tls", digest_algorithms=("MD5",))
    found["sip_tls"] = await streams.stream(
        "127.0.0.1", 0, lambda: SipStreamEndpoint(nodes.sip, secure), tls=tls, tls_now=True
    )
    return {name: address.port for name, address in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--accounts", default="", help="user names without lines, e.g. u%%d")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as directory:
        uvloop.run(run(options.users, options.accounts, Path(directory)))


if __name__ == "__main__":
    main()
