from __future__ import annotations

import asyncio
import json
import ssl
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.lab import free_port

from antiphon.client.discovery.walk import Discoverer
from antiphon.client.environment import Environment
from antiphon.client.http import Http
from antiphon.roles import lab as lab_module
from antiphon.roles.lab import Lab
from antiphon.roles.lab_files import LabEnvironment, LabFiles
from antiphon.roles.topology import EXAMPLE


async def running(directory: Path, topology: str) -> AsyncIterator[LabEnvironment]:
    given = directory / "given.toml"
    given.write_text(topology)
    files = LabFiles(directory / "lab")
    ready: asyncio.Future[LabEnvironment] = asyncio.get_running_loop().create_future()
    lab = Lab(files, files.topology(given))
    task = asyncio.get_running_loop().create_task(lab.run(ready.set_result))
    task.add_done_callback(
        lambda ended: None if ready.done() else ready.set_exception(ended.exception() or EOFError())
    )
    yield await ready
    lab.stop()
    await task


def plan(call: str, im: str) -> str:
    topology = EXAMPLE.replace("127.0.1.1", call).replace("127.0.2.1", im)
    for port in ("10053", "10054"):
        topology = topology.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    return topology


@pytest.fixture
async def lab(tmp_path: Path, worker_id: str) -> AsyncIterator[LabEnvironment]:
    number = 100 + (0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1)
    async for environment in running(tmp_path, plan(f"127.{number}.1.1", f"127.{number}.2.1")):
        yield environment


@pytest.fixture
async def lab_on_one_address(
    tmp_path: Path, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LabEnvironment]:
    """As on a system with 127.0.0.1 and nothing else."""
    monkeypatch.setattr(lab_module, "_can_bind", lambda address: False)
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    monkeypatch.setattr(lab_module, "ONLY_ADDRESS", f"127.{110 + number}.0.1")
    async for environment in running(tmp_path, plan("127.0.1.1", "127.0.2.1")):
        yield environment


def get(environment: LabEnvironment, address: str, path: str) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=environment.ca_file)
    context.check_hostname = False  # nodes are asked by address
    with urllib.request.urlopen(f"https://{address}{path}", context=context, timeout=10) as answer:
        return answer.status, answer.read().decode()


async def test_every_node_answers_health_and_metrics(lab: LabEnvironment) -> None:
    https = [address for _, what, address in lab.listeners if what == "https"]
    assert len(https) == 2
    for address in https:
        assert await asyncio.to_thread(get, lab, address, "/livez") == (200, "ok\n")
        assert await asyncio.to_thread(get, lab, address, "/readyz") == (200, "ok\n")
        _, verbose = await asyncio.to_thread(get, lab, address, "/readyz?verbose")
        assert json.loads(verbose)["checks"]["store"] == [{"status": "pass"}]
        _, metrics = await asyncio.to_thread(get, lab, address, "/metrics")
        for name in (
            "antiphon_build_info",
            "antiphon_calls_active",
            "antiphon_xmpp_sessions",
            "antiphon_cert_expiry",
        ):
            assert name in metrics


async def test_only_the_owner_reads_what_the_lab_keeps(lab: LabEnvironment) -> None:
    directory = Path(lab.directory)
    assert directory.stat().st_mode & 0o077 == 0
    for name in ("antiphon.db", "secret", "passwords.json", "lab.json"):
        assert (directory / name).stat().st_mode & 0o077 == 0, name


async def test_where_there_is_one_loopback_address_nodes_share_it_at_port_offsets(
    lab_on_one_address: LabEnvironment,
) -> None:
    lab = lab_on_one_address
    ports = {(node, what): int(address.rpartition(":")[2]) for node, what, address in lab.listeners}
    assert ports["cucm1.example.test", "https"] == 8443
    assert ports["imp1.example.test", "https"] == 18443
    assert ports["imp1.example.test", "xmpp"] == 15222
    environment = Environment.parse(lab.resolver, lab.ca_file)
    resolver = environment.open_resolver()
    async with Http(resolver, environment.tls_context()) as http:
        found = await Discoverer(resolver, http).discover("alice@example.test")
    assert found.home == "https://cucm1.example.test:8443"
    chat = await resolver.srv("_xmpp-client._tcp.example.test")
    assert [record.port for record in chat.records] == [15222]
