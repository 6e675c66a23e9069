"""What travels between a leg's door and the call: events in, commands out, never a wire header.

Session descriptions are opaque bytes and pass end to end. One rule covers offers and answers, whichever message
carries them (RFC 3264; RFC 3725 §4.1 for the last two lines):

- an offer a leg makes in its first request comes in `Offered`, a later one in `Reoffered`; its answer leaves in
  `Answer` or `AnswerReoffer`;
- an offer made to a leg leaves in `Originate` or `Reoffer`; its answer comes in `Answered` or `ReofferAnswered`;
- `sdp=None` in `Originate` or `Reoffer` asks the leg for an offer: it comes in `Answered` or `ReofferAnswered`, and
  the answer leaves in `AnswerReoffer`, which the door then puts into the ACK it has held back;
- `sdp=None` in `Offered` or `Reoffered` is a leg asking for an offer: it leaves in `Answer` or `AnswerReoffer`, and
  the answer (in the ACK) comes in `ReofferAnswered`.

A leg is gone after `Refuse`, `End`, `Refused` or `Ended`; nothing more is said about it. `End` for a leg that was
originated and has not answered is a CANCEL; should a 2xx cross it, the door acknowledges it and hangs up by itself.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

LegId: TypeAlias = str


class Cause(enum.Enum):
    """Why a leg was refused or has ended. The wire values stand in one table in interfaces/sip."""

    NORMAL = "normal clearing"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    NOT_FOUND = "no such number"
    REJECTED = "rejected"
    UNAVAILABLE = "not registered or out of reach"
    CANCELLED = "cancelled by the caller"
    ANSWERED_ELSEWHERE = "answered elsewhere"
    NOT_ACCEPTABLE = "session description not acceptable"
    FORBIDDEN = "not allowed"
    REDIRECTED = "the leg names another target"
    LOOP = "too many diversions"
    GLARE = "another offer is under way"
    CONGESTION = "out of capacity"
    TIMEOUT = "no response"
    TRANSFERRED = "replaced by a transfer"
    FAILURE = "fault in the network"


class DiversionReason(enum.Enum):
    """RFC 5806 §4."""

    UNCONDITIONAL = "unconditional"
    BUSY = "user-busy"
    NO_ANSWER = "no-answer"
    UNAVAILABLE = "unavailable"
    DEFLECTION = "deflection"
    FOLLOW_ME = "follow-me"


@dataclass(frozen=True, slots=True)
class Party:
    """A number and the name shown with it."""

    number: str
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Diversion:
    """`number` did not take the call and sent it on."""

    number: str
    reason: DiversionReason


@dataclass(frozen=True, slots=True)
class Offered:
    """A device calls. The door has authenticated it: `calling.number` is a line of `origin_device`."""

    leg: LegId
    calling: Party
    called: str
    sdp: bytes | None
    origin_device: str = ""


@dataclass(frozen=True, slots=True)
class Progressed:
    """A provisional response: `ringing` for 180, early media when there is a description."""

    leg: LegId
    sdp: bytes | None = None
    ringing: bool = True


@dataclass(frozen=True, slots=True)
class Answered:
    """`device` is the one of the forked devices that answered, where the door knows."""

    leg: LegId
    sdp: bytes | None
    device: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """`contact` is the number another target was named by (3xx), with Cause.REDIRECTED."""

    leg: LegId
    cause: Cause
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Reoffered:
    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReofferAnswered:
    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class ReofferRefused:
    """Our offer was refused; the session stays as it was. The call tries again after GLARE by itself."""

    leg: LegId
    cause: Cause


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg hung up, gave up (CANCEL), or was lost. CANCELLED before the answer."""

    leg: LegId
    cause: Cause = Cause.NORMAL


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """The leg asks that its peer be connected to `target`, or to the peer of its other leg `replaces`."""

    leg: LegId
    target: str
    replaces: LegId | None = None


@dataclass(frozen=True, slots=True)
class Digits:
    leg: LegId
    digits: str


@dataclass(frozen=True, slots=True)
class Originate:
    """Ring a line: the door forks to the bindings of `target_number`, only those of `device` where it is named.

    `called` is what was dialled at first. No binding: the door answers `Refused(leg, Cause.UNAVAILABLE)`.
    """

    leg: LegId
    target_number: str
    device: str
    calling: Party
    called: str
    sdp: bytes | None
    diverted: tuple[Diversion, ...] = ()
    """First diversion first."""


@dataclass(frozen=True, slots=True)
class Progress:
    leg: LegId
    sdp: bytes | None = None
    ringing: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Refuse:
    leg: LegId
    cause: Cause
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Reoffer:
    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class AnswerReoffer:
    """In the 2xx of the leg's request, or in the ACK where the leg's offer came in a 2xx."""

    leg: LegId
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class RefuseReoffer:
    leg: LegId
    cause: Cause


@dataclass(frozen=True, slots=True)
class End:
    leg: LegId
    cause: Cause = Cause.NORMAL


@dataclass(frozen=True, slots=True)
class TransferResult:
    """How the transfer this leg asked for went: None when it was carried out."""

    leg: LegId
    cause: Cause | None


LegEvent: TypeAlias = (
    Offered
    | Progressed
    | Answered
    | Refused
    | Reoffered
    | ReofferAnswered
    | ReofferRefused
    | Ended
    | TransferRequested
    | Digits
)
LegCommand: TypeAlias = (
    Originate | Progress | Answer | Refuse | Reoffer | AnswerReoffer | RefuseReoffer | End | TransferResult
)
