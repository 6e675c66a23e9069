"""A whole node in virtual time: directory, registrar, calls, presence, and the phones and contacts around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from tests.scenarios.engine.phone import Phone

from antiphon.kernel.bus import LocalBus
from antiphon.kernel.features import Feature, load
from antiphon.kernel.random import SequenceRandom
from antiphon.kernel.time import VirtualTime
from antiphon.model import Device, DeviceLine, Line, User
from antiphon.services.call.events import CallEnded
from antiphon.services.call.service import CallService
from antiphon.services.directory.memory import Memory
from antiphon.services.presence import phone as on_the_phone
from antiphon.services.presence.service import PresenceEngine
from antiphon.services.registrar.service import Registrar

DOMAIN = "example.test"


class Phones(Protocol):
    """How phones reach the node: an adapter."""

    name: str

    def attach(self, world: World) -> None: ...

    def phone(self, number: str) -> Phone:
        """A new phone of that line, registered."""
        ...

    def settle(self) -> None:
        """Carry everything that is under way to its end."""
        ...

    @property
    def legs(self) -> int:
        """Legs that the node's side of the adapter still holds."""
        ...


class Contacts(Protocol):
    """How people watch each other: an adapter."""

    name: str

    def attach(self, world: World) -> None: ...

    def watch(self, watcher: str, userid: str) -> None: ...

    def seen(self, watcher: str, userid: str) -> str:
        """`available`, `on the phone`, `busy`, `away`, `offline` …"""
        ...

    def sign_in(self, userid: str) -> None: ...

    def settle(self) -> None: ...


class World:
    """One scenario's node. Phones are made when a line gets its owner."""

    def __init__(
        self,
        phones: Phones,
        contacts: Contacts,
        features: tuple[Feature, ...] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.time = VirtualTime(1000.0)
        self.bus = LocalBus()
        self.random = SequenceRandom()
        self.directory = Memory()
        self.registrar = Registrar(self.time, self.bus)
        self.presence = PresenceEngine(self.time, self.bus)
        self.end_presence: Callable[[], None] = on_the_phone.listen(self.presence, self.bus)
        self.calls = CallService(
            self.directory,
            self.time,
            self.random,
            self.bus,
            load("antiphon.services.call.features") if features is None else features,
            settings,
        )
        self.records: list[CallEnded] = []
        self.bus.subscribe(CallEnded, self.records.append)
        self.phones: dict[str, Phone] = {}
        self._adapter = phones
        self.contacts = contacts
        phones.attach(self)
        contacts.attach(self)

    def line(self, userid: str, number: str) -> None:
        """A user with a line, a softphone that is registered, and nothing else."""
        self.directory.keep(User(userid, f"u-{userid}", display_name=userid.title()))
        self.directory.keep(Line(number, f"l-{number}", display_name=userid.title(), owner=userid))
        self.directory.keep(
            Device(f"CSF{userid.upper()}", f"d-{userid}", owner=userid, lines=(DeviceLine(number),))
        )
        self.phones[number] = self._adapter.phone(number)

    def change_line(self, number: str, **settings: object) -> None:
        line = self.directory.line(number) or Line(number, f"l-{number}", display_name=number)
        self.directory.keep(replace(line, **settings))  # type: ignore[arg-type]

    def change_busy_trigger(self, number: str, calls: int) -> None:
        for device in self.directory.devices_with_line(number):
            lines = tuple(
                replace(line, busy_trigger=calls) if line.number == number else line for line in device.lines
            )
            self.directory.keep(replace(device, lines=lines))

    def wait(self, seconds: float) -> None:
        """Time passes in small steps, so that what timers send is heard before the next ones are due."""
        end = self.time.now() + seconds
        while self.time.now() < end:
            self.time.advance(min(0.5, end - self.time.now()))
            self._adapter.settle()
            self.contacts.settle()

    @property
    def legs(self) -> int:
        return self._adapter.legs

    def owner(self, who: str) -> str:
        """The userid of a line, of an address, or of a userid."""
        line = self.directory.line(who)
        return line.owner if line is not None else who.partition("@")[0]
