"""The calls under way, and the one place where something is said about them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from antiphon.kernel.bus import Event
from antiphon.kernel.random import Random
from antiphon.kernel.time import Timers
from antiphon.services.call.call import Call, Leg
from antiphon.services.call.errors import UNSAYABLE
from antiphon.services.call.events import CallAnswered, CallEnded, CallStarted
from antiphon.services.call.legs import (
    Cause,
    End,
    LegCommand,
    LegId,
    Party,
    Refuse,
    TransferResult,
)
from antiphon.services.call.lines import Lines
from antiphon.services.call.ports import Directory
from antiphon.services.call.table import TABLE, State, trigger

if TYPE_CHECKING:
    from antiphon.services.call.legs import Originate

log = logging.getLogger(__name__)


class Desk:
    """Holds calls and legs, and collects the commands and facts of one turn."""

    def __init__(self, directory: Directory, timers: Timers, random: Random) -> None:
        self.directory = directory
        self.timers = timers
        self.random = random
        self.calls: dict[str, Call] = {}
        self.legs: dict[LegId, Leg] = {}
        self.lines = Lines(directory, self.tell)
        self.commands: list[LegCommand] = []
        self.facts: list[Event] = []

    def tell(self, fact: Event) -> None:
        self.facts.append(fact)

    def open_call(self, calling: str, called: str) -> Call:
        call = Call(self.random.token(12), calling, called, self.timers.wall())
        self.calls[call.id] = call
        self.tell(CallStarted(call.id, calling, called))
        return call

    def add_leg(
        self, leg_id: LegId, call: Call, party: Party, device: str, state: State, *, inbound: bool
    ) -> Leg:
        leg = Leg(leg_id, call, party, device, state, inbound)
        self.legs[leg_id] = leg
        call.legs[leg_id] = leg
        self.lines.came(leg)
        if inbound:
            call.parties.append(party.number)
            self.lines.off_hook(leg)
        return leg

    def originate(self, command: Originate) -> None:
        self.commands.append(command)

    def say(self, command: LegCommand) -> bool:
        """Say it, if the table allows that now; else log and stay silent."""
        leg = self.legs.get(command.leg)
        move = TABLE.get((leg.state, trigger(command))) if leg is not None else None
        if leg is None or move is None:
            log.error(
                "command not sayable",
                extra={"code": UNSAYABLE.code, "leg": repr(leg), "command": type(command).__name__},
            )
            return False
        leg.state = move.state
        self.commands.append(command)
        if move.state is State.GONE:
            self.forget(leg)
        return True

    def drop(self, leg: Leg, cause: Cause) -> None:
        """End a leg in the way its state asks for."""
        if leg.state in (State.OFFERED, State.OFFERED_EMPTY):
            self.say(Refuse(leg.id, cause))
        elif leg.state is not State.GONE:
            self.say(End(leg.id, cause))

    def forget(self, leg: Leg) -> None:
        """The leg is over, whoever ended it."""
        leg.state = State.GONE
        if self.legs.pop(leg.id, None) is None:
            return
        leg.call.legs.pop(leg.id, None)
        if leg.peer is not None:
            leg.peer.peer = None
            leg.peer = None
        self.lines.went(leg)
        self.release(leg, None)

    def release(self, leg: Leg, successor: Leg | None) -> None:
        """A kept leg is kept no longer: `successor` has its place, or nobody has."""
        left, leg.left = leg.left, None
        if left is not None:
            if successor is not None:
                successor.left = left
            left(successor)

    def move(self, leg: Leg, call: Call) -> Call:
        """Make a leg part of another call; returns the one it left."""
        former = leg.call
        former.legs.pop(leg.id, None)
        leg.call = call
        call.legs[leg.id] = leg
        call.parties.append(leg.number)
        return former

    def result(self, leg: Leg, cause: Cause | None) -> None:
        """Answer the transfer that a leg has asked for; at most once."""
        if leg.asked_transfer and leg.state is not State.GONE:
            leg.asked_transfer = False
            self.say(TransferResult(leg.id, cause))

    def answered(self, call: Call, one: Leg, other: Leg) -> None:
        """The two talk now."""
        self.note_answer(call, other.number)
        for leg in (one, other):
            self.lines.off_hook(leg)
            if leg.number not in call.parties:
                call.parties.append(leg.number)
        numbers = (one.number, other.number)
        owners = (line.owner for number in numbers if (line := self.directory.line(number)) and line.owner)
        self.tell(CallAnswered(call.id, (*numbers, *owners)))

    def note_answer(self, call: Call, number: str) -> None:
        if call.answered_at is None:
            call.answered_at = self.timers.wall()
            call.answered_by = number

    def finish(self, call: Call, cause: Cause, ended_by: str = "", continued_in: str = "") -> None:
        """The call is over; what is left of its legs is ended."""
        if self.calls.pop(call.id, None) is None:
            return
        if call.hunt is not None:
            call.hunt.stop()
            call.hunt = None
        for leg in tuple(call.legs.values()):
            self.drop(leg, cause)
        ended_at = self.timers.wall()
        self.tell(
            CallEnded(
                call_id=call.id,
                cause=cause,
                duration_s=ended_at - call.answered_at if call.answered_at is not None else 0.0,
                calling=call.calling,
                called=call.called,
                answered_by=call.answered_by,
                ended_by=ended_by,
                started_at=call.started_at,
                answered_at=call.answered_at,
                ended_at=ended_at,
                diversions=call.diversions,
                parties=tuple(call.parties),
                continued_in=continued_in,
            )
        )
