"""The commands of a person, each in a process of its own, against a whole running lab."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lab import RunningLab

from antiphon.client.audio import read_wav, tone, tone_share, write_wav

pytestmark = pytest.mark.timeout(90)

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def heidi(lab: RunningLab, tmp_path: Path) -> Path:
    return signed_in(lab, "heidi", tmp_path / "heidi")


@pytest.fixture
def ivan(lab: RunningLab, tmp_path: Path) -> Path:
    return signed_in(lab, "ivan", tmp_path / "ivan")


@pytest.fixture
def start(lab: RunningLab) -> Iterator[Start]:
    """Start a command that goes on; what is still running at the end is ended."""
    running: list[subprocess.Popen[str]] = []

    def run(*words: str, state: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "antiphon.cli.main", *words],
            env=lab.client_environment(state),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def signed_in(lab: RunningLab, userid: str, state: Path) -> Path:
    state.mkdir()
    user = lab.user(userid)
    done = lab.cli(
        "login", user["address"], "--password-file", "-", "--json", state=state, input=user["password"] + "\n"
    )
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout)[-1]["userid"] == userid
    assert user["password"] not in done.stdout
    return state


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """Read what a command prints up to an event."""
    assert process.stdout is not None
    for text in process.stdout:
        line: dict[str, Any] = json.loads(text)
        if line["event"] == event:
            return line
    assert process.stderr is not None
    raise AssertionError(f"ended before {event!r}: {process.stderr.read()}")


def test_a_message_from_one_terminal_arrives_in_the_other_and_is_answered(
    lab: RunningLab, heidi: Path, ivan: Path, start: Start
) -> None:
    listening = start("chat", "heidi@example.test", "--json", state=ivan)
    until(listening, "conversation")
    asking = start("chat", "ivan@example.test", "--message", "Lunch?", "--wait", "20", "--json", state=heidi)
    assert until(listening, "message")["body"] == "Lunch?"
    assert listening.stdin is not None
    listening.stdin.write("At noon\n")
    listening.stdin.flush()
    assert until(asking, "message")["body"] == "At noon"
    assert asking.wait(10) == 0
    listening.stdin.close()
    assert listening.wait(10) == 0


def test_a_message_sent_to_nobody_waits_and_is_not_lost_to_a_sender(
    lab: RunningLab, heidi: Path, ivan: Path
) -> None:
    assert lab.cli("chat", "ivan@example.test", "--message", "later", state=heidi).returncode == 0
    # Ivan sends something himself first: that must not swallow what waits for him.
    assert lab.cli("chat", "heidi@example.test", "--message", "-", state=ivan, input="x").returncode == 0
    heard = lab.cli("chat", "--count", "1", "--wait", "10", "--json", state=ivan)
    assert [line["body"] for line in lines(heard.stdout) if line["event"] == "message"] == ["later"]
    assert lab.cli("chat", "--count", "1", "--wait", "10", state=heidi).stdout == "ivan: x\n"


def test_what_somebody_writes_cannot_steer_the_terminal(lab: RunningLab, heidi: Path, ivan: Path) -> None:
    assert lab.cli("chat", "ivan@example.test", "--message", "\u202eabc", state=heidi).returncode == 0
    heard = lab.cli("chat", "--count", "1", "--wait", "10", state=ivan)
    assert heard.stdout == "heidi: \N{REPLACEMENT CHARACTER}abc\n"


def test_a_call_between_two_terminals_carries_sound_both_ways(
    lab: RunningLab, heidi: Path, ivan: Path, start: Start, tmp_path: Path
) -> None:
    write_wav(tmp_path / "low.wav", tone(440, 2.0), 8000)
    write_wav(tmp_path / "high.wav", tone(880, 2.0, 16000), 16000)
    answering = start(
        "answer", "--play", str(tmp_path / "high.wav"), "--repeat", "--record", str(tmp_path / "a.wav"), "--json",
        state=ivan,
    )  # fmt: skip
    registered = until(answering, "registered")
    assert registered["device"] == "CSFIVAN"
    done = lab.cli(
        "call", registered["number"], "--play", str(tmp_path / "low.wav"), "--record", str(tmp_path / "c.wav"),
        "--encryption", "required", "--json", state=heidi,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = {line["event"]: line for line in lines(done.stdout)}
    assert told["answered"]["encrypted"] is True
    assert told["ended"]["ended_by_us"] is True
    assert answering.wait(20) == 0
    assert tone_share(read_wav(tmp_path / "c.wav", 8000), 8000, 880) > 0.8
    assert tone_share(read_wav(tmp_path / "a.wav", 8000), 8000, 440) > 0.8


def test_a_call_to_a_number_nobody_has_says_why_and_fails(lab: RunningLab, heidi: Path) -> None:
    done = lab.cli("call", "7777", state=heidi)
    assert done.returncode not in (0, 2)
    assert "AP-CLIENT-033" in done.stderr
    assert "404" in done.stderr


def test_nobody_calls(lab: RunningLab, ivan: Path) -> None:
    done = lab.cli("answer", "--timeout", "0.2", state=ivan)
    assert (done.returncode, done.stderr) == (1, "Nobody called.\n")


def test_opus_is_agreed_on_where_both_want_it(
    lab: RunningLab, heidi: Path, ivan: Path, start: Start, tmp_path: Path
) -> None:
    write_wav(tmp_path / "low.wav", tone(440, 1.5, 48000), 48000)
    answering = start(
        "answer",
        "--codec",
        "opus",
        "--codec",
        "pcmu",
        "--record",
        str(tmp_path / "a.wav"),
        "--json",
        state=ivan,
    )
    number = until(answering, "registered")["number"]
    done = lab.cli(
        "call", number, "--codec", "opus", "--play", str(tmp_path / "low.wav"), "--json", state=heidi
    )
    assert done.returncode == 0, done.stderr
    assert {line["event"]: line for line in lines(done.stdout)}["answered"]["codec"].lower() == "opus"
    assert answering.wait(20) == 0
    assert tone_share(read_wav(tmp_path / "a.wav", 48000), 48000, 440) > 0.8


def test_a_phone_by_digest_over_udp_is_called_too(
    lab: RunningLab, heidi: Path, ivan: Path, start: Start
) -> None:
    user = lab.user("ivan")
    answering = start(
        "answer", "--device", user["digest_device"], "--digest-password-file", "-", "--transport", "udp", "--json",
        state=ivan,
    )  # fmt: skip
    assert answering.stdin is not None
    answering.stdin.write(user["password"] + "\n")
    answering.stdin.flush()
    number = until(answering, "registered")["number"]
    done = lab.cli("call", number, "--duration", "0.3", "--json", state=heidi)
    assert done.returncode == 0, done.stderr
    assert {line["event"]: line for line in lines(done.stdout)}["answered"]["encrypted"] is False
    assert answering.wait(20) == 0


def test_ctrl_c_ends_a_call_in_order(lab: RunningLab, heidi: Path, ivan: Path, start: Start) -> None:
    answering = start("answer", "--json", state=ivan)
    number = until(answering, "registered")["number"]
    calling = start("call", number, "--json", state=heidi)
    until(calling, "answered")
    calling.send_signal(signal.SIGINT)
    assert until(calling, "ended")["ended_by_us"] is True
    assert calling.wait(10) == 130
    assert calling.stderr is not None
    assert calling.stderr.read() == ""
    assert until(answering, "ended")["ended_by_us"] is False
    assert answering.wait(10) == 0


def test_status_is_seen_by_contacts(lab: RunningLab, heidi: Path, ivan: Path, start: Start) -> None:
    befriending = start("chat", "heidi@example.test", "--json", state=ivan)
    until(befriending, "conversation")
    other = start("chat", "ivan@example.test", "--json", state=heidi)
    until(other, "conversation")
    for process, address in ((befriending, "heidi"), (other, "ivan")):
        assert process.stdin is not None
        process.stdin.write(f"/add {address}@example.test\n/allow {address}@example.test\n")
        process.stdin.flush()
    for process in (befriending, other):
        assert until(process, "presence")["state"] == "available"
    for process in (befriending, other):
        assert process.stdin is not None
        process.stdin.write("/quit\n")
        process.stdin.close()
        assert process.wait(10) == 0
    shown = start("status", "--set", "dnd", "--note", "writing", "--json", state=ivan)
    until(shown, "set")
    seen = lab.cli("status", "--json", state=heidi)
    (contact,) = (line for line in lines(seen.stdout) if line["event"] == "contact")
    assert (contact["state"], contact["note"]) == ("dnd", "writing")


def test_after_signing_out_nothing_goes_any_more(lab: RunningLab, heidi: Path) -> None:
    assert lab.cli("logout", state=heidi).stdout == "Signed out.\n"
    done = lab.cli("chat", "ivan@example.test", "--message", "x", state=heidi)
    assert (done.returncode, done.stderr.split(":")[0]) == (5, "AP-CLIENT-001")


def test_a_wrong_password_is_said_so(lab: RunningLab, state: Path) -> None:
    done = lab.cli("login", "heidi@example.test", "--password-file", "-", state=state, input="wrong\n")
    assert (done.returncode, done.stderr.split(":")[0]) == (5, "AP-CLIENT-002")


def test_an_address_without_services_is_said_so(lab: RunningLab, state: Path) -> None:
    done = lab.cli("login", "heidi@nowhere.test", "--password-file", "-", state=state, input="x\n")
    assert (done.returncode, done.stderr.split(":")[0]) == (1, "AP-CLIENT-005")


def test_the_demo_plays_the_whole_flow(lab: RunningLab, state: Path) -> None:
    done = lab.cli("demo", "--json", state=state, timeout=60)
    told = lines(done.stdout)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert [line["ok"] for line in told] == [True] * 17
    assert told[-1]["event"] == "done"
