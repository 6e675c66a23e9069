"""An administrator looks at a call between two terminals and ends it; a record of it is kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.interop.test_command_line import Start, heidi, ivan, lines, signed_in, start, until  # noqa: F401
from tests.lab import RunningLab, eventually

pytestmark = pytest.mark.timeout(90)


def records(path: Path, number: str) -> list[dict[str, Any]]:
    """Of calls to this line, so far."""
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if row["originalCalledPartyNumber"] == number]


def test_a_call_is_seen_ended_and_recorded(
    lab: RunningLab,
    heidi: Path,  # noqa: F811
    ivan: Path,  # noqa: F811
    start: Start,  # noqa: F811
    tmp_path: Path,
) -> None:
    alice = signed_in(lab, "alice", tmp_path / "alice")
    answering = start("answer", "--json", state=ivan)
    number = until(answering, "registered")["number"]
    path = lab.directory / "cdr.jsonl"
    before = len(records(path, number))
    calling = start("call", number, "--json", state=heidi)
    until(calling, "answered")

    listed = lab.cli("calls", "list", number, "--json", state=alice)
    assert listed.returncode == 0, listed.stderr
    (call,) = lines(listed.stdout)
    assert (call["called"], call["state"]) == (number, "talking")
    assert {party["device"] for party in call["parties"]} >= {"CSFHEIDI"}
    refused = lab.cli("calls", "end", call["call_id"], state=heidi)
    assert refused.returncode == 5

    ended = lab.cli("calls", "end", call["call_id"], "--json", state=alice)
    assert (ended.returncode, lines(ended.stdout)[0]["ended"]) == (0, 1)
    assert until(calling, "ended")["ended_by_us"] is False
    assert answering.wait(20) == 0
    eventually(lambda: len(records(path, number)) > before)
    record = records(path, number)[-1]
    assert record["globalCallID_callId"] == call["call_id"]
    assert (record["callingPartyNumber"], record["finalCalledPartyNumber"]) == (call["calling"], number)
    assert record["dateTimeDisconnect"] >= record["dateTimeConnect"] >= record["dateTimeOrigination"] > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
