"""Facts about calls, enough for presence, call history and a call detail record."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.kernel.bus import Event
from antiphon.services.call.legs import Cause, Diversion


@dataclass(frozen=True, slots=True)
class CallStarted(Event):
    call_id: str
    calling: str
    called: str
    """As dialled."""


@dataclass(frozen=True, slots=True)
class CallRinging(Event):
    """A line of the call is being rung."""

    call_id: str
    number: str


@dataclass(frozen=True, slots=True)
class CallDiverted(Event):
    """The call goes to `to` instead."""

    call_id: str
    diversion: Diversion
    to: str


@dataclass(frozen=True, slots=True)
class CallAnswered(Event):
    """`parties` are the two numbers that talk now and the userids that own them. Said again after a transfer."""

    call_id: str
    parties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallHeld(Event):
    """`number` has put the call on hold, or taken it back."""

    call_id: str
    number: str
    held: bool


@dataclass(frozen=True, slots=True)
class CallTransferred(Event):
    """`by` connected the call to `to`."""

    call_id: str
    by: str
    to: str


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """A call detail record. Times are wall seconds; `answered_at` is None where nobody answered."""

    call_id: str
    cause: Cause
    duration_s: float
    """From the answer to the end; 0 where nobody answered."""
    calling: str
    called: str
    """As dialled."""
    answered_by: str
    """The number that answered first, or empty."""
    ended_by: str
    """The number that hung up or refused; empty where the system ended it."""
    started_at: float
    answered_at: float | None
    ended_at: float
    diversions: tuple[Diversion, ...] = ()
    parties: tuple[str, ...] = ()
    """Every number that took part, in order."""
    continued_in: str = ""
    """The call that this one was joined into by a transfer, or empty."""


@dataclass(frozen=True, slots=True)
class LineBusy(Event):
    """Hook state of a line: busy from its first call (dialling or answered) to the end of its last."""

    number: str
    userid: str
    """The line's owner, or empty."""
    busy: bool
