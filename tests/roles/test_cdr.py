from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path

import pytest

from antiphon.kernel.bus import LocalBus
from antiphon.roles.cdr import CallRecords, record
from antiphon.services.call.events import CallEnded
from antiphon.services.call.legs import Cause, Diversion, DiversionReason

ANSWERED = CallEnded(
    "c1", Cause.NORMAL, 61.9, "1001", "1002", "1003", "1001", 1000.5, 1004.2, 1066.1,
    (Diversion("1002", DiversionReason.BUSY),), ("1001", "1003"),
)  # fmt: skip
BUSY = CallEnded("c2", Cause.BUSY, 0.0, "1001", "1004", "", "1004", 2000.0, None, 2001.0, (), ("1001",))


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cdr.jsonl"


def test_a_call_that_was_answered_has_the_names_billing_tools_look_for() -> None:
    given = record(ANSWERED)
    assert (
        given
        | {
            "globalCallID_callId": "c1",
            "callingPartyNumber": "1001",
            "originalCalledPartyNumber": "1002",
            "finalCalledPartyNumber": "1003",
            "lastRedirectDn": "1002",
            "dateTimeOrigination": 1000,
            "dateTimeConnect": 1004,
            "dateTimeDisconnect": 1066,
            "duration": 61,
            "origCause_value": 16,
            "destCause_value": 0,
        }
        == given
    )


def test_a_call_that_nobody_answered_connected_at_0_and_the_called_side_has_the_cause() -> None:
    given = record(BUSY)
    assert (given["dateTimeConnect"], given["duration"]) == (0, 0)
    assert (given["origCause_value"], given["destCause_value"]) == (0, 17)
    assert given["finalCalledPartyNumber"] == "1004"


def test_each_call_that_ends_is_a_line_that_only_the_owner_reads(path: Path) -> None:
    bus = LocalBus()
    for event in (ANSWERED, BUSY):
        # A restart in between goes on in the same file.
        records = CallRecords(path)
        records.listen(bus)
        bus.publish(event)
        records.close()
        bus = LocalBus()
    assert [line["globalCallID_callId"] for line in read(path)] == ["c1", "c2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_full_files_are_kept_up_to_a_number(path: Path) -> None:
    bus, records = LocalBus(), CallRecords(path, max_bytes=len(json.dumps(record(BUSY))) * 2, kept=2)
    records.listen(bus)
    for number in range(9):
        bus.publish(CallEnded(f"c{number}", Cause.BUSY, 0.0, "1001", "1004", "", "1004", 1.0, None, 2.0))
    records.close()
    kept = [path.with_name("cdr.jsonl.2"), path.with_name("cdr.jsonl.1"), path]
    assert [line["globalCallID_callId"] for file in kept for line in read(file)][-1] == "c8"
    assert sorted(path.parent.iterdir()) == sorted(kept)
    numbers = [str(line["globalCallID_callId"]) for file in kept for line in read(file)]
    assert numbers == sorted(numbers)
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}


def test_what_a_crash_left_of_a_line_does_not_spoil_the_next_one(path: Path) -> None:
    path.write_text(json.dumps(record(BUSY)) + '\n{"globalCallID_ca')
    bus, records = LocalBus(), CallRecords(path)
    records.listen(bus)
    bus.publish(ANSWERED)
    records.close()
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[2])["globalCallID_callId"] == "c1"


def test_a_record_that_cannot_be_written_is_said_and_the_next_one_is_tried(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.mkdir()
    bus, records = LocalBus(), CallRecords(path)
    records.listen(bus)
    with caplog.at_level(logging.ERROR):
        bus.publish(BUSY)
    (said,) = caplog.records
    assert (said.__dict__["code"], said.__dict__["call"]) == ("AP-CDR-001", "c2")
    path.rmdir()
    bus.publish(ANSWERED)
    records.close()
    assert [line["globalCallID_callId"] for line in read(path)] == ["c1"]


def test_a_disk_without_room_leaves_no_half_line(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, records = LocalBus(), CallRecords(path)
    records.listen(bus)
    bus.publish(BUSY)
    write = os.write
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(os, "write", lambda file, data: write(file, data[:10]))
        bus.publish(ANSWERED)
    bus.publish(BUSY)
    records.close()
    assert [line["globalCallID_callId"] for line in read(path)] == ["c2", "c2"]
    assert [each.__dict__["code"] for each in caplog.records] == ["AP-CDR-001"]
