from __future__ import annotations

import numpy as np
import pytest

from antiphon.client.audio import tone, tone_share
from antiphon.client.opus import Opus, available

pytestmark = pytest.mark.skipif(not available(), reason="the extra `opus` is not installed")


def test_a_tone_survives_coding_frame_by_frame() -> None:
    encoder, decoder = Opus(), Opus()
    sound = tone(440, 1.0, 48000)
    heard = [decoder.decode(encoder.encode(sound[at : at + 960])) for at in range(0, len(sound), 960)]
    assert tone_share(np.concatenate(heard), 48000, 440) > 0.9


@pytest.mark.parametrize("payload", [b"", b"\xff" * 3, b"\x00" * 2000])
def test_what_is_no_opus_never_raises(payload: bytes) -> None:
    Opus().decode(payload)
