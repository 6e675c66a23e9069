"""Attended transfer: connect the peers of my two calls, whether the second has been answered or still rings.

Source: RFC 5589 §7, RFC 3891.
"""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.services.call.call import Leg
from antiphon.services.call.legs import Cause, TransferRequested
from antiphon.services.call.ports import Calls, Demand


def transfer(calls: Calls, leg: Leg, request: TransferRequested) -> None:
    """The leg that is replaced must be the asker's own: whoever knows a Call-ID must not take over a call."""
    other, peer = calls.leg(request.replaces), leg.peer
    if other is None:
        calls.transferred(leg, Cause.NOT_FOUND)
    elif other.number != leg.number:
        calls.transferred(leg, Cause.FORBIDDEN)
    elif peer is None or not calls.replace(other, peer):
        calls.transferred(leg, Cause.REJECTED)


feature = Feature(
    name="attended_transfer",
    title="Attended transfer",
    sources=("RFC 5589 §7", "RFC 3891"),
    routes=(Claim("demand", Demand.TRANSFER_REPLACES, transfer),),
)
