"""Blind transfer: connect my peer to a number, whether or not somebody answers there.

While the target rings the two can go on talking; the one who asked may also leave at once.
Source: RFC 5589 §6, RFC 3515.
"""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.services.call.call import Leg
from antiphon.services.call.legs import Cause, TransferRequested
from antiphon.services.call.ports import Calls, Demand


def transfer(calls: Calls, leg: Leg, request: TransferRequested) -> None:
    peer = leg.peer
    if peer is None or not calls.place(peer, request.target, by=leg):
        calls.transferred(leg, Cause.REJECTED)


feature = Feature(
    name="blind_transfer",
    title="Blind transfer",
    sources=("RFC 5589 §6", "RFC 3515"),
    routes=(Claim("demand", Demand.TRANSFER, transfer),),
)
