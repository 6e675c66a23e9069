"""Call park: a caller waits in a slot, *70 … *79, until somebody dials the slot.

Transfer a call to a free slot, blind or attended, to park it; dial an occupied one to take it. When nobody does, the
call comes back to the one who parked it, and goes on waiting if that one does not answer either.
Source: RFC 5359 §2.15.
"""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.kernel.features import Claim, Feature, Setting
from antiphon.kernel.time import Cancel
from antiphon.services.call.call import Leg
from antiphon.services.call.legs import Cause
from antiphon.services.call.ports import Calls

SLOTS = tuple(f"*7{digit}" for digit in range(10))


@dataclass(slots=True)
class Parked:
    leg: Leg
    parker: str
    timer: Cancel | None = None


class Slots:
    """Who waits where."""

    def __init__(self) -> None:
        self.by_code: dict[str, Parked] = {}


def dialled(calls: Calls, leg: Leg, code: str) -> Cause | None:
    parked = calls.memory(Slots).by_code.get(code)
    if parked is None:
        return _park(calls, leg, code)
    return None if calls.retrieve(leg, parked.leg) else Cause.BUSY


def _park(calls: Calls, leg: Leg, code: str) -> Cause | None:
    slots = calls.memory(Slots).by_code
    parked = Parked(leg, leg.peer.number if leg.peer is not None else leg.number)

    def left(successor: Leg | None) -> None:
        if successor is not None:
            parked.leg = successor
            return
        if parked.timer is not None:
            parked.timer.cancel()
        slots.pop(code, None)

    if not calls.keep(leg, left):
        return Cause.NOT_ACCEPTABLE
    slots[code] = parked
    _wait(calls, parked)
    return None


def _wait(calls: Calls, parked: Parked) -> None:
    parked.timer = calls.after(calls.setting("park.timeout_s"), lambda: _give_back(calls, parked))


def _give_back(calls: Calls, parked: Parked) -> None:
    if parked.leg.number == parked.parker:
        calls.refuse(parked.leg, Cause.NO_ANSWER)  # it dialled a free slot and parked nobody
    elif not calls.place(parked.leg, parked.parker, failed=lambda cause: _wait(calls, parked)):
        _wait(calls, parked)


feature = Feature(
    name="park",
    title="Call park in the slots *70 to *79",
    sources=("RFC 5359 §2.15",),
    settings=(
        Setting("timeout_s", 60.0, "How long a call waits before it comes back to its parker.", "s", 5, 3600),
    ),
    routes=tuple(Claim("code", code, dialled) for code in SLOTS),
)
