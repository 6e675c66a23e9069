"""baresip registers, and a call carries audio both ways: each side sends its own tone and records what it hears."""

from __future__ import annotations

import shutil
import socket
import subprocess
import wave
from pathlib import Path

import numpy
import pytest
from tests.lab import RunningLab, eventually

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        shutil.which("baresip") is None, reason="baresip is not installed (package baresip-core)"
    ),
]
MODULES = Path("/usr/lib/baresip/modules")


class Baresip:
    """One softphone on the digest port; it plays a sine and writes what it hears as WAV files."""

    def __init__(self, lab: RunningLab, userid: str, tone_hz: int, directory: Path) -> None:
        user = lab.user(userid)
        self.line: str = user["line"]
        self.tone_hz = tone_hz
        self.directory = directory
        directory.mkdir()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (directory / "config").write_text(
            f"sip_listen 127.0.0.1:{port}\nmodule_path {modules()}\nmodule g711.so\nmodule aufile.so\n"
            f"module sndfile.so\nmodule aubridge.so\nmodule_tmp account.so\nmodule_app menu.so\n"
            f"audio_source aufile,{directory}/tone.wav\naudio_player aubridge,void{port}\naudio_alert aubridge,void{port}\n"
            f"snd_path {directory}\ncall_local_timeout 30\nrtp_ports 30000-39999\nnet_interface 127.0.0.1\n"
        )
        (directory / "accounts").write_text(
            f"<sip:{self.line}@example.test>;auth_user={userid};auth_pass={user['password']}"
            f';outbound="sip:{lab.call_address}:5060;transport=udp";regint=60;answermode=auto;audio_codecs=PCMU\n'
        )
        (directory / "contacts").write_text("")
        write_tone(directory / "tone.wav", tone_hz)

    def start(self, *commands: str, seconds: int) -> subprocess.Popen[str]:
        words = ["baresip", "-f", str(self.directory), "-t", str(seconds)]
        for command in commands:
            words += ["-e", command]
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=self.directory,
        )  # fmt: skip

    def heard(self) -> set[int]:
        """The strongest frequency, to 10 Hz, of each recording of received sound."""
        found = set()
        for path in self.directory.glob("dump-*-dec.wav"):
            with wave.open(str(path)) as recording:
                rate = recording.getframerate()
                samples = numpy.frombuffer(recording.readframes(recording.getnframes()), dtype="<i2")
            if len(samples) > rate:
                spectrum = numpy.abs(numpy.fft.rfft(samples[: rate * (len(samples) // rate)]))
                peak = int(numpy.argmax(spectrum[1:]) + 1) * rate / (rate * (len(samples) // rate))
                found.add(round(peak, -1))
        return {int(frequency) for frequency in found}


def write_tone(path: Path, tone_hz: int, seconds: int = 10, rate: int = 8000) -> None:
    times = numpy.arange(seconds * rate) / rate
    samples = (12000 * numpy.sin(2 * numpy.pi * tone_hz * times)).astype("<i2")
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())


def modules() -> Path:
    listed = subprocess.run(
        ["dpkg", "-L", "baresip-core"], capture_output=True, text=True, check=False
    ).stdout
    return next((Path(line).parent for line in listed.splitlines() if line.endswith("/g711.so")), MODULES)


def test_a_call_between_two_baresips_carries_sound_both_ways(lab: RunningLab, tmp_path: Path) -> None:
    dave, erin = Baresip(lab, "dave", 440, tmp_path / "dave"), Baresip(lab, "erin", 880, tmp_path / "erin")
    before = lab.metric("antiphon_sip_registrations")
    answering = erin.start(seconds=9)
    eventually(lambda: lab.metric("antiphon_sip_registrations") > before)
    calling = dave.start(f"/dial sip:{erin.line}@example.test", seconds=6)
    said = calling.communicate(timeout=30)[0], answering.communicate(timeout=30)[0]
    assert dave.heard() == {880}, said
    assert erin.heard() == {440}, said
