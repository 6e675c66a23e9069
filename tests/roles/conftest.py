"""A node in this process, on a loopback address of its own with the real ports."""

from __future__ import annotations

import asyncio
import datetime
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import randint
from typing import Any

import pytest

from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.database import open_database
from antiphon.io.password_hash import Argon2
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.model import Cluster, Device, DeviceLine, Line, Node, User
from antiphon.protocols.x509.issue import (
    Authority,
    certificates_pem,
    key_pem,
    make_authority,
    make_certificate,
    new_key,
)
from antiphon.protocols.x509.names import Names
from antiphon.roles.node import Nodes, Ports
from antiphon.roles.services import Services, Surroundings, start_services
from antiphon.services.trust.service import Trust

NAME = "cucm1.example.test"


def now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


@dataclass
class RunningNode:
    """Alice has line 1001 and the softphone CSFALICE; root is an administrator."""

    node: Node
    services: Services
    trust: Trust
    nodes: Nodes
    bus: LocalBus

    async def token(self, userid: str, session_id: str = "") -> str:
        tokens = await self.services.identity.issue(userid, "test", "", session_id=session_id)
        return tokens.access_token

    async def ask(self, method: str, path: str, body: bytes = b"", userid: str = "root") -> tuple[int, Any]:
        """One request to the administration interface; status and JSON."""
        scope = "admin" if userid == "root" else ""
        token = (await self.services.identity.issue(userid, "test", scope)).access_token
        context = ssl.create_default_context(cadata=self.trust.ca_pem().decode())
        reader, writer = await asyncio.open_connection(
            self.node.address, 8443, ssl=context, server_hostname=NAME
        )
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {NAME}:8443\r\nConnection: close\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        status, _, content = answer.partition(b"\r\n\r\n")
        return int(status.split()[1]), json.loads(content) if content else None

    def context(self, directory: Path, shown: tuple[Authority, Names] | None = None) -> ssl.SSLContext:
        """Trusts the node; shows a certificate of this authority with these names."""
        context = ssl.create_default_context(cadata=self.trust.ca_pem().decode())
        if shown is not None:
            authority, names = shown
            key = new_key()
            path = directory / "client.pem"
            path.write_bytes(
                key_pem(key) + certificates_pem(make_certificate(authority, key, names, now(), 1))
            )
            context.load_cert_chain(path)
        return context

    async def add_person(self, userid: str, number: str) -> None:
        directory = self.services.directory
        await directory.put_user(User(userid, "", last_name=userid))
        await directory.put_line(Line(number, "", owner=userid))
        await directory.put_device(
            Device(f"CSF{userid.upper()}", "", owner=userid, lines=(DeviceLine(number),))
        )


@pytest.fixture
def foreign() -> Authority:
    """An authority that the deployment did not make."""
    return make_authority("Edge CA", now(), 1)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[RunningNode]:
    host = f"127.{randint(64, 250)}.{randint(1, 250)}.{randint(2, 250)}"
    nodes_of_it = (Node(NAME, host, ("identity", "call", "im")),)
    cluster = Cluster("test", "example.test", nodes_of_it, contacts=(("admin", "mailto:admin@example.test"),))
    database = open_database(f"sqlite:///{tmp_path / 'node.db'}")
    hashing, tasks, bus = Argon2(memory_kib=64), LoopTasks(), LocalBus()
    loop = asyncio.get_running_loop()
    around = Surroundings(database, bus, LoopTime(loop), SystemRandom(), tasks, hashing, loop.create_future)
    services = await start_services(cluster, around, b"test" * 8)
    trust = Trust(directory=tmp_path / "certificates", timers=around.timers, bus=bus, domain=cluster.domain)
    trust.open()
    nodes = Nodes(services, trust, around)
    await services.directory.put_user(User("root", "", last_name="Root", admin=True))
    await nodes.start(cluster.nodes[0], Ports())
    running = RunningNode(cluster.nodes[0], services, trust, nodes, bus)
    await running.add_person("alice", "1001")
    yield running
    await nodes.stop()
    await services.stop()
    await tasks.drain()
    hashing.close()
    await database.dispose()
