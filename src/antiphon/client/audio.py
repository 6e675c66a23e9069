"""WAV files and tones as the two ends of a call.

Sound is mono 16-bit throughout; files of other rates and channels are converted when they are read.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from antiphon.client.errors import NOT_A_WAV
from antiphon.protocols.rtp.g711 import Pcm

_LONGEST_S = 3600


def read_wav(path: Path, rate: int) -> Pcm:
    """The file's sound at `rate` samples/s, channels mixed. 8, 16, 24 and 32-bit PCM; raises AP-CLIENT-030 for others."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getnframes() > file.getframerate() * _LONGEST_S:
                raise NOT_A_WAV.error(f"{path.name}: longer than {_LONGEST_S // 60} minutes")
            width, channels, own_rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise NOT_A_WAV.error(f"{path}: {error}") from error
    samples = _linear(data, width)
    samples = samples[: len(samples) - len(samples) % channels].reshape(-1, channels).mean(axis=1)
    return resample(samples.astype(np.int16), own_rate, rate)


def _linear(data: bytes, width: int) -> np.ndarray:
    octets = np.frombuffer(data, np.uint8)
    if width == 1:
        return (octets.astype(np.int32) - 128) << 8
    # Little-endian: the two highest octets of a sample are its 16-bit value.
    frames = octets[: len(octets) - len(octets) % width].reshape(-1, width)
    return np.ascontiguousarray(frames[:, -2:]).view("<i2").reshape(-1).astype(np.int32)


def write_wav(path: Path, pcm: Pcm, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())


def resample(pcm: Pcm, rate: int, to: int) -> Pcm:
    """Band-limited: the spectrum is cut or filled up at half the lower rate."""
    if rate == to or not len(pcm):
        return pcm
    count = round(len(pcm) * to / rate)
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    kept = np.zeros(count // 2 + 1, dtype=complex)
    common = min(len(kept), len(spectrum))
    kept[:common] = spectrum[:common]
    return np.clip(np.fft.irfft(kept, count) * (count / len(pcm)), -32768, 32767).astype(np.int16)


def tone(frequency: float, duration_s: float, rate: int = 8000, level: float = 0.3) -> Pcm:
    """A sine wave; `level` 1.0 is full scale."""
    time = np.arange(round(duration_s * rate)) / rate
    return (np.sin(2 * np.pi * frequency * time) * level * 32767).astype(np.int16)


def tone_share(pcm: Pcm, rate: int, frequency: float) -> float:
    """The share (0 … 1) of the sound's power that lies within 10 Hz of `frequency`; 0 for silence.

    A share of its power and not a level, so that the answer does not depend on how loud the line is.
    """
    if not len(pcm):
        return 0.0
    power = np.abs(np.fft.rfft(pcm.astype(np.float64) * np.hanning(len(pcm)))) ** 2
    total = float(power.sum())
    # Below one step of 16 bits on average there is nothing but rounding.
    if total < len(pcm) ** 2:
        return 0.0
    near = np.abs(np.fft.rfftfreq(len(pcm), 1 / rate) - frequency) <= 10
    return float(power[near].sum()) / total


class Playback:
    """A source that plays samples, once or over and over."""

    def __init__(self, pcm: Pcm, repeat: bool = False, on_done: Callable[[], None] = lambda: None) -> None:
        self._pcm = pcm
        self._on_done = on_done
        self._repeat = repeat and len(pcm) > 0
        self._at = 0

    @property
    def done(self) -> bool:
        return not self._repeat and self._at >= len(self._pcm)

    def read(self, samples: int) -> Pcm | None:
        if self._repeat:
            index = (self._at + np.arange(samples)) % len(self._pcm)
            self._at = (self._at + samples) % len(self._pcm)
            return self._pcm[index]
        frame = self._pcm[self._at : self._at + samples]
        self._at += samples
        if not len(frame):
            self._on_done()
            return None
        return np.concatenate([frame, np.zeros(samples - len(frame), np.int16)])


class Recording:
    """A sink that writes a WAV file as the sound arrives, so that a crash loses nothing but the header's length."""

    def __init__(self, path: Path, rate: int) -> None:
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 -- closed by `close`, when the call ends
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(rate)

    def write(self, pcm: Pcm) -> None:
        self._file.writeframesraw(pcm.astype("<i2").tobytes())

    def close(self) -> None:
        self._file.close()


class Memory:
    """A sink that keeps the last `longest_s` seconds for whoever wants to look at them."""

    def __init__(self, rate: int, longest_s: float = 60.0) -> None:
        self.rate = rate
        self._limit = round(rate * longest_s)
        self._frames: list[Pcm] = []
        self._held = 0

    def write(self, pcm: Pcm) -> None:
        self._frames.append(pcm)
        self._held += len(pcm)
        while self._held > self._limit:
            self._held -= len(self._frames.pop(0))

    @property
    def pcm(self) -> Pcm:
        return np.concatenate(self._frames) if self._frames else np.zeros(0, np.int16)
