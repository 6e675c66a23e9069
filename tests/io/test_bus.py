"""One contract for every bus: the local one, and the one over a real NATS server."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import pytest
from tests.nats_server import NatsServer

from antiphon.io.bus_nats import NatsBus, event_name
from antiphon.kernel.bus import Bus, Event, EventsMissed, LocalBus
from antiphon.kernel.errors import DomainError


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Happened(Event):
    number: int
    text: str = ""
    raw: bytes = b""
    colour: Colour = Colour.RED
    parts: tuple[Part, ...] = ()
    maybe: str | None = None


@dataclass(frozen=True, slots=True)
class Other(Event):
    number: int


@dataclass(frozen=True, slots=True)
class Near(Event):
    carried: ClassVar[bool] = False
    number: int


@dataclass(frozen=True, slots=True)
class Odd(Event):
    thing: object


class Heard(list[Event]):
    """Collects events; `await heard.reach(n)` returns when there are n."""

    def __init__(self, bus: Bus, *kinds: type[Event]) -> None:
        super().__init__()
        self._wanted: tuple[int, asyncio.Event] | None = None
        for kind in kinds or (Happened, Other):
            bus.subscribe(kind, self._hear)

    def _hear(self, event: Event) -> None:
        self.append(event)
        if self._wanted and len(self) >= self._wanted[0]:
            self._wanted[1].set()

    async def reach(self, number: int) -> None:
        if len(self) < number:
            self._wanted = number, asyncio.Event()
            await asyncio.wait_for(self._wanted[1].wait(), 10)


class Pair(NamedTuple):
    """Where it is published and where it is heard: one local bus, or two processes' ends of one NATS server."""

    here: Bus
    there: Bus


@pytest.fixture(params=["local", "nats"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    if request.param == "local":
        bus = LocalBus()
        yield Pair(bus, bus)
        return
    server: NatsServer = request.getfixturevalue("nats_server")
    here, there = NatsBus(), NatsBus()
    await here.connect([server.url])
    await there.connect([server.url])
    yield Pair(here, there)
    await here.close()
    await there.close()


async def test_an_event_arrives_as_it_was_published(pair: Pair) -> None:
    heard = Heard(pair.there)
    event = Happened(1, "äöü\x00", b"\xff\x00", Colour.BLUE, (Part("a"), Part("b", 0.25)), "x")
    pair.here.publish(event)
    await heard.reach(1)
    assert heard == [event]


async def test_the_publisher_hears_it_before_publish_returns_and_once(pair: Pair) -> None:
    heard, far = Heard(pair.here), Heard(pair.there)
    pair.here.publish(Happened(1))
    assert heard == [Happened(1)]
    await far.reach(1)
    pair.there.publish(Happened(2))
    await heard.reach(2)
    assert heard == [Happened(1), Happened(2)]


async def test_events_of_all_kinds_keep_their_order(pair: Pair) -> None:
    heard = Heard(pair.there)
    events: list[Event] = [Happened(number) if number % 3 else Other(number) for number in range(500)]
    for event in events:
        pair.here.publish(event)
    await heard.reach(500)
    assert heard == events


async def test_what_a_listener_publishes_comes_after_the_event_at_hand(pair: Pair) -> None:
    heard: list[Event] = []
    pair.here.subscribe(Happened, lambda event: pair.here.publish(Other(event.number)))
    pair.here.subscribe(Happened, heard.append)
    pair.here.subscribe(Other, heard.append)
    far = Heard(pair.there)
    pair.here.publish(Happened(1))
    assert heard == [Happened(1), Other(1)]
    await far.reach(2)
    assert far == heard


async def test_a_listener_that_fails_silences_nobody(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Event) -> None:
        raise RuntimeError("listener")

    pair.there.subscribe(Happened, fail)
    heard = Heard(pair.there)
    pair.here.publish(Happened(1))
    pair.here.publish(Happened(2))
    await heard.reach(2)
    assert caplog.text.count("RuntimeError: listener") == 2


async def test_a_subscription_ends(pair: Pair) -> None:
    heard: list[Event] = []
    end = pair.there.subscribe(Happened, heard.append)
    far = Heard(pair.there)
    pair.here.publish(Happened(1))
    await far.reach(1)
    end()
    pair.here.publish(Happened(2))
    await far.reach(2)
    assert heard == [Happened(1)]


async def _joined(server: NatsServer, limit: int = 100) -> NatsBus:
    bus = NatsBus(queue_limit=limit)
    await bus.connect([server.url])
    return bus


async def test_events_wait_while_the_server_is_away_and_all_are_told(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await _joined(nats_server), await _joined(nats_server)
    heard = Heard(there)
    missed = Heard(there, EventsMissed)
    here_missed = Heard(here, EventsMissed)
    nats_server.stop()
    while here.connected or there.connected:
        await asyncio.sleep(0.005)  # the client tells nobody but its own callback
    here.publish(Happened(1))
    nats_server.start()
    await here_missed.reach(1)
    await missed.reach(1)
    here.publish(Happened(2))
    await heard.reach(1)
    if heard[0] == Happened(1):
        # What waited is sent; it is lost only when the other end came back later than this one.
        await heard.reach(2)
    assert heard[-1] == Happened(2)
    assert "AP-BUS-004" in {record.__dict__.get("code") for record in caplog.records}
    await here.close()
    await there.close()


async def test_a_full_queue_drops_with_one_log_line_and_tells_all_when_it_is_over(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    there = await _joined(nats_server)
    missed = Heard(there, EventsMissed)
    heard = Heard(there)
    here = NatsBus(queue_limit=10)
    local = Heard(here)
    for number in range(25):
        here.publish(Happened(number))
    assert len(local) == 25
    full = [record for record in caplog.records if record.__dict__.get("code") == "AP-BUS-002"]
    assert len(full) == 1
    await here.connect([nats_server.url])
    await heard.reach(10)
    await missed.reach(1)
    assert heard == [Happened(number) for number in range(10)]
    await here.close()
    await there.close()


async def test_foreign_and_broken_messages_are_ignored(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await _joined(nats_server), await _joined(nats_server)
    heard = Heard(there)
    subject = f"antiphon.event.{event_name(Happened)}"
    for name, payload in (
        ("antiphon.event.unknown-Kind", b"{}"),
        (subject, b"not json"),
        (subject, b"\xff\xfe"),
        (subject, b"[" * 100_000),
        (subject, b'{"number": "one"}'),
        (subject, b"{}"),
        (subject, b'{"number": 7, "later": "field of a newer version"}'),
    ):
        await here._client.publish(name, payload)
    await heard.reach(1)
    assert heard == [Happened(7)]
    assert len([record for record in caplog.records if record.__dict__.get("code") == "AP-BUS-003"]) == 5
    await here.close()
    await there.close()


async def test_an_event_that_has_no_form_on_the_wire_is_heard_here_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus = NatsBus()
    heard = Heard(bus, Odd)
    bus.publish(Odd(object()))
    assert len(heard) == 1
    assert "AP-BUS-003" in {record.__dict__.get("code") for record in caplog.records}
    await bus.close()


async def test_what_is_not_carried_stays_here(nats_server: NatsServer) -> None:
    here, there = await _joined(nats_server), await _joined(nats_server)
    heard, local = Heard(there, Near, Happened), Heard(here, Near)
    here.publish(Near(1))
    here.publish(Happened(2))
    await heard.reach(1)
    assert heard == [Happened(2)]
    assert local == [Near(1)]
    await here.close()
    await there.close()


async def test_closing_sends_what_waits(nats_server: NatsServer) -> None:
    here, there = await _joined(nats_server), await _joined(nats_server)
    heard = Heard(there)
    for number in range(50):
        here.publish(Happened(number))
    await here.close()
    await heard.reach(50)
    await there.close()


async def test_no_server_is_told_in_time(nats_server: NatsServer) -> None:
    nats_server.stop()
    bus = NatsBus()
    with pytest.raises(DomainError) as raised:
        await bus.connect([nats_server.url], timeout_s=0.5)
    assert raised.value.code == "AP-BUS-001"
    await bus.close()


def test_the_name_of_an_event_is_that_of_its_service() -> None:
    from antiphon.services.directory.events import UserChanged

    assert event_name(UserChanged) == "services-directory-UserChanged"
