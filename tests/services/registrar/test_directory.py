from __future__ import annotations

import pytest

from antiphon.kernel.bus import LocalBus
from antiphon.kernel.time import VirtualTime
from antiphon.model import Device, DeviceLine, Line
from antiphon.services.directory.events import DeviceChanged, LineChanged
from antiphon.services.directory.memory import Memory
from antiphon.services.registrar.binding import ContactRequest, RegisterRequest
from antiphon.services.registrar.directory import follow
from antiphon.services.registrar.service import Registrar


class Bench:
    def __init__(self) -> None:
        self.bus = LocalBus()
        self.directory = Memory()
        for number in ("1001", "1002"):
            self.directory.keep(Line(number, f"l-{number}"))
        self.put_device("CSFALICE", "1001", "1002")
        self.put_device("CSFBOB", "1002")
        self.registrar = Registrar(VirtualTime(), self.bus)
        for aor, device in (("1001", "CSFALICE"), ("1002", "CSFALICE"), ("1002", "CSFBOB")):
            contact = ContactRequest(f"sip:{device}@192.0.2.1")
            self.registrar.register(RegisterRequest(aor, device, (contact,), device, 1, None, "udp"))
        self.end = follow(self.registrar, self.directory, self.bus)

    def put_device(self, name: str, *numbers: str) -> None:
        lines = tuple(DeviceLine(number) for number in numbers)
        self.directory.keep(Device(name, f"d-{name}", lines=lines))

    def bound(self) -> set[tuple[str, str]]:
        return {(binding.aor, binding.device) for binding in self.registrar.all()}


@pytest.fixture
def bench() -> Bench:
    return Bench()


ALL = {("1001", "CSFALICE"), ("1002", "CSFALICE"), ("1002", "CSFBOB")}


def test_a_removed_device_is_registered_no_longer(bench: Bench) -> None:
    bench.directory.drop(Device, "CSFALICE")
    bench.bus.publish(DeviceChanged("CSFALICE"))
    assert bench.bound() == {("1002", "CSFBOB")}


def test_a_line_taken_from_a_device_is_registered_there_no_longer(bench: Bench) -> None:
    bench.put_device("CSFALICE", "1001")
    bench.bus.publish(DeviceChanged("CSFALICE"))
    assert bench.bound() == {("1001", "CSFALICE"), ("1002", "CSFBOB")}


def test_a_removed_line_is_registered_nowhere(bench: Bench) -> None:
    bench.directory.drop(Line, "1002")
    bench.bus.publish(LineChanged("1002"))
    assert bench.bound() == {("1001", "CSFALICE")}


def test_what_is_only_changed_stays(bench: Bench) -> None:
    bench.bus.publish(LineChanged("1002"))
    bench.bus.publish(DeviceChanged("CSFALICE"))
    assert bench.bound() == ALL


def test_it_can_be_stopped(bench: Bench) -> None:
    bench.end()
    bench.directory.drop(Line, "1002")
    bench.bus.publish(LineChanged("1002"))
    assert bench.bound() == ALL
