"""Two of our phones through a proxy that somebody else wrote: digest, calls both ways, hold, transfer, sound."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client import kamailio

from antiphon.client.audio import Memory, Playback, tone, tone_share
from antiphon.client.description import Encryption
from antiphon.client.documents import CallManager, DeviceSettings, PhoneLine
from antiphon.client.phone import Phone
from antiphon.client.sip.call import Call, CallState
from antiphon.io.dns_client import Resolver
from antiphon.io.media import Sink, Source
from antiphon.kernel.errors import DomainError
from antiphon.protocols.rtp.g711 import Pcm

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not kamailio.INSTALLED, reason="kamailio is not installed"),
]
PASSWORD = "correct horse"


class Tone:
    """Sounds one frequency and listens for another."""

    def __init__(self, plays: float, expects: float) -> None:
        self._plays, self._expects = plays, expects
        self.memory = Memory(8000)
        self.recognised = asyncio.Event()

    def open(self, rate: int) -> tuple[Source | None, Sink | None]:
        self.rate = rate
        self.memory = Memory(rate)
        return Playback(tone(self._plays, 1.0, rate), repeat=True), self

    def write(self, pcm: Pcm) -> None:
        self.memory.write(pcm)
        last = self.memory.pcm[-self.rate // 4 :]
        if len(last) >= self.rate // 4 and tone_share(last, self.rate, self._expects) > 0.8:
            self.recognised.set()

    def close(self) -> None:
        pass


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with kamailio.running(tmp_path, PASSWORD) as port:
        yield port


def phone(port: int, number: str, transport: str, password: str = PASSWORD) -> Phone:
    device = DeviceSettings(
        f"CSF{number}",
        (PhoneLine(number, f"Number {number}", f"contact-{number}"),),
        (CallManager("127.0.0.1", port),),
    )
    return Phone(
        device,
        Resolver(),
        lambda host, port: ssl.create_default_context(),
        username=number,
        password=password,
        transport=transport,
        encryption=Encryption.OPTIONAL,
    )


async def state(call: Call, wanted: CallState) -> None:
    reached = asyncio.Event()

    def look() -> None:
        if call.state is wanted:
            reached.set()

    call.changed = look
    look()
    await reached.wait()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_call_rings_is_answered_carries_sound_both_ways_and_ends(port: int, transport: str) -> None:
    alice, bob = phone(port, "1001", transport), phone(port, "1002", transport)
    async with asyncio.timeout(20):
        await alice.start()
        await bob.start()
        high, low = Tone(880, 440), Tone(440, 880)
        outgoing = await alice.place("1002", low)
        incoming = await bob.next_call()
        await outgoing.ringing()
        assert (incoming.number, incoming.display_name) == ("1001", "Number 1001")
        await incoming.answer(high)
        await outgoing.answered()
        await low.recognised.wait()
        await high.recognised.wait()
        assert outgoing.encrypted
        assert (outgoing.codec, incoming.codec) == ("PCMU", "PCMU")
        await outgoing.hang_up()
        await incoming.ended()
        assert outgoing.sound.counters.refused == 0
        assert incoming.failure is None
        assert alice.calls == bob.calls == ()
        await alice.close()
        await bob.close()


async def test_hold_stops_the_sound_both_ways_and_resume_brings_it_back(port: int) -> None:
    alice, bob = phone(port, "1001", "tcp"), phone(port, "1002", "tcp")
    async with asyncio.timeout(20):
        await alice.start()
        await bob.start()
        outgoing = await alice.place("1002", Tone(440, 880))
        incoming = await bob.next_call()
        await incoming.answer(Tone(880, 440))
        await outgoing.answered()
        await outgoing.hold()
        assert incoming.held_by_them
        assert outgoing.held_by_us
        before = outgoing.sound.counters.sent, incoming.sound.counters.sent
        await asyncio.sleep(0.1)  # five packets would have left by then
        assert (outgoing.sound.counters.sent, incoming.sound.counters.sent) == before
        await outgoing.resume()
        assert not incoming.held_by_them
        while (outgoing.sound.counters.sent, incoming.sound.counters.sent) == before:
            await asyncio.sleep(0.02)
        await incoming.hang_up()
        await outgoing.ended()
        await alice.close()
        await bob.close()


async def test_a_call_that_is_refused_or_cancelled_says_so(port: int) -> None:
    alice, bob = phone(port, "1001", "tcp"), phone(port, "1002", "tcp")
    async with asyncio.timeout(20):
        await alice.start()
        await bob.start()
        refused = await alice.place("1002")
        (await bob.next_call()).reject()
        with pytest.raises(DomainError, match="486 Busy"):
            await refused.answered()
        given_up = await alice.place("1002")
        ringing = await bob.next_call()
        await given_up.ringing()
        await given_up.hang_up()
        await ringing.ended()
        assert "given up" in str(ringing.failure)
        nobody = await alice.place("1999")
        with pytest.raises(DomainError, match="404"):
            await nobody.answered()
        await alice.close()
        await bob.close()


async def test_a_wrong_password_is_refused_with_a_code(port: int) -> None:
    async with asyncio.timeout(10):
        with pytest.raises(DomainError, match="AP-CLIENT-032"):
            await phone(port, "1001", "udp", "wrong").start()


async def test_nobody_there_is_said_so() -> None:
    async with asyncio.timeout(10):
        with pytest.raises(DomainError, match="AP-CLIENT-004"):
            await phone(kamailio.free_port(), "1001", "tcp").start()


async def test_keys_are_heard_at_the_other_end(port: int) -> None:
    alice, bob = phone(port, "1001", "udp"), phone(port, "1002", "udp")
    pressed: list[str] = []
    done = asyncio.Event()

    def on_digit(digit: str) -> None:
        pressed.append(digit)
        if len(pressed) == 2:
            done.set()

    async with asyncio.timeout(20):
        await alice.start()
        await bob.start()
        outgoing = await alice.place("1002")
        incoming = await bob.next_call()
        incoming.on_digit = on_digit
        await incoming.answer()
        await outgoing.answered()
        assert outgoing.press("4#")
        await done.wait()
        await alice.close()
        await incoming.ended()
        await bob.close()
    assert pressed == ["4", "#"]
