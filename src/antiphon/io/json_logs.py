"""Logs: one JSON object a line. What could be a secret is left out by name, whoever logs it."""

from __future__ import annotations

import datetime
import json
import logging
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


def configure(stream: TextIO, level: int = logging.INFO) -> None:
    """Send every log line of this process to `stream`, and nothing anywhere else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every request, or of starting and stopping in their own words.
    for chatty in ("uvicorn.error", "uvicorn.access", "httpx2", "httpcore2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
