"""What a command says: lines for people, or JSON lines for programs.

One versioned schema a command (`antiphon.call/1`); every JSON line names its schema and its event, so that a program can
read along while the command runs.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Direction overrides: they make a line read otherwise than it is."""


class Output:
    """`json_lines` chooses. Lines for people go to standard output and are flushed at once."""

    def __init__(self, schema: str, json_lines: bool, quiet: bool = False) -> None:
        self._schema = schema
        self.json_lines = json_lines
        self._quiet = quiet

    def event(self, name: str, line: str = "", /, **values: Any) -> None:
        """Something has happened; an empty `line` is for programs only."""
        if self.json_lines:
            print(
                json.dumps({"schema": self._schema, "event": name, **values}, ensure_ascii=False), flush=True
            )
        elif line and not self._quiet:
            print(line, flush=True)


def printable(text: str) -> str:
    """What somebody else wrote, without the characters that would steer a terminal."""
    return "".join(
        c if c in "\n\t" or (c.isprintable() and c not in _BIDI) else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def width(text: str) -> int:
    """Columns in a terminal: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def read_secret(source: str) -> str:
    """The first line of a file, or of standard input for `-`. Raises OSError."""
    if source == "-":
        return sys.stdin.readline().rstrip("\r\n")
    with open(source, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n")
