"""Scenario files: one sentence a line, `#` begins a comment, the first comment is the title."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios.engine.sentences import Unmet, find
from tests.scenarios.engine.world import World


class Failed(Exception):
    """A line did not come true. The message begins with file:line."""

    def __init__(self, path: Path, number: int, line: str, why: str) -> None:
        super().__init__(f"{path}:{number}: {line}\n    {why}")
        self.line = number


@dataclass(frozen=True)
class Script:
    path: Path
    title: str
    lines: tuple[tuple[int, str], ...]
    """(line number, sentence)."""

    @classmethod
    def read(cls, path: Path) -> Script:
        text = path.read_text()
        comments = (line[1:].strip() for line in text.splitlines() if line.startswith("#"))
        return cls(path, next(comments, path.stem), tuple(_sentences(text)))

    def play(self, world: World) -> None:
        for number, line in self.lines:
            found = find(line)
            if found is None:
                raise Failed(self.path, number, line, "no such sentence; see engine/sentences.py")
            step, groups = found
            try:
                step(world, **groups)
            except Unmet as unmet:
                raise Failed(self.path, number, line, str(unmet)) from None


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition(" # ")[0].strip()
        if line and not line.startswith("#"):
            yield number, line
