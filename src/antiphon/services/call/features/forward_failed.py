"""Forward busy, forward no answer, and redirection by the phone: where a call goes that nobody took.

A line without a registered device is treated as one that does not answer.
Source: RFC 5359 §2.8, §2.9, RFC 3261 §8.1.3.4 (3xx), RFC 5806.
"""

from __future__ import annotations

from antiphon.kernel.chain import Step
from antiphon.kernel.features import Feature
from antiphon.services.call.legs import Cause, DiversionReason
from antiphon.services.call.placement import Placement, Recovery


def recover(placement: Placement) -> Placement:
    if placement.failed is Cause.REDIRECTED and placement.contact:
        return placement.diverted_to(placement.contact, DiversionReason.DEFLECTION)
    line = placement.directory.line(placement.called)
    if line is None:
        return placement
    target, reason = {
        Cause.BUSY: (line.forward_busy, DiversionReason.BUSY),
        Cause.NO_ANSWER: (line.forward_no_answer, DiversionReason.NO_ANSWER),
        Cause.UNAVAILABLE: (line.forward_no_answer, DiversionReason.UNAVAILABLE),
    }.get(placement.failed or Cause.NORMAL, ("", DiversionReason.BUSY))
    return placement.diverted_to(target, reason) if target else placement


feature = Feature(
    name="forward_failed",
    title="Forward busy, forward no answer, and redirection by the phone",
    sources=("RFC 5359 §2.8", "RFC 5359 §2.9", "RFC 5806"),
    steps=(Step("forward_failed", Recovery.RECOVER, recover),),
)
