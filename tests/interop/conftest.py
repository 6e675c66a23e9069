"""One lab for the interop tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab import RunningLab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[RunningLab]:
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    lab = RunningLab(tmp_path_factory.mktemp("lab"), number)
    lab.start()
    yield lab
    lab.stop()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where a command line keeps its sign-in."""
    path = tmp_path / "state"
    path.mkdir()
    return path
