"""What the directory no longer has is not registered either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from antiphon.kernel.bus import Bus
from antiphon.model import Device, Line
from antiphon.services.directory.events import DeviceChanged, LineChanged
from antiphon.services.registrar.events import Reason
from antiphon.services.registrar.service import Registrar


class Directory(Protocol):
    """The directory, as the registrar reads it."""

    def line(self, number: str) -> Line | None: ...

    def device(self, name: str) -> Device | None: ...


def follow(registrar: Registrar, directory: Directory, bus: Bus) -> Callable[[], None]:
    """End bindings of lines and devices that are removed, or that no longer belong together. Returns how to stop it."""

    def line_changed(event: LineChanged) -> None:
        if directory.line(event.number) is None:
            registrar.remove(event.number, reason=Reason.REJECTED)

    def device_changed(event: DeviceChanged) -> None:
        device = directory.device(event.name)
        numbers = {line.number for line in device.lines} if device is not None else set()
        # A change by an administrator may look at every binding; no index is kept up for it.
        gone = {
            binding.aor
            for binding in registrar.all()
            if binding.device == event.name and binding.aor not in numbers
        }
        for aor in gone:
            registrar.remove(aor, event.name, Reason.REJECTED)

    ends = (bus.subscribe(LineChanged, line_changed), bus.subscribe(DeviceChanged, device_changed))

    def end() -> None:
        for unsubscribe in ends:
            unsubscribe()

    return end
