"""Running `antiphon` inside the test process: the same `main`, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.client.lab import AUTHORITY, Lab

from antiphon.cli.main import main

Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def antiphon(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`await antiphon("discover", …)` gives exit code, standard output and standard error."""
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("ANTIPHON_RESOLVER", "ANTIPHON_CA_FILE"):
        monkeypatch.delenv(name, raising=False)

    def run(arguments: tuple[str, ...]) -> int:
        try:
            main(list(arguments))
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        return 0

    async def command(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(run, arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def options(lab: Lab, ca_file: str) -> list[str]:
    return ["--resolver", str(lab.dns.address), "--ca-file", ca_file]
