"""Commands in the pages, run as they are printed.

A ```sh block below `<!-- run -->` is run; a ```text block below `<!-- output -->` says what comes out. Numbers in it
stand for any number, a line `…` for any lines, `…` at the end of a line for any rest; order does not count, because
programs that run side by side print as they like.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import free_port

from antiphon.roles.lab_files import LabFiles
from antiphon.roles.topology import EXAMPLE

ROOT = Path(__file__).resolve().parents[2]
RUN = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r"^<!-- output -->\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 90


def commands(page: Path) -> str:
    return "".join(RUN.findall(page.read_text("utf-8")))


def promised(page: Path) -> list[str]:
    lines = [line for block in OUTPUT.findall(page.read_text("utf-8")) for line in block.splitlines()]
    return [line for line in lines if line.strip() not in ("", "…")]


def normal(line: str) -> str:
    """Without what differs from run to run: numbers, and how wide they are."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", line)).strip()


def missing(page: Path, printed: str) -> list[str]:
    """The promised lines that did not come."""
    came = [normal(line) for line in printed.splitlines()]
    return [
        line
        for line in promised(page)
        if not any(
            said.startswith(normal(line[:-1])) if line.endswith(" …") else said == normal(line)
            for said in came
        )
        and normal(line) not in came
    ]


class Place:
    """A home directory and a lab for one page; the lab has loopback addresses of its own."""

    def __init__(self, directory: Path, number: int) -> None:
        self.work = directory / "work"
        self.lab = directory / "lab"
        for path in (self.work, self.lab):
            path.mkdir(parents=True)
        topology = EXAMPLE.replace("127.0.1.1", f"127.{number}.1.1").replace("127.0.2.1", f"127.{number}.2.1")
        topology = topology.replace("127.0.0.1:10053", f"127.0.0.1:{free_port()}")
        topology = topology.replace("127.0.0.1:10054", f"127.0.0.1:{free_port()}")
        (self.lab / "topology.toml").write_text(topology)  # what a lab was started with is used again
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANTIPHON_")},
            "HOME": str(directory),
            "XDG_STATE_HOME": str(directory / "state"),
            "XDG_CONFIG_HOME": str(directory / "config"),
            "XDG_CACHE_HOME": str(directory / "cache"),
            "ANTIPHON_LAB": str(self.lab),
            "LANGUAGE": "en",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(map(waiting, script.splitlines()))],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def stop(self) -> None:
        if (running := LabFiles(self.lab).environment()) is not None:
            os.kill(running.pid, signal.SIGTERM)


SAID = '"$ANTIPHON_LAB/said"'
"""What the program in the other window has printed: shown when the page waits for it, so that no lines are mixed."""


def waiting(line: str) -> str:
    """A person starts the next program when the one in the other window has said something; so does this."""
    if line.endswith(" &"):
        return f": > {SAID}; {line[:-2]} > {SAID} & until [ -s {SAID} ]; do sleep 0.05; done"
    return f"wait; cat {SAID}" if line == "wait" else line


@contextmanager
def place(directory: Path, number: int) -> Iterator[Place]:
    made = Place(directory, number)
    try:
        yield made
    finally:
        made.stop()
