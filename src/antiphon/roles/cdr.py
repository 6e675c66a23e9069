"""Call detail records: a JSON line for each call that has ended, named as in Cisco's CDR files.

Times are UTC seconds since 1970, `duration` is in seconds, causes are Q.850 values. What has no Cisco name stands beside
them in lower case.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from pathlib import Path
from typing import Any

from antiphon.interfaces.sip.causes import CAUSES
from antiphon.kernel.bus import Bus
from antiphon.roles.errors import RECORD_LOST
from antiphon.services.call.events import CallEnded

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024 * 1024
KEPT = 8
"""Full files beside the one that is written: with `MAX_BYTES` each, about 300,000 calls."""


class CallRecords:
    """Appends to `path`, for its owner alone. A full file becomes `path.1`, that one `path.2`, and the oldest goes.

    What is written survives the process; a line is there whole or not at all.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._file: int | None = None
        self._size = 0

    def listen(self, bus: Bus) -> None:
        bus.subscribe(CallEnded, self._ended)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _ended(self, event: CallEnded) -> None:
        line = json.dumps(record(event), separators=(",", ":"), ensure_ascii=False) + "\n"
        try:
            self._append(line.encode())
        except OSError as error:
            self.close()
            extra = {"code": RECORD_LOST.code, "call": event.call_id, "error": error.strerror}
            log.error(RECORD_LOST.what, extra=extra)

    def _append(self, line: bytes) -> None:
        file = self._open() if self._file is None else self._file
        if self._size and self._size + len(line) > self._max_bytes:
            self._rotate()
            file = self._open()
        written = os.write(file, line)
        if written != len(line):
            # The disk is full: no half a line stays behind.
            os.ftruncate(file, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def _open(self) -> int:
        self._file = os.open(
            self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        os.fchmod(self._file, 0o600)
        self._size = os.fstat(self._file).st_size
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            # The machine went down in the middle of a line.
            self._size += os.write(self._file, b"\n")
        return self._file

    def _rotate(self) -> None:
        self.close()
        for number in range(self._kept, 1, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def record(event: CallEnded) -> dict[str, Any]:
    """The side that hung up, or refused, has the cause; the other has 0, as billing tools expect."""
    q850 = CAUSES[event.cause].q850
    by_caller = bool(event.ended_by) and event.ended_by == event.calling
    return {
        "globalCallID_callManagerId": 1,
        "globalCallID_callId": event.call_id,
        "dateTimeOrigination": int(event.started_at),
        "callingPartyNumber": event.calling,
        "originalCalledPartyNumber": event.called,
        "finalCalledPartyNumber": event.answered_by or event.called,
        "lastRedirectDn": event.diversions[-1].number if event.diversions else "",
        "origCause_value": q850 if by_caller else 0,
        "destCause_value": 0 if by_caller else q850,
        "dateTimeConnect": int(event.answered_at) if event.answered_at is not None else 0,
        "dateTimeDisconnect": int(event.ended_at),
        "duration": int(event.duration_s),
        "cause": event.cause.value,
        "ended_by": event.ended_by,
        "diversions": [[step.number, step.reason.value] for step in event.diversions],
        "parties": list(event.parties),
        "continued_in": event.continued_in,
    }
