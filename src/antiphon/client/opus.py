"""Opus, where the extra `antiphon[opus]` is installed.

Source: RFC 7587. Mono 48 kHz on our side; the RTP format is always two channels on a 48 kHz clock.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from antiphon.client.errors import OPUS_MISSING
from antiphon.protocols.rtp.g711 import Pcm


def available() -> bool:
    return importlib.util.find_spec("av") is not None


class Opus:
    """One direction each of an encoder and a decoder; both keep state from frame to frame."""

    rate = 48000

    def __init__(self, bit_rate: int = 32_000) -> None:
        """Raises AP-CLIENT-035 where the library is missing."""
        try:
            import av
        except ImportError as error:
            raise OPUS_MISSING.error() from error
        self._av: Any = av
        self._encoder: Any = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate = self.rate
        self._encoder.layout = "mono"
        self._encoder.format = "s16"
        self._encoder.bit_rate = bit_rate
        self._encoder.options = {"application": "voip", "frame_duration": "20"}
        self._decoder: Any = av.CodecContext.create("opus", "r")
        self._decoder.sample_rate = self.rate
        self._decoder.layout = "mono"
        self._resampler: Any = av.AudioResampler(format="s16", layout="mono", rate=self.rate)
        self._samples = 0

    def encode(self, pcm: Pcm) -> bytes:
        frame = self._av.AudioFrame.from_ndarray(
            np.ascontiguousarray(pcm).reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = self.rate
        frame.pts = self._samples
        self._samples += len(pcm)
        return b"".join(bytes(packet) for packet in self._encoder.encode(frame))

    def decode(self, payload: bytes) -> Pcm:
        if not payload:
            return np.zeros(0, np.int16)
        try:
            frames = self._decoder.decode(self._av.Packet(payload))
        except self._av.error.FFmpegError:
            return np.zeros(0, np.int16)
        parts = [
            resampled.to_ndarray().reshape(-1)
            for frame in frames
            for resampled in self._resampler.resample(frame)
        ]
        return np.concatenate(parts).astype(np.int16) if parts else np.zeros(0, np.int16)
