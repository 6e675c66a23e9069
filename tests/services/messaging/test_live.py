"""Between sessions with stream management nothing acknowledged is lost: every row of the table in `live.py`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.messaging.conftest import DOMAIN, ConfirmingClient, Site, error_of
from tests.services.messaging.test_offline import chat, rows

from antiphon.io.clock import LoopTime
from antiphon.kernel.time import Cancel, VirtualTime
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import MessagingLimits
from antiphon.services.messaging.commits import Write
from antiphon.services.messaging.live import TICK_S, InFlight


class HandTime(LoopTime):
    """The loop's clock, but what is a tick away or further waits for `pass_by`."""

    def __init__(self) -> None:
        super().__init__()
        self._far = VirtualTime()

    def at(self, when: float, callback: Callable[[], None]) -> Cancel:
        delay = when - self.now()
        if delay < TICK_S / 2:
            return super().at(when, callback)
        return self._far.at(self._far.now() + delay, callback)

    def pass_by(self, seconds: float) -> None:
        self._far.advance(seconds + 0.01)


class LiveSite(Site):
    def __init__(self, store: Path | str, limits: MessagingLimits | None = None) -> None:
        self.hand = HandTime()
        super().__init__(store, limits, self.hand)

    def managed(self, jid: str) -> ConfirmingClient:
        """Online, with stream management."""
        client = self.bind(jid, confirming=True)
        assert isinstance(client, ConfirmingClient)
        self.messaging.confirms(client)
        client.available()
        return client

    async def late(self) -> None:
        """So much time passes that what is unconfirmed is written."""
        self.hand.pass_by(2 * TICK_S)
        await self.settled()

    @property
    def waiting(self) -> tuple[int, int, int]:
        """Of Bob: messages and bytes that count as stored, and messages in flight."""
        bob = self.messaging.accounts.by_userid["bob"]
        return bob.stored, bob.stored_bytes, len(bob.in_flight)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveSite]:
    site = LiveSite(tmp_path / "live.db")
    await site.start()
    yield site
    await site.stop()


def flight(pending: object) -> InFlight:
    assert isinstance(pending, InFlight)
    return pending


def id_of(stanza: Stanza) -> str:
    mark = stanza.tree().child("urn:xmpp:sid:0", "stanza-id")
    assert mark is not None
    assert mark.get("by") == f"bob@{DOMAIN}"
    return mark.get("id")


@pytest.mark.parametrize("to", [f"bob@{DOMAIN}", f"bob@{DOMAIN}/phone"])
async def test_a_confirmed_message_counts_as_handled_and_is_never_written(live: LiveSite, to: str) -> None:
    alice, bob = live.managed("alice/desk"), live.managed("bob/phone")
    pending = flight(alice.say(chat("hello", to)))
    assert not pending.handled
    assert bob.bodies() == ["hello"]
    bob.acknowledge()
    assert pending.handled
    await pending
    await live.late()
    assert (await rows(live), live.waiting) == (0, (0, 0, 0))


async def test_what_is_not_confirmed_in_time_is_written_and_then_counts(live: LiveSite) -> None:
    alice, bob = live.managed("alice/desk"), live.managed("bob/phone")
    pendings = [flight(alice.say(chat(str(n)))) for n in range(5)]
    live.hand.pass_by(TICK_S)
    await live.settled()
    assert (await rows(live), pendings[0].handled) == (0, False)
    live.hand.pass_by(TICK_S)
    assert not pendings[0].handled
    for pending in pendings:
        await pending
    assert await rows(live) == 5
    assert bob.bodies() == ["0", "1", "2", "3", "4"]
    bob.acknowledge()
    bob.acknowledge()
    await live.settled()
    assert (await rows(live), live.waiting) == (0, (0, 0, 0))


async def test_a_confirmation_while_the_row_is_on_its_way_takes_it_back(live: LiveSite) -> None:
    alice, bob = live.managed("alice/desk"), live.managed("bob/phone")
    pending = flight(alice.say(chat("hello")))
    live.hand.pass_by(2 * TICK_S)
    bob.acknowledge()
    assert pending.handled
    await live.settled()
    assert (await rows(live), live.waiting) == (0, (0, 0, 0))


@pytest.mark.parametrize("written", [False, True])
async def test_what_an_ended_session_did_not_confirm_comes_again_with_its_id(
    live: LiveSite, written: bool
) -> None:
    alice, bob = live.managed("alice/desk"), live.managed("bob/phone")
    pendings = [flight(alice.say(chat(str(n)))) for n in range(3)]
    if written:
        await live.late()
    first = bob.got("message")
    live.messaging.unbind(bob)
    for pending in pendings:
        await pending
    assert await rows(live) == 3
    again = live.managed("bob/tablet")
    await live.settled()
    second = again.got("message")
    assert [id_of(each) for each in second] == [id_of(each) for each in first]
    again.acknowledge()
    bob.acknowledge()
    await live.settled()
    assert (await rows(live), live.waiting) == (0, (0, 0, 0))


async def test_a_session_that_says_it_leaves_may_have_taken_nothing(live: LiveSite) -> None:
    alice, bob = live.managed("alice/desk"), live.managed("bob/phone")
    alice.say(chat("1"))
    bob.say("<presence type='unavailable'/>")
    alice.say(chat("2"))
    await live.settled()
    again = live.managed("bob/tablet")
    await live.settled()
    assert again.bodies() == ["1", "2"]


async def test_one_of_several_sessions_is_enough(live: LiveSite) -> None:
    alice, phone, tablet = (live.managed(jid) for jid in ("alice/desk", "bob/phone", "bob/tablet"))
    pending = flight(alice.say(chat("hello")))
    tablet.acknowledge()
    assert pending.handled
    live.messaging.unbind(phone)
    await live.late()
    assert (tablet.bodies(), await rows(live)) == (["hello"], 0)


@pytest.mark.parametrize("written", [False, True])
async def test_only_the_last_session_that_ends_lets_it_go(live: LiveSite, written: bool) -> None:
    alice, phone, tablet = (live.managed(jid) for jid in ("alice/desk", "bob/phone", "bob/tablet"))
    pending = flight(alice.say(chat("hello")))
    if written:
        await live.late()
    tablet.raw()
    live.messaging.unbind(phone)
    await live.settled()
    assert (pending.handled, tablet.bodies()) == (written, [])
    live.messaging.unbind(tablet)
    await pending
    again = live.managed("bob/phone")
    await live.settled()
    assert again.bodies() == ["hello"]


async def test_a_session_that_confirms_nothing_to_us_counts_at_once(live: LiveSite) -> None:
    alice, _, desk = live.managed("alice/desk"), live.managed("bob/phone"), live.online("bob/desk")
    assert alice.say(chat("hello")) is None
    assert desk.bodies() == ["hello"]


async def test_a_sender_that_is_not_told_waits_for_nothing(live: LiveSite) -> None:
    alice, bob = live.online("alice/desk"), live.managed("bob/phone")
    assert alice.say(chat("hello")) is None
    assert bob.unacknowledged == []


async def test_what_nobody_would_store_counts_at_once(live: LiveSite) -> None:
    alice, bob = live.managed("alice/desk"), live.managed("bob/phone")
    state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    assert alice.say(f"<message type='chat' to='bob@{DOMAIN}'>{state}</message>") is None
    assert len(bob.got("message")) == 1


async def test_a_full_store_is_told_to_the_sender(tmp_path: Path) -> None:
    site = LiveSite(tmp_path / "full.db", MessagingLimits(offline_messages=2))
    await site.start()
    alice, bob = site.managed("alice/desk"), site.managed("bob/phone")
    pendings = [flight(alice.say(chat(str(n)))) for n in range(3)]
    alice.raw()
    await site.late()
    assert all(pending.handled for pending in pendings)
    [refused] = alice.got("message")
    assert error_of(refused) == ("cancel", "service-unavailable")
    bob.acknowledge()
    await site.settled()
    assert (await rows(site), site.waiting) == (0, (0, 0, 0))
    await site.stop()


async def test_a_store_that_fails_is_told_to_the_sender(live: LiveSite) -> None:
    alice, _ = live.managed("alice/desk"), live.managed("bob/phone")
    pending = flight(alice.say(chat("hello")))
    async with live.database.transaction() as connection:
        await connection.execute(sqlalchemy.text("DROP TABLE im_offline_messages"))
    alice.raw()
    await live.late()
    assert pending.handled
    assert error_of(alice.got("message")[0])[1] == "internal-server-error"
    assert live.waiting == (0, 0, 0)


async def test_carbons_are_for_other_sessions_alone(live: LiveSite) -> None:
    alice, bob, other = live.managed("alice/desk"), live.managed("bob/phone"), live.managed("bob/desk")
    other.say("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
    other.raw()
    pending = flight(alice.say(chat("hello", f"bob@{DOMAIN}/phone")))
    assert len(other.got("message")) == 1
    assert not pending.handled
    bob.acknowledge()
    assert pending.handled


async def test_a_disabled_user_finds_it_later(live: LiveSite) -> None:
    alice, bob = live.managed("alice/desk"), live.managed("bob/phone")
    pending = flight(alice.say(chat("hello")))
    live.messaging._close(live.messaging.accounts.by_userid["bob"])
    await pending
    assert (bob.closed, await rows(live)) == ("not-authorized", 1)


async def test_a_shutdown_stores_it(live: LiveSite) -> None:
    alice, _ = live.managed("alice/desk"), live.managed("bob/phone")
    pending = flight(alice.say(chat("hello")))
    await live.messaging.stop()
    await pending
    assert await rows(live) == 1


async def test_what_comes_back_during_a_delivery_from_the_store_is_not_forgotten(live: LiveSite) -> None:
    alice, phone = live.managed("alice/desk"), live.managed("bob/phone")
    alice.say(chat("1", f"bob@{DOMAIN}/phone"))
    phone.say("<presence><priority>-1</priority></presence>")
    for n in range(2, 6):
        await alice.said(chat(str(n)))
    tablet = live.managed("bob/tablet")
    await asyncio.sleep(0)
    live.messaging.unbind(phone)
    await live.settled()
    tablet.acknowledge()
    await live.settled()
    assert sorted(tablet.bodies()) == ["1", "2", "3", "4", "5"]


STEPS = st.lists(
    st.sampled_from(["send", "send", "full", "confirm", "confirm one", "tick", "settle", "leave", "join", "kill"]),
    max_size=30,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_nothing_acknowledged_is_lost(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_Story(Path(folder)).tell(steps))


class _Story:
    """Alice sends, Bob comes, confirms and goes, the process is killed: its files of that moment are all there is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lives = 0
        self.sent: dict[str, object] = {}
        """What `route` returned for each body of this life."""
        self.acknowledged: set[str] = set()
        self.taken: set[str] = set()
        self.ids: dict[str, str] = {}
        self.bob: ConfirmingClient | None = None
        self.held: list[str] = []
        """What Bob has read in this session and not confirmed."""

    async def tell(self, steps: list[str]) -> None:
        await self.live(self.folder / "0.db")
        for step in [*steps, "kill", "join"]:
            await self.do(step)
        await self.site.settled()
        while self.bob is not None and self.bob.unacknowledged:
            self.confirm(len(self.bob.unacknowledged))
            await self.site.settled()
        assert self.acknowledged <= self.taken
        assert (await rows(self.site), self.site.waiting) == (0, (0, 0, 0))
        await self.site.stop()

    async def live(self, path: Path) -> None:
        self.site = LiveSite(path)
        await self.site.start()
        self.site.messaging.accounts.make("bob")
        self.alice, self.bob = self.site.managed("alice/desk"), None
        self.sent = {}
        self.last = -1

    async def do(self, step: str) -> None:
        match step:
            case "send" | "full":
                body = f"{len(self.ids) + len(self.sent) + self.lives * 1000}"
                to = f"bob@{DOMAIN}/phone" if step == "full" else f"bob@{DOMAIN}"
                self.sent[body] = self.alice.say(chat(body, to))
            case "confirm" if self.bob is not None:
                self.confirm(len(self.bob.unacknowledged))
            case "confirm one":
                self.confirm(1)
            case "tick":
                self.site.hand.pass_by(TICK_S)
            case "settle":
                await self.site.settled()
            case "leave" if self.bob is not None:
                self.site.messaging.unbind(self.bob)
                self.bob = None
            case "join" if self.bob is None:
                self.bob, self.held, self.last = self.site.managed("bob/phone"), [], -1
            case "kill":
                await self.kill()

    def confirm(self, count: int) -> None:
        """Bob reads, and confirms the oldest of what he has read."""
        if self.bob is None:
            return
        for message in self.bob.got("message"):
            body = message.tree().child_text("jabber:client", "body")
            assert int(body) > self.last, "out of order"
            self.last = int(body)
            assert self.ids.setdefault(body, id_of(message)) == id_of(message)
            self.held.append(body)
        for _ in range(min(count, len(self.held))):
            self.taken.add(self.held.pop(0))
            self.bob.unacknowledged.pop(0)()

    async def kill(self) -> None:
        for body, pending in self.sent.items():
            if _is_handled(pending):
                self.acknowledged.add(body)
        path = self.folder / f"{self.lives}.db"
        self.lives += 1
        for end in ("-wal", ""):
            source = Path(f"{path}{end}")
            if source.exists():
                shutil.copy(source, self.folder / f"{self.lives}.db{end}")
        await self.site.stop()
        await self.live(self.folder / f"{self.lives}.db")


def _is_handled(pending: object) -> bool:
    if isinstance(pending, InFlight):
        return pending.handled
    assert isinstance(pending, Write)
    return pending._promise.done()
