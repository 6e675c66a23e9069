"""G.711 µ-law and A-law by table: 16-bit linear samples to octets and back.

The tables are computed from the segment definition of ITU-T G.711, tables 1a/1b and 2a/2b.
Payload types 0 (PCMU) and 8 (PCMA): RFC 3551 §4.5.14.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

_ULAW_BIAS = 0x84
_ULAW_CLIP = 32635


def _ulaw_decode_table() -> Pcm:
    code = ~np.arange(256) & 0xFF
    segment = (code >> 4) & 7
    magnitude = (((code & 0x0F) << 3) + _ULAW_BIAS << segment) - _ULAW_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _ulaw_encode_table() -> NDArray[np.uint8]:
    sample = np.arange(-32768, 32768)
    magnitude = np.minimum(np.abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.floor(np.log2(magnitude)).astype(int) - 7
    mantissa = (magnitude >> (segment + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    code = ~(sign | segment << 4 | mantissa) & 0xFF
    return np.asarray(np.roll(code, -32768), np.uint8)


def _alaw_decode_table() -> Pcm:
    # Even bits are inverted on the line (G.711 table 2a, note 2).
    code = np.arange(256) ^ 0x55
    segment = (code >> 4) & 7
    mantissa = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, mantissa, mantissa + 0x100 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _alaw_encode_table() -> NDArray[np.uint8]:
    sample = np.arange(-32768, 32768)
    magnitude = np.where(sample < 0, -sample - 1, sample)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(int) - 7, 0)
    mantissa = (magnitude >> np.where(segment < 2, 4, segment + 3)) & 0x0F
    sign = np.where(sample < 0, 0, 0x80)
    code = (sign | segment << 4 | mantissa) ^ 0x55
    return np.asarray(np.roll(code, -32768), np.uint8)


# The encode tables are indexed by the sample read as unsigned 16 bits.
_ULAW_DECODE, _ULAW_ENCODE = _ulaw_decode_table(), _ulaw_encode_table()
_ALAW_DECODE, _ALAW_ENCODE = _alaw_decode_table(), _alaw_encode_table()


def encode_ulaw(pcm: Pcm) -> bytes:
    return _ULAW_ENCODE[pcm.view(np.uint16)].tobytes()


def decode_ulaw(data: bytes) -> Pcm:
    return _ULAW_DECODE[np.frombuffer(data, np.uint8)]


def encode_alaw(pcm: Pcm) -> bytes:
    return _ALAW_ENCODE[pcm.view(np.uint16)].tobytes()


def decode_alaw(data: bytes) -> Pcm:
    return _ALAW_DECODE[np.frombuffer(data, np.uint8)]
