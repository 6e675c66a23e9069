"""The sound of one call: what is played to the other side, where its sound goes, and the stream between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from antiphon.client.audio import Playback, Recording, read_wav
from antiphon.client.description import Agreed
from antiphon.client.opus import Opus
from antiphon.io.media import AudioStream, Sink, Source
from antiphon.kernel.core import Address
from antiphon.kernel.random import Random
from antiphon.protocols.rtp.codec import G711, OPUS, PCMA, Codec, Format
from antiphon.protocols.rtp.session import Counters, RtpSession
from antiphon.protocols.rtp.srtp import Protection
from antiphon.protocols.sdp import Direction


class Audio(Protocol):
    """Both ends of the sound on this side. The rate is known only when the two sides have agreed on a codec."""

    def open(self, rate: int) -> tuple[Source | None, Sink | None]:
        """The source and the sink, mono at `rate` samples/s. Called once a call."""
        ...

    def close(self) -> None: ...


class Silence:
    """Nothing is played, nothing is kept."""

    def open(self, rate: int) -> tuple[Source | None, Sink | None]:
        return None, None

    def close(self) -> None:
        pass


class WavFiles:
    """Plays one file, records into another."""

    def __init__(self, play: Path | None = None, record: Path | None = None, repeat: bool = False) -> None:
        self._play = play
        self._record = record
        self._repeat = repeat
        self._recording: Recording | None = None
        self.played = asyncio.Event()
        """Set when the file has been played to its end."""

    def open(self, rate: int) -> tuple[Source | None, Sink | None]:
        source = None
        if self._play is not None:
            source = Playback(read_wav(self._play, rate), self._repeat, self.played.set)
        if self._record is not None and self._recording is None:
            self._recording = Recording(self._record, rate)
        return source, self._recording

    def close(self) -> None:
        if self._recording is not None:
            self._recording.close()


def codec_for(chosen: Format) -> Codec:
    return Opus() if chosen.same_as(OPUS) else G711(a_law=chosen.same_as(PCMA))


class Sound:
    """Ports first (they go into SDP), then the stream, which a new answer may move or re-key."""

    def __init__(self, audio: Audio, random: Random, on_digit: Callable[[str], None]) -> None:
        self._audio = audio
        self._random = random
        self._on_digit = on_digit
        self._stream: AudioStream | None = None
        self._agreed: Agreed | None = None
        self._ends: tuple[Source | None, Sink | None] | None = None
        self.heard = asyncio.Event()
        """Set when the first packet of the other side has come."""

    def use(self, audio: Audio) -> None:
        """Before `start`: another source and sink than the ones it was made with."""
        self._audio = audio

    @property
    def counters(self) -> Counters:
        return self._stream.counters if self._stream is not None else Counters(0, 0, 0, 0, 0.0)

    async def open(self, host: str) -> Address:
        if self._stream is None:
            self._stream = await AudioStream.open(host)
        return self._stream.local

    def start(self, agreed: Agreed) -> None:
        """Play and record from now on as agreed; what did not change goes on without a gap."""
        stream, before = self._stream, self._agreed
        if stream is None:
            return
        self._agreed = agreed
        session = stream.session
        same = before is not None and (before.sends, before.keys, before.accepts) == (
            agreed.sends,
            agreed.keys,
            agreed.accepts,
        )
        if same and session is not None:
            session.relatch(agreed.remote)
        else:
            codec = codec_for(agreed.sends)
            if self._ends is None:
                self._ends = self._audio.open(codec.rate)
            protection = Protection(*agreed.keys) if agreed.keys is not None else None
            stream.start(
                RtpSession(agreed.remote, agreed.sends, agreed.accepts, self._random, protection),
                codec,
                *self._ends,
                event_type=agreed.event_type,
                on_digit=self._on_digit,
                on_first_packet=self.heard.set,
            )
        self.pause(agreed.direction not in (Direction.SENDRECV, Direction.SENDONLY))

    def pause(self, paused: bool) -> None:
        """Send nothing (hold), or go on."""
        if self._stream is not None:
            self._stream.sending = not paused

    def press(self, digits: str) -> bool:
        return self._stream is not None and self._stream.press(digits)

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()
        self._audio.close()
