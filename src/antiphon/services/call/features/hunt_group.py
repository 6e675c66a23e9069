"""Hunt group: a pilot number whose members are rung one after the other.

Members that are busy or not registered are passed over; each member rings as long as the pilot says. A member's own
forwarding does not apply: the group is called, not the person.
"""

from __future__ import annotations

from dataclasses import replace

from antiphon.kernel.chain import Step
from antiphon.kernel.features import Feature
from antiphon.services.call.placement import Placement, Stage


def expand(placement: Placement) -> Placement:
    line = placement.directory.line(placement.called)
    if line is None or not line.hunt_members or placement.rounds:
        return placement
    rounds = tuple((member,) for member in line.hunt_members if member != placement.calling.number)
    return replace(placement, rounds=rounds, ring_s=line.no_answer_timeout_s)


feature = Feature(
    name="hunt_group",
    title="Hunt groups, one member after the other",
    sources=("RFC 5359 §2.12",),
    steps=(Step("hunt_group", Stage.EXPAND, expand),),
)
