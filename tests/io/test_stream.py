from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.io.conftest import FixedTls
from tests.io.endpoints import Broken, Echo, Recorder, StartTls

from antiphon.io.listen import Listeners
from antiphon.kernel.errors import DomainError


async def test_bytes_cross_a_tcp_connection_in_order(listeners: Listeners) -> None:
    address = await listeners.stream("127.0.0.1", 0, Echo)
    client = Recorder()
    flow = await listeners.connect(*address, client)
    for piece in (b"one ", b"two ", b"three"):
        flow.send(piece)
    assert await client.until(13) == b"one two three"
    assert flow.transport == "tcp"
    assert flow.peer == address


async def test_what_one_turn_sends_arrives_in_one_read(listeners: Listeners) -> None:
    address = await listeners.stream("127.0.0.1", 0, Echo)
    client = Recorder()
    flow = await listeners.connect(*address, client)
    for _ in range(100):
        flow.send(b"x")
    await client.until(100)
    assert client.messages == [b"x" * 100]


async def test_direct_tls_is_up_before_the_endpoint_hears_of_the_connection(
    listeners: Listeners, tls: FixedTls
) -> None:
    server = Echo()
    address = await listeners.stream("127.0.0.1", 0, lambda: server, tls=tls, tls_now=True)
    client = Recorder()
    flow = await listeners.connect(
        *address, client, tls=tls.client(), tls_now=True, server_name="node.example.test"
    )
    await asyncio.wait_for(client.is_open.wait(), 5)
    flow.send(b"hello" * 50_000)
    assert await client.until(250_000) == b"hello" * 50_000
    assert server.flow is not None
    assert server.flow.security is not None
    assert server.flow.security.version == "TLSv1.3"
    assert server.flow.security.local_certificate == tls.der
    assert server.flow.transport == "tls"


async def test_starttls_protects_what_follows_and_drops_what_was_smuggled_before_it(
    listeners: Listeners, tls: FixedTls
) -> None:
    server = StartTls()
    address = await listeners.stream("127.0.0.1", 0, lambda: server, tls=tls)
    client = Recorder()
    flow = await listeners.connect(*address, client, tls=tls.client(), server_name="node.example.test")
    flow.send(b"starttls and something smuggled behind it")
    await client.until(len(b"proceed"))
    flow.start_tls()
    await asyncio.wait_for(client.is_secured.wait(), 5)
    await asyncio.wait_for(server.is_secured.wait(), 5)
    flow.send(b"secret")
    assert await client.until(len(b"proceedsecret")) == b"proceedsecret"
    assert server.data == b"secret"
    assert flow.transport == "tls"


async def test_close_sends_what_was_sent_first(listeners: Listeners) -> None:
    class Farewell(Recorder):
        def received(self, data: bytes, now: float) -> None:
            assert self.flow is not None
            self.flow.send(b"bye" * 1000)
            self.flow.close()
            self.flow.send(b"too late")

    address = await listeners.stream("127.0.0.1", 0, Farewell)
    client = Recorder()
    flow = await listeners.connect(*address, client)
    flow.send(b"x")
    await asyncio.wait_for(client.is_closed.wait(), 5)
    assert client.data == b"bye" * 1000


async def test_a_deadline_is_kept_and_one_that_moved_back_is_not_fired_early(listeners: Listeners) -> None:
    server = Recorder()
    address = await listeners.stream("127.0.0.1", 0, lambda: server)
    client = Recorder()
    flow = await listeners.connect(*address, client)
    await asyncio.wait_for(server.is_open.wait(), 5)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    server.deadline = begun + 0.05
    flow.send(b"x")
    await server.until(1)
    server.deadline = begun + 0.15
    while not server.expirations:
        server.changed.clear()
        await asyncio.wait_for(server.changed.wait(), 5)
    assert loop.time() - begun >= 0.149
    assert server.expirations == 1


async def test_a_fault_in_one_conversation_ends_that_one_only(
    listeners: Listeners, caplog: pytest.LogCaptureFixture
) -> None:
    bad = await listeners.stream("127.0.0.1", 0, Broken)
    good = await listeners.stream("127.0.0.1", 0, Echo)
    victim, other = Recorder(), Recorder()
    other_flow = await listeners.connect(*good, other)
    (await listeners.connect(*bad, victim)).send(b"x")
    await asyncio.wait_for(victim.is_closed.wait(), 5)
    other_flow.send(b"still here")
    assert await other.until(10) == b"still here"
    assert [getattr(record, "code", None) for record in caplog.records] == ["AP-IO-001"]


async def test_garbage_on_a_tls_port_closes_the_connection(listeners: Listeners, tls: FixedTls) -> None:
    address = await listeners.stream("127.0.0.1", 0, Echo, tls=tls, tls_now=True)
    client = Recorder()
    flow = await listeners.connect(*address, client)
    flow.send(b"GET / HTTP/1.1\r\n\r\n")
    await asyncio.wait_for(client.is_closed.wait(), 5)


async def test_a_silent_handshake_is_given_up(
    listeners: Listeners, tls: FixedTls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.io.stream.HANDSHAKE_TIMEOUT_S", 0.05)
    address = await listeners.stream("127.0.0.1", 0, Echo, tls=tls, tls_now=True)
    client = Recorder()
    await listeners.connect(*address, client)
    await asyncio.wait_for(client.is_closed.wait(), 5)


async def test_a_peer_that_does_not_read_makes_pending_grow_and_drained_is_told(listeners: Listeners) -> None:
    server = Recorder()
    address = await listeners.stream("127.0.0.1", 0, lambda: server)
    client = Recorder()
    flow = await listeners.connect(*address, client)
    flow.pause_reading()
    await asyncio.wait_for(server.is_open.wait(), 5)
    assert server.flow is not None
    total = 8 * 1024 * 1024
    server.flow.send(b"x" * total)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert server.flow.pending > 0
    flow.resume_reading()
    await client.until(total)
    while not server.drains:
        server.changed.clear()
        await asyncio.wait_for(server.changed.wait(), 5)


async def test_above_the_limit_connections_are_closed_at_once() -> None:
    listeners = Listeners(max_connections=2)
    address = await listeners.stream("127.0.0.1", 0, Echo)
    accepted = [await asyncio.open_connection(*address) for _ in range(2)]
    for reader, writer in accepted:
        writer.write(b"x")
        assert await asyncio.wait_for(reader.read(1), 5) == b"x"
    reader, writer = await asyncio.open_connection(*address)
    try:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        pass
    for _, writer_ in [*accepted, (reader, writer)]:
        writer_.close()
    await listeners.close(timeout_s=1.0)


async def test_one_address_does_not_take_all_connections() -> None:
    listeners = Listeners(max_connections=10, max_per_address=2)
    address = await listeners.stream("127.0.0.1", 0, Echo)
    held = [await asyncio.open_connection(*address) for _ in range(2)]
    reader, writer = await asyncio.open_connection(*address)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    held.append((reader, writer))
    held.append(await asyncio.open_connection(*address, local_addr=("127.0.0.2", 0)))
    held[-1][1].write(b"x")
    assert await asyncio.wait_for(held[-1][0].read(1), 5) == b"x"
    # Who has left counts no more.
    for _, writer_ in held:
        writer_.close()
    async with asyncio.timeout(5):
        while listeners.connections:
            await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"x")
    assert await asyncio.wait_for(reader.read(1), 5) == b"x"
    writer.close()
    await listeners.close(timeout_s=1.0)


async def test_a_port_in_use_is_named_with_its_code(listeners: Listeners) -> None:
    address = await listeners.stream("127.0.0.1", 0, Echo)
    with pytest.raises(DomainError, match="AP-IO-010") as error:
        await listeners.stream("127.0.0.1", address.port, Echo)
    assert f"127.0.0.1:{address.port}" in str(error.value)
