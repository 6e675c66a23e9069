"""Proof 2: what the I/O driver costs over a hand-written asyncio protocol that echoes the same bytes.

Each server runs in its own process pinned to CPU 0, the load on CPU 1, interleaved rounds; CPU time of the server process
per echoed message (utime + stime from /proc). Run: `python bench/driver_echo.py [--rounds 3] [--secs 2]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import ssl
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

import trustme
import uvloop
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from antiphon.io.listen import Listeners
from antiphon.io.websocket import WebSocketEndpoint
from antiphon.kernel.core import Address, DatagramFlow, Flow

PAYLOAD = b"<message to='b@example.test' type='chat' id='m1'><body>" + b"x" * 130 + b"</body></message>"
TICKS = os.sysconf("SC_CLK_TCK")


class Tls:
    def __init__(self, pem: str) -> None:
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(pem)

    def context(self) -> ssl.SSLContext:
        return self.server

    def leaf(self, context: ssl.SSLContext) -> bytes:
        return b""


class DriverEcho:
    deadline: float | None = None

    def opened(self, flow: Flow, now: float) -> None:
        self.send = flow.send

    def secured(self, now: float) -> None: ...

    def received(self, data: bytes, now: float) -> None:
        self.send(data)

    def drained(self, now: float) -> None: ...

    def expired(self, now: float) -> None: ...

    def closed(self, now: float) -> None: ...


class DriverDatagramEcho:
    def bound(self, flow: DatagramFlow, now: float) -> None:
        self.send_to = flow.send_to

    def received(self, data: bytes, peer: Address, now: float) -> None:
        self.send_to(data, peer)


class HandEcho(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = transport.write  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.write(data)


class HandWebSocketEcho(asyncio.Protocol):
    """The same WebSocket library, driven by hand."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = transport.write  # type: ignore[attr-defined]
        self.protocol = ServerProtocol(subprotocols=[Subprotocol("xmpp")])

    def data_received(self, data: bytes) -> None:
        protocol = self.protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                protocol.send_response(protocol.accept(event))
            elif isinstance(event, Frame):
                protocol.send_text(event.data)
        for piece in protocol.data_to_send():
            self.write(piece)


class HandDatagramEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.sendto = transport.sendto  # type: ignore[attr-defined]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.sendto(data, addr)


async def serve(kind: str, transport: str, pem: str, pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    if kind == "driver":
        listeners = Listeners()
        if transport == "udp":
            address = await listeners.datagram("127.0.0.1", 0, DriverDatagramEcho())
        elif transport == "ws":
            address = await listeners.stream("127.0.0.1", 0, lambda: WebSocketEndpoint({"xmpp": DriverEcho}))
        else:
            tls = Tls(pem) if transport == "tls" else None
            address = await listeners.stream("127.0.0.1", 0, DriverEcho, tls=tls, tls_now=tls is not None)
        port = address.port
    elif transport == "udp":
        made, _ = await loop.create_datagram_endpoint(HandDatagramEcho, ("127.0.0.1", 0))
        port = made.get_extra_info("sockname")[1]
    else:
        context = Tls(pem).server if transport == "tls" else None
        hand = HandWebSocketEcho if transport == "ws" else HandEcho
        server = await loop.create_server(hand, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
    pipe.send(port)
    await loop.run_in_executor(None, pipe.recv)


def run_server(kind: str, transport: str, pem: str, pipe: Connection) -> None:
    os.sched_setaffinity(0, {0})
    uvloop.run(serve(kind, transport, pem, pipe))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Load(asyncio.Protocol):
    """Closed loop: one message in flight a connection; counts whole messages that came back."""

    def __init__(self) -> None:
        self.count = 0
        self.pending = 0
        self.running = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(PAYLOAD)

    def data_received(self, data: bytes) -> None:
        self.pending += len(data)
        while self.pending >= len(PAYLOAD):
            self.pending -= len(PAYLOAD)
            self.count += 1
            if self.running:
                self.transport.write(PAYLOAD)


OPENING = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n"
)
ASKED = b"\x81\xfe" + len(PAYLOAD).to_bytes(2, "big") + bytes(4) + PAYLOAD
ANSWERED = 4 + len(PAYLOAD)


class WebSocketLoad(Load):
    """One message in flight; the mask is zero, so that the load costs little."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.head = b""
        self.transport.write(OPENING)

    def data_received(self, data: bytes) -> None:
        if b"\r\n\r\n" not in self.head:
            self.head += data
            if b"\r\n\r\n" in self.head:
                self.transport.write(ASKED)
            return
        self.pending += len(data)
        while self.pending >= ANSWERED:
            self.pending -= ANSWERED
            self.count += 1
            if self.running:
                self.transport.write(ASKED)


async def load(transport: str, port: int, pid: int, secs: float, connections: int) -> tuple[float, float]:
    loop = asyncio.get_running_loop()
    if transport == "udp":
        return await asyncio.to_thread(load_udp, port, pid, secs, connections)
    context = None
    if transport == "tls":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            WebSocketLoad if transport == "ws" else Load, "127.0.0.1", port, ssl=context
        )
        clients.append(client)
    await asyncio.sleep(0.3)
    before, cpu, begun = sum(c.count for c in clients), cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(secs)
    count = sum(c.count for c in clients) - before
    result = ((cpu_seconds(pid) - cpu) / count * 1e6, count / (time.perf_counter() - begun))
    for client in clients:
        client.running = False
        client.transport.close()
    return result


def load_udp(port: int, pid: int, secs: float, connections: int) -> tuple[float, float]:
    sockets = []
    for _ in range(connections):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", port))
        sock.settimeout(1)
        sockets.append(sock)
    count, cpu, begun = 0, cpu_seconds(pid), time.perf_counter()
    while time.perf_counter() - begun < secs:
        for sock in sockets:
            sock.send(PAYLOAD)
        for sock in sockets:
            sock.recv(65536)
        count += connections
    result = ((cpu_seconds(pid) - cpu) / count * 1e6, count / (time.perf_counter() - begun))
    for sock in sockets:
        sock.close()
    return result


def measure(kind: str, transport: str, pem: str, secs: float, connections: int) -> tuple[float, float]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=run_server, args=(kind, transport, pem, there), daemon=True)
    process.start()
    try:
        port = here.recv()
        assert process.pid is not None
        return uvloop.run(load(transport, port, process.pid, secs, connections))
    finally:
        here.send(None)
        process.join(5)
        process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {1})
    pem = Path(f"/tmp/antiphon-echo-{os.getpid()}.pem")
    trustme.CA().issue_cert("node.example.test").private_key_and_cert_chain_pem.write_to_path(str(pem))
    rows: dict[tuple[str, str], list[tuple[float, float]]] = {}
    try:
        for _ in range(options.rounds):
            for transport in ("tcp", "tls", "udp", "ws"):
                for kind in ("hand", "driver"):
                    result = measure(kind, transport, str(pem), options.secs, options.connections)
                    rows.setdefault((transport, kind), []).append(result)
    finally:
        pem.unlink()
    report = []
    for transport in ("tcp", "tls", "udp", "ws"):
        hand = min(cpu for cpu, _ in rows[transport, "hand"])
        driver = min(cpu for cpu, _ in rows[transport, "driver"])
        report.append(
            {
                "transport": transport,
                "hand_us": round(hand, 2),
                "driver_us": round(driver, 2),
                "over": round(driver / hand - 1, 3),
                "hand_median_us": round(statistics.median(cpu for cpu, _ in rows[transport, "hand"]), 2),
                "driver_median_us": round(statistics.median(cpu for cpu, _ in rows[transport, "driver"]), 2),
                "driver_rate": round(max(rate for _, rate in rows[transport, "driver"])),
            }
        )
        print(
            f"{transport:4} hand-written {hand:6.2f} us  driver {driver:6.2f} us  {100 * (driver / hand - 1):+5.1f} %  "
            f"(medians {report[-1]['hand_median_us']} / {report[-1]['driver_median_us']})"
        )
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
