"""What reaches the log, and how much of it."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

from antiphon.io.json_logs import JsonFormatter, Sampling


def record(event: str, at: float, **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": event, "levelname": "INFO", "levelno": logging.INFO, **extra})
    made.created = at
    return made


def written(records: list[logging.LogRecord]) -> list[dict[str, Any]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Sampling(burst=3, per_s=1.0))
    for each in records:
        handler.handle(each)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_flood_is_sampled_and_the_log_says_how_much_is_missing() -> None:
    flood = [record("refused", 100.0, code="AP-X-001") for _ in range(1000)]
    lines = written([*flood, record("refused", 101.0, code="AP-X-001")])
    assert len(lines) == 4
    assert lines[-1]["suppressed"] == 997


def test_a_flood_of_one_thing_hides_no_other() -> None:
    flood = [record("refused", 100.0, code="AP-X-001") for _ in range(1000)]
    lines = written([*flood, record("refused", 100.0, code="AP-X-002"), record("started", 100.0)])
    assert [line.get("code") for line in lines[-2:]] == ["AP-X-002", None]


def test_lines_without_a_code_always_pass() -> None:
    assert len(written([record("user added", 100.0) for _ in range(50)])) == 50


def test_what_is_named_like_a_secret_is_left_out() -> None:
    (line,) = written([record("signed in", 100.0, password="x", access_token="y", peer="127.0.0.1")])
    assert (line["password"], line["access_token"], line["peer"]) == ("[left out]", "[left out]", "127.0.0.1")
