"""The lab that is killed over and over. Its tests run with `--chaos-seconds` alone (`make chaos`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.lab import RunningLab


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    given = request.config.getoption("--chaos-seconds")
    if given is None:
        pytest.skip("runs with --chaos-seconds")
    return float(given)


@pytest.fixture
def lab(seconds: float, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[RunningLab]:
    number = 60 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 61
    lab = RunningLab(tmp_path_factory.mktemp("chaos"), number)
    lab.start()
    yield lab
    lab.stop()
