"""Two streams on loopback exchange tones over real sockets."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from antiphon.client.audio import Memory, Playback, tone, tone_share
from antiphon.io.media import AudioStream
from antiphon.kernel.random import SequenceRandom
from antiphon.protocols.rtp.codec import G711, PCMU, TELEPHONE_EVENT
from antiphon.protocols.rtp.g711 import Pcm
from antiphon.protocols.rtp.sdes import Suite, offer
from antiphon.protocols.rtp.session import RtpSession
from antiphon.protocols.rtp.srtp import Protection


class UntilHeard(Memory):
    """Sets `heard` when so many seconds of sound that is not silence have come."""

    def __init__(self, seconds: float) -> None:
        super().__init__(8000)
        self.heard = asyncio.Event()
        self._missing = round(seconds * 50)

    def write(self, pcm: Pcm) -> None:
        super().write(pcm)
        if np.abs(pcm.astype(int)).max() > 1000:
            self._missing -= 1
            if self._missing <= 0:
                self.heard.set()


def sessions(one: AudioStream, two: AudioStream, secure: bool) -> tuple[RtpSession, RtpSession]:
    random = SequenceRandom()
    accepts = [0, TELEPHONE_EVENT.payload_type]
    protection: tuple[Protection | None, Protection | None] = (None, None)
    if secure:
        (a,), (b,) = offer(random, [Suite.AEAD_AES_128_GCM]), offer(random, [Suite.AEAD_AES_128_GCM])
        protection = (Protection(a, b), Protection(b, a))
    return (
        RtpSession(two.local, PCMU, accepts, random, protection[0]),
        RtpSession(one.local, PCMU, accepts, random, protection[1]),
    )


@pytest.mark.parametrize("secure", [False, True])
async def test_each_side_hears_the_others_tone(secure: bool) -> None:
    one, two = await AudioStream.open("127.0.0.1"), await AudioStream.open("127.0.0.1")
    assert one.local.port % 2 == 0
    first, second = sessions(one, two, secure)
    heard_by_one, heard_by_two = UntilHeard(0.5), UntilHeard(0.5)
    one.start(first, G711(a_law=False), Playback(tone(440, 1.0), repeat=True), heard_by_one)
    two.start(second, G711(a_law=False), Playback(tone(880, 1.0), repeat=True), heard_by_two)
    async with asyncio.timeout(5):
        await heard_by_one.heard.wait()
        await heard_by_two.heard.wait()
    await one.close()
    await two.close()
    assert tone_share(heard_by_one.pcm, 8000, 880) > 0.8
    assert tone_share(heard_by_two.pcm, 8000, 440) > 0.8
    assert tone_share(heard_by_one.pcm, 8000, 440) < 0.05


async def test_keys_pressed_are_read_on_the_other_side() -> None:
    one, two = await AudioStream.open("127.0.0.1"), await AudioStream.open("127.0.0.1")
    first, second = sessions(one, two, secure=False)
    pressed: list[str] = []
    done = asyncio.Event()

    def on_digit(digit: str) -> None:
        pressed.append(digit)
        if len(pressed) == 3:
            done.set()

    event_type = TELEPHONE_EVENT.payload_type
    one.start(first, G711(a_law=False), event_type=event_type)
    two.start(second, G711(a_law=False), event_type=event_type, on_digit=on_digit)
    assert one.press("1#1")
    async with asyncio.timeout(5):
        await done.wait()
    await one.close()
    await two.close()
    assert pressed == ["1", "#", "1"]


async def test_a_stream_without_telephone_events_says_so() -> None:
    stream = await AudioStream.open("127.0.0.1")
    assert not stream.press("1")
    await stream.close()
