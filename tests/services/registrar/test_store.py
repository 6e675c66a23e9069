from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from antiphon.io.database import Database
from antiphon.kernel.bus import Event, LocalBus
from antiphon.kernel.core import Address
from antiphon.kernel.time import VirtualTime
from antiphon.services.registrar.binding import ContactRequest, Outcome, RegisterRequest
from antiphon.services.registrar.events import BindingAdded, Reason
from antiphon.services.registrar.journal import Journal
from antiphon.services.registrar.ports import BindingStore, StoredBinding
from antiphon.services.registrar.service import Registrar
from antiphon.services.registrar.store import SCHEMA, SqlBindingStore


class Spawned:
    """`Tasks` whose end can be waited for."""

    def __init__(self) -> None:
        self.running: list[asyncio.Task[None]] = []

    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        self.running.append(asyncio.create_task(coro, name=name))

    async def settle(self) -> int:
        """How many there were."""
        count = 0
        while self.running:
            await self.running.pop(0)
            count += 1
        return count


class Process:
    """One life of the registrar over a store that outlives it."""

    def __init__(self, store: BindingStore, time: VirtualTime) -> None:
        self.time = time
        self.tasks = Spawned()
        self.bus = LocalBus()
        self.facts: list[Event] = []
        self.bus.subscribe(BindingAdded, self.facts.append)
        self.registrar = Registrar(time, self.bus, Journal(store, time, self.tasks))


@pytest.fixture
async def store(database: Database) -> SqlBindingStore:
    await database.upgrade(SCHEMA)
    return SqlBindingStore(database)


def request(cseq: int = 1, expires_s: int = 100, transport: str = "tls", **changes: Any) -> RegisterRequest:
    contact = ContactRequest("sip:a@192.0.2.1", "<urn:uuid:1>", 2, q=0.5)
    values: dict[str, Any] = {
        "aor": "1001",
        "device": "CSFALICE",
        "contacts": (contact,),
        "call_id": "a",
        "cseq": cseq,
        "flow": object(),
        "transport": transport,
        "received": Address("192.0.2.1", 40000),
        "expires_s": expires_s,
        "path": ("<sip:edge1;lr>", "<sip:edge2;lr>"),
    }
    return RegisterRequest(**(values | changes))


async def test_a_registration_is_there_after_the_process_was_killed(store: SqlBindingStore) -> None:
    time = VirtualTime()
    first = Process(store, time)
    first.registrar.register(request())
    await first.tasks.settle()
    time.advance(40)
    # The next process has another monotonic clock: only the wall clock goes on.
    second = Process(store, VirtualTime(start=5.0, wall=time.wall()))
    assert await second.registrar.restore(store) == 1
    (binding,) = second.registrar.bindings("1001")
    assert (binding.contact, binding.instance, binding.reg_id) == ("sip:a@192.0.2.1", "<urn:uuid:1>", 2)
    assert (binding.device, binding.received, binding.q) == ("CSFALICE", Address("192.0.2.1", 40000), 0.5)
    assert binding.path == ("<sip:edge1;lr>", "<sip:edge2;lr>")
    assert second.facts == [BindingAdded("1001", "CSFALICE", Reason.CREATED)]
    # A whole interval from the restart: the device comes back within it, or it is gone.
    assert binding.expires_in(second.time.now()) == 120
    second.time.advance(120)
    assert second.registrar.bindings("1001") == ()
    await second.tasks.settle()
    assert await store.load() == []


@pytest.mark.parametrize(
    ("transport", "reachable"), [("udp", True), ("tcp", False), ("tls", False), ("wss", False)]
)
async def test_a_restored_binding_is_reachable_by_address_only_over_udp(
    store: SqlBindingStore, transport: str, reachable: bool
) -> None:
    time = VirtualTime()
    first = Process(store, time)
    first.registrar.register(request(transport=transport))
    await first.tasks.settle()
    second = Process(store, time)
    await second.registrar.restore(store)
    assert second.registrar.bindings("1001")[0].reachable is reachable
    flow = object()
    assert second.registrar.register(request(cseq=2, flow=flow, transport=transport)).outcome is Outcome.OK
    assert second.registrar.bindings("1001")[0].reachable


async def test_a_removed_binding_and_one_of_an_expired_token_do_not_come_back(store: SqlBindingStore) -> None:
    time = VirtualTime()
    first = Process(store, time)
    first.registrar.register(request())
    first.registrar.register(request(aor="1002", token_expires=time.wall() + 30))
    await first.tasks.settle()
    first.registrar.register(request(cseq=2, expires_s=0))
    await first.tasks.settle()
    time = VirtualTime(wall=time.wall() + 31)
    second = Process(store, time)
    assert await second.registrar.restore(store) == 0
    await second.tasks.settle()
    assert await store.load() == []


async def test_refreshes_are_written_when_they_change_how_a_device_is_reached_and_then_in_batches(
    store: SqlBindingStore,
) -> None:
    time = VirtualTime()
    process = Process(store, time)
    flow = object()
    process.registrar.register(request(flow=flow))
    await process.tasks.settle()
    time.advance(10)
    for cseq in range(2, 50):
        process.registrar.register(request(cseq=cseq, flow=flow))
    time.advance(1)
    assert await process.tasks.settle() == 0
    for cseq in range(50, 60):
        process.registrar.register(request(cseq=cseq, flow=flow, received=Address("192.0.2.9", cseq)))
    assert await process.tasks.settle() == 0
    time.advance(1)
    assert await process.tasks.settle() == 1
    (row,) = await store.load()
    assert (row.cseq, row.host, row.port) == (59, "192.0.2.9", 59)


async def test_what_a_failing_store_did_not_take_is_written_later() -> None:
    class Flaky:
        def __init__(self) -> None:
            self.broken = True
            self.rows: list[StoredBinding] = []

        async def load(self) -> Sequence[StoredBinding]:
            return self.rows

        async def write(
            self, upserts: Sequence[StoredBinding], removals: Sequence[tuple[str, str, int]]
        ) -> None:
            if self.broken:
                raise OSError("disk full")
            self.rows.extend(upserts)

    store, time = Flaky(), VirtualTime()
    process = Process(store, time)
    process.registrar.register(request())
    await process.tasks.settle()
    assert store.rows == []
    store.broken = False
    time.advance(5)
    await process.tasks.settle()
    assert [row.aor for row in store.rows] == ["1001"]
