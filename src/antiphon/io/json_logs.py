"""Logs: one JSON object a line. What could be a secret is left out by name, whoever logs it."""

from __future__ import annotations

import datetime
import json
import logging
from dataclasses import dataclass
from typing import Any, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRET = ("password", "token", "secret", "authorization", "credential", "cookie", "body", "digest", "pin")


class JsonFormatter(logging.Formatter):
    """Keys: ts, level, event, logger, then whatever `extra` gave (code, peer, node …), and `error` with the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "ts": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        for key, value in vars(record).items():
            if key not in _STANDARD:
                said[key] = "[left out]" if any(word in key.lower() for word in _SECRET) else value
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


class Sampling(logging.Filter):
    """A flood does not flood the log: of lines with the same code and event, a burst passes and then a few each second.

    The first line that passes again says how many did not (`suppressed`). Lines without a code always pass.
    """

    def __init__(self, burst: int = 100, per_s: float = 5.0) -> None:
        super().__init__()
        self._burst = burst
        self._per_s = per_s
        self._seen: dict[tuple[str, str], _Seen] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        code = getattr(record, "code", "")
        if not code:
            return True
        # Codes and events are written in the source: there are as many as there are places that log.
        seen = self._seen.setdefault((code, str(record.msg)), _Seen(self._burst, record.created))
        passed_s = max(0.0, record.created - seen.at)
        seen.room, seen.at = min(float(self._burst), seen.room + passed_s * self._per_s), record.created
        if seen.room < 1:
            seen.suppressed += 1
            return False
        seen.room -= 1
        if seen.suppressed:
            record.suppressed = seen.suppressed
            seen.suppressed = 0
        return True


@dataclass(slots=True)
class _Seen:
    room: float
    at: float
    suppressed: int = 0


def configure(stream: TextIO, level: int = logging.INFO) -> None:
    """Send every log line of this process to `stream`, and nothing anywhere else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Sampling())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every request, or of starting and stopping in their own words.
    for chatty in ("uvicorn.access", "httpx2", "httpcore2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Warns of every request that cannot be read; the driver says the same with a code.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
