"""One lab for the system tests of a worker. After the last of them its log must not know any secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab import RunningLab
from tests.system import secrets_of


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[RunningLab]:
    number = 40 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 41
    lab = RunningLab(tmp_path_factory.mktemp("system"), number)
    lab.start()
    yield lab
    lab.stop()
    secrets_of.assert_log_is_clean(lab)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where a command line keeps its sign-in."""
    path = tmp_path / "state"
    path.mkdir()
    return path
