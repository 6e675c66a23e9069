"""A call service on a bench: lines 1001 … 1009, virtual time, and everything that was said and published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from antiphon.kernel.bus import Event, LocalBus
from antiphon.kernel.features import Feature, load
from antiphon.kernel.random import SequenceRandom
from antiphon.kernel.time import VirtualTime
from antiphon.model import Device, DeviceLine, Line
from antiphon.services.call import events as facts
from antiphon.services.call.legs import (
    Answered,
    LegCommand,
    LegEvent,
    LegId,
    Offered,
    Originate,
    Party,
)
from antiphon.services.call.service import CallService

C = TypeVar("C", bound=LegCommand)
F = TypeVar("F", bound=Event)

FACTS = (
    facts.CallStarted,
    facts.CallRinging,
    facts.CallDiverted,
    facts.CallAnswered,
    facts.CallHeld,
    facts.CallTransferred,
    facts.CallEnded,
    facts.LineBusy,
)


def sdp(who: str, version: int = 1, direction: str = "sendrecv", media: Sequence[str] = ("audio",)) -> bytes:
    """The description of one party."""
    head = f"v=0\r\no={who} {who} {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    port = int(who) if who.isdigit() else 4000
    sections = (f"m={kind} {port} RTP/AVP 0\r\na={direction}\r\n" for kind in media)
    return (head + "".join(sections)).encode()


class Lines:
    """The directory, as far as calls read it."""

    def __init__(self) -> None:
        self.lines = {
            str(number): Line(
                str(number), f"pkid-{number}", display_name=f"Name {number}", owner=f"user{number}"
            )
            for number in range(1001, 1010)
        }
        self.triggers: dict[str, int] = {}

    def line(self, number: str) -> Line | None:
        return self.lines.get(number)

    def devices_with_line(self, number: str) -> Iterable[Device]:
        trigger = self.triggers.get(number, 2)
        return (Device(f"CSF{number}", f"d{number}", lines=(DeviceLine(number, busy_trigger=trigger),)),)

    def change(self, number: str, **fields: Any) -> None:
        self.lines[number] = replace(self.lines[number], **fields)


class Board:
    def __init__(
        self,
        features: Iterable[Feature] | None = None,
        settings: Mapping[str, object] | None = None,
        **limits: int,
    ) -> None:
        self.time = VirtualTime()
        self.bus = LocalBus()
        self.facts: list[Event] = []
        for kind in FACTS:
            self.bus.subscribe(kind, self.facts.append)
        self.lines = Lines()
        self.service = CallService(
            self.lines,
            self.time,
            SequenceRandom(),
            self.bus,
            load("antiphon.services.call.features") if features is None else features,
            settings,
            **limits,
        )
        self.late: list[LegCommand] = []
        """What timers made it say."""
        self.service.connect(self.late.extend)

    def say(self, event: LegEvent) -> list[LegCommand]:
        return list(self.service.handle(event))

    def call(self, calling: str, called: str, leg: LegId = "", offer: bytes | None = b"") -> list[LegCommand]:
        """The line calls, on a leg named like it."""
        description = sdp(calling) if offer == b"" else offer
        return self.say(Offered(leg or calling, Party(calling), called, description))

    def originated(self, commands: Iterable[LegCommand]) -> LegId:
        """The one leg that these commands ring."""
        (leg,) = [command.leg for command in commands if isinstance(command, Originate)]
        return leg

    def talk(self, calling: str, called: str, leg: LegId = "") -> LegId:
        """A call that has been answered; returns the called leg."""
        branch = self.originated(self.call(calling, called, leg))
        self.say(Answered(branch, sdp(called)))
        return branch

    def told(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def busy(self) -> set[str]:
        """The lines that were last said to be off hook."""
        last = {fact.number: fact.busy for fact in self.told(facts.LineBusy)}
        return {number for number, busy in last.items() if busy}
