"""Forward all: every call to the line goes to another number.

Source: RFC 5359 §2.7, RFC 5806.
"""

from __future__ import annotations

from antiphon.kernel.chain import Step
from antiphon.kernel.features import Feature
from antiphon.services.call.legs import DiversionReason
from antiphon.services.call.placement import Placement, Stage


def divert(placement: Placement) -> Placement:
    """The number that calls are forwarded to may itself still call the line: its owner's assistant must get through."""
    line = placement.directory.line(placement.called)
    if line is None or line.forward_all in ("", placement.calling.number):
        return placement
    return placement.diverted_to(line.forward_all, DiversionReason.UNCONDITIONAL)


feature = Feature(
    name="forward_all",
    title="Forward all calls of a line",
    sources=("RFC 5359 §2.7", "RFC 5806"),
    steps=(Step("forward_all", Stage.DIVERT, divert),),
)
