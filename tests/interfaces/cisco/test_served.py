"""The files and the directory over real listeners, fetched by curl and by a hand-written client that means no good."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lxml import etree
from tests.client.lab import AUTHORITY, NODES, Lab, Plan, running


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with running(Plan(sip={})) as started:
        yield started


async def curl(lab: Lab, tmp_path: Path, *arguments: str) -> tuple[int, bytes]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    resolve = [part for port in (8443, 6970, 6972) for part in ("--resolve", f"{NODES[0]}:{port}:{lab.host}")]
    process = await asyncio.create_subprocess_exec(
        "curl", "-s", "-w", "\n%{http_code}", "--cacert", str(tmp_path / "ca.pem"), *resolve, *arguments,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    body, _, status = out.rpartition(b"\n")
    return int(status), body


@pytest.mark.interop
@pytest.mark.parametrize("origin", [f"http://{NODES[0]}:6970", f"https://{NODES[0]}:6972"])
async def test_curl_fetches_a_device_file(lab: Lab, tmp_path: Path, origin: str) -> None:
    status, body = await curl(lab, tmp_path, f"{origin}/CSFALICE.cnf.xml")
    assert status == 200
    assert etree.fromstring(body).findtext("sipOAuthMode") == "1"


@pytest.mark.interop
@pytest.mark.parametrize("path", ["/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%00", "/" + "a" * 4000])
async def test_nothing_but_files_of_the_deployment_is_served(lab: Lab, tmp_path: Path, path: str) -> None:
    status, body = await curl(lab, tmp_path, "--path-as-is", f"http://{NODES[0]}:6970{path}")
    assert status == 404
    assert b"root:" not in body


@pytest.mark.interop
async def test_curl_reads_its_own_devices_with_a_password(lab: Lab, tmp_path: Path) -> None:
    url = f"https://{NODES[0]}:8443/cucm-uds/user/alice/devices"
    status, body = await curl(lab, tmp_path, "-u", "alice:pw-alice", url)
    assert (status, etree.fromstring(body).findtext("device/name")) == (200, "CSFALICE")
    status, body = await curl(lab, tmp_path, "-u", "bob:pw-bob", url)
    assert (status, etree.fromstring(body).findtext("code")) == (403, "AP-UDS-003")


async def raw(lab: Lab, data: bytes) -> bytes:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    reader, writer = await asyncio.open_connection(lab.host, 8443, ssl=context, server_hostname=NODES[0])
    try:
        writer.write(data)
        async with asyncio.timeout(10):
            return await reader.read(65536)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01nonsense\r\n\r\n",
        b"GET /cucm-uds/users?name=" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /cucm-uds/version HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /cucm-uds/version HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_hostile_requests_do_not_disturb_the_next_asker(lab: Lab, tmp_path: Path, data: bytes) -> None:
    answer = await raw(lab, data)
    assert not answer.startswith(b"HTTP/1.1 200") or b"versionInformation" in answer
    answer = await raw(lab, b"GET /cucm-uds/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
