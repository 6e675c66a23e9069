from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from antiphon.client.audio import Memory, Playback, Recording, read_wav, resample, tone, tone_share, write_wav
from antiphon.kernel.errors import DomainError


def test_a_tone_is_recognised_and_another_is_not() -> None:
    sound = tone(440, 1.0)
    assert tone_share(sound, 8000, 440) > 0.95
    assert tone_share(sound, 8000, 880) < 0.01
    assert tone_share(np.zeros(8000, np.int16), 8000, 440) == 0.0


def test_two_tones_share_the_power() -> None:
    both = tone(440, 1.0) + tone(880, 1.0)
    assert 0.4 < tone_share(both, 8000, 440) < 0.6


@pytest.mark.parametrize("to", [8000, 16000, 48000])
def test_resampling_keeps_the_tone_and_its_length(to: int) -> None:
    changed = resample(tone(440, 1.0, 44100), 44100, to)
    assert len(changed) == to
    assert tone_share(changed, to, 440) > 0.95


def test_a_wav_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(440, 0.5), 8000)
    assert np.array_equal(read_wav(tmp_path / "a.wav", 8000), tone(440, 0.5))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_stereo_files_of_any_width_are_converted(tmp_path: Path, width: int) -> None:
    sound = tone(600, 0.5, 16000).astype(np.int64)
    both = np.repeat(sound, 2)
    if width == 1:
        data = ((both >> 8) + 128).astype(np.uint8).tobytes()
    else:
        data = b"".join(int(v << 8 * (width - 2)).to_bytes(width, "little", signed=True) for v in both)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, width, 16000, 0, "NONE", ""))
        file.writeframes(data)
    read = read_wav(tmp_path / "a.wav", 8000)
    assert len(read) == 4000
    assert tone_share(read, 8000, 600) > 0.9


def test_what_is_no_wav_file_is_named_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF....")
    for name in ("a.wav", "missing.wav"):
        with pytest.raises(DomainError, match="AP-CLIENT-030"):
            read_wav(tmp_path / name, 8000)


def test_playback_ends_with_a_full_frame_or_repeats() -> None:
    once = Playback(np.ones(250, np.int16))
    first, second = once.read(160), once.read(160)
    assert first is not None
    assert second is not None
    assert (first.sum(), second.sum(), len(second)) == (160, 90, 160)
    assert once.read(160) is None
    assert once.done
    again = Playback(np.arange(100).astype(np.int16), repeat=True)
    frame = again.read(160)
    assert frame is not None
    assert frame[100:].tolist() == list(range(60))


def test_a_recording_is_a_wav_file_and_memory_keeps_only_the_last_seconds(tmp_path: Path) -> None:
    recording, memory = Recording(tmp_path / "r.wav", 8000), Memory(8000, longest_s=0.5)
    for start in range(0, 8000, 160):
        frame = tone(440, 1.0)[start : start + 160]
        recording.write(frame)
        memory.write(frame)
    recording.close()
    assert len(read_wav(tmp_path / "r.wav", 8000)) == 8000
    assert len(memory.pcm) == 4000
