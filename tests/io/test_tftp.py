"""The TFTP server on real sockets, with clients that others wrote."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tftpy

from antiphon.io.tftp import TftpServer

FILES = {
    "CSFALICE.cnf.xml": b"<device/>\n" * 100,
    "even.xml": b"x" * 1024,
    "empty.xml": b"",
    "large.xml": bytes(range(256)) * 1200,
}


@pytest.fixture
async def server() -> AsyncIterator[TftpServer]:
    running = TftpServer(FILES.get, "127.0.0.1", 0, max_transfers=4, max_per_host=4)
    await running.start()
    yield running
    await running.stop()


class Asker(asyncio.DatagramProtocol):
    """A UDP socket that asks and waits."""

    def __init__(self, server: TftpServer) -> None:
        self._server = server
        self._received: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport

    async def open(self) -> Asker:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        return self

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received.put_nowait((data, addr))

    def send(self, packet: bytes, to: tuple[str, int] | None = None) -> None:
        self._transport.sendto(packet, to or self._server.address)

    async def receive(self) -> tuple[bytes, tuple[str, int]]:
        async with asyncio.timeout(5):
            return await self._received.get()

    async def ask(self, packet: bytes) -> bytes:
        self.send(packet)
        return (await self.receive())[0]

    def close(self) -> None:
        self._transport.close()


@pytest.fixture
async def asker(server: TftpServer) -> AsyncIterator[Asker]:
    made = await Asker(server).open()
    yield made
    made.close()


@pytest.mark.interop
@pytest.mark.parametrize("name", ["CSFALICE.cnf.xml", "even.xml", "empty.xml"])
@pytest.mark.parametrize("options", [None, {"blksize": 1428, "tsize": 0}])
async def test_tftpy_fetches_a_file(server: TftpServer, name: str, options: dict[str, int] | None) -> None:
    client = tftpy.TftpClient("127.0.0.1", server.address.port, options or {})
    received = io.BytesIO()
    received.close = lambda: None  # type: ignore[method-assign] # tftpy closes what it wrote to
    await asyncio.to_thread(client.download, name, received, None, 5)
    assert received.getvalue() == FILES[name]


@pytest.mark.interop
async def test_curl_fetches_a_file(server: TftpServer) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    url = f"tftp://127.0.0.1:{server.address.port}/large.xml"
    process = await asyncio.create_subprocess_exec("curl", "-s", url, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out == FILES["large.xml"]


@pytest.mark.interop
@pytest.mark.parametrize("mode", ["octet", "netascii"])
async def test_the_tftp_command_fetches_a_file(server: TftpServer, tmp_path: Path, mode: str) -> None:
    if shutil.which("tftp") is None:
        pytest.skip("tftp is not installed (tftp-hpa)")
    process = await asyncio.create_subprocess_exec(
        "tftp",
        "-m",
        mode,
        "127.0.0.1",
        str(server.address.port),
        "-c",
        "get",
        "CSFALICE.cnf.xml",
        cwd=tmp_path,
    )
    await process.wait()
    assert (tmp_path / "CSFALICE.cnf.xml").read_bytes() == FILES["CSFALICE.cnf.xml"]


async def test_a_file_that_is_not_there_is_error_one(asker: Asker) -> None:
    assert (await asker.ask(b"\0\1nothing.xml\0octet\0")).startswith(b"\0\5\0\1")


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (b"\0\1../../etc/passwd\0octet\0", 2),
        (b"\0\2CSFALICE.cnf.xml\0octet\0", 2),
        (b"\0\7CSFALICE.cnf.xml\0octet\0", 4),
        (b"\0\3\0\1data", 4),
        (b"\0\1" + b"a" * 2000 + b"\0octet\0", 4),
    ],
)
async def test_hostile_requests_get_an_error(asker: Asker, packet: bytes, code: int) -> None:
    assert (await asker.ask(packet))[:4] == bytes([0, 5, 0, code])


async def test_errors_and_scraps_get_silence(server: TftpServer, asker: Asker) -> None:
    for packet in (b"\0", b"\0\5\0\1no\0"):
        asker.send(packet)
    assert (await asker.ask(b"\0\1nothing.xml\0octet\0")).startswith(b"\0\5\0\1")
    assert server.transfers == 0


async def test_a_transfer_has_its_own_port_and_a_stranger_on_it_gets_an_error(
    server: TftpServer, asker: Asker
) -> None:
    asker.send(b"\0\1even.xml\0octet\0")
    first, transfer = await asker.receive()
    assert first[:4] == b"\0\3\0\1"
    assert transfer[1] != server.address.port
    stranger = await Asker(server).open()
    stranger.send(b"\0\4\0\1", transfer)
    assert (await stranger.receive())[0][:4] == b"\0\5\0\5"
    stranger.close()
    asker.send(b"\0\4\0\1", transfer)
    assert (await asker.receive())[0][:4] == b"\0\3\0\2"


async def test_transfers_are_bounded_and_silence_says_so(server: TftpServer) -> None:
    askers = [await Asker(server).open() for _ in range(5)]
    for asker in askers[:4]:
        assert (await asker.ask(b"\0\1even.xml\0octet\0"))[:2] == b"\0\3"
    askers[4].send(b"\0\1even.xml\0octet\0")
    # A refusal by error would end the phone's attempt; the fifth only hears about the file that is not there.
    assert (await askers[4].ask(b"\0\1nothing.xml\0octet\0")).startswith(b"\0\5\0\1")
    assert server.transfers == 4
    for asker in askers:
        asker.close()


async def test_stopping_closes_what_is_running(asker: Asker) -> None:
    own = TftpServer(FILES.get, "127.0.0.1", 0)
    await own.start()
    asker.send(b"\0\1even.xml\0octet\0", own.address)
    await asker.receive()
    await own.stop()
    async with asyncio.timeout(5):
        while own.transfers:
            await asyncio.sleep(0)


async def test_stopping_closes_what_has_not_begun() -> None:
    own = TftpServer(FILES.get, "127.0.0.1", 0)
    await own.start()
    own._requested(b"\0\1even.xml\0octet\0", ("127.0.0.1", 9))
    await own.stop()
    assert own.transfers == 0
