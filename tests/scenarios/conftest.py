"""Every *.scenario file is a test, once for each way that phones can speak. The time of each is printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.engine.contacts import EngineContacts
from tests.scenarios.engine.leg_phones import LegPhones
from tests.scenarios.engine.script import Failed, Script
from tests.scenarios.engine.sip_phones import SipPhones
from tests.scenarios.engine.world import Contacts, Phones, World
from tests.scenarios.engine.xmpp_contacts import XmppContacts

ADAPTERS: tuple[tuple[type[Phones], type[Contacts]], ...] = (
    (LegPhones, EngineContacts),
    (SipPhones, XmppContacts),
)
TIMES = pytest.StashKey[list[tuple[str, float]]]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".scenario":
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        for phones, contacts in ADAPTERS:
            name = f"{phones.name}-{contacts.name}"
            yield Scenario.from_parent(self, name=name, phones=phones, contacts=contacts)


class Scenario(pytest.Item):
    def __init__(self, *, phones: type[Phones], contacts: type[Contacts], **rest: Any) -> None:
        super().__init__(**rest)
        self._phones = phones
        self._contacts = contacts

    def runtest(self) -> None:
        script = Script.read(self.path)
        started = time.perf_counter()
        world = World(self._phones(), self._contacts())
        script.play(world)
        taken = time.perf_counter() - started
        self.config.stash.setdefault(TIMES, []).append((f"{self.path.stem} [{self.name}]", taken))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, f"{self.path.stem} [{self.name}]"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    times = config.stash.get(TIMES, [])
    if times:
        terminalreporter.write_sep("-", "scenarios")
        for name, taken in times:
            terminalreporter.write_line(f"{taken * 1000:7.1f} ms  {name}")
