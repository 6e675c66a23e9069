"""Fixtures that every test may take, and how many examples property tests try: `--hypothesis-profile fuzz` for many."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.postgres", "tests.nats_server"]

FUZZ = settings(
    max_examples=1000, deadline=None, derandomize=False, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fuzz", FUZZ)
_KEPT = "_hypothesis_internal_use_settings"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--chaos-seconds", type=float, default=None, help="run tests/chaos, each of its tests for so long"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Long fault runs are no part of the default run: `make chaos`."""
    if collection_path.name == "chaos" and config.getoption("--chaos-seconds") is None:
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A count that a test names for everyday runs yields to the profile, which by itself fills in only what is not named."""
    if config.getoption("--hypothesis-profile") != "fuzz":
        return
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        if isinstance(machine := getattr(item.cls, "settings", None), settings):
            item.cls.settings = _many(machine)
        elif isinstance(named := getattr(item.function, _KEPT, None), settings):
            setattr(item.function, _KEPT, _many(named))


def _many(named: settings) -> settings:
    return settings(named, max_examples=max(named.max_examples, FUZZ.max_examples), deadline=None)
