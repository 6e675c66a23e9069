"""Causes of the call service and what they are on the wire: one table, both ways.

Source: RFC 3398 §7.2, §8.1; RFC 3326; Q.850
"""

from __future__ import annotations

from typing import NamedTuple

from antiphon.services.call.legs import Cause


class Wire(NamedTuple):
    status: int
    """To refuse an INVITE with."""
    q850: int
    """For Reason in BYE."""


CAUSES: dict[Cause, Wire] = {
    Cause.NORMAL: Wire(480, 16),
    Cause.BUSY: Wire(486, 17),
    Cause.NO_ANSWER: Wire(480, 19),
    Cause.NOT_FOUND: Wire(404, 1),
    Cause.REJECTED: Wire(603, 21),
    Cause.UNAVAILABLE: Wire(480, 20),
    Cause.CANCELLED: Wire(487, 16),
    Cause.ANSWERED_ELSEWHERE: Wire(487, 26),
    Cause.NOT_ACCEPTABLE: Wire(488, 88),
    Cause.FORBIDDEN: Wire(403, 57),
    Cause.REDIRECTED: Wire(302, 23),
    Cause.LOOP: Wire(482, 25),
    Cause.GLARE: Wire(491, 127),
    Cause.CONGESTION: Wire(503, 42),
    Cause.TIMEOUT: Wire(408, 102),
    Cause.TRANSFERRED: Wire(487, 16),
    Cause.FAILURE: Wire(500, 41),
}

_STATUSES: dict[int, Cause] = {
    403: Cause.FORBIDDEN,
    404: Cause.NOT_FOUND,
    408: Cause.NO_ANSWER,
    410: Cause.NOT_FOUND,
    415: Cause.NOT_ACCEPTABLE,
    480: Cause.UNAVAILABLE,
    482: Cause.LOOP,
    483: Cause.LOOP,
    484: Cause.NOT_FOUND,
    486: Cause.BUSY,
    487: Cause.CANCELLED,
    488: Cause.NOT_ACCEPTABLE,
    491: Cause.GLARE,
    503: Cause.CONGESTION,
    600: Cause.BUSY,
    603: Cause.REJECTED,
    604: Cause.NOT_FOUND,
    606: Cause.NOT_ACCEPTABLE,
}


def cause_of(status: int) -> Cause:
    """What a final response that is no 2xx says."""
    if 300 <= status < 400:
        return Cause.REDIRECTED
    return _STATUSES.get(status) or (Cause.REJECTED if status < 500 else Cause.FAILURE)


def reason_header(cause: Cause) -> str:
    """The Reason value for CANCEL and BYE. What a phone must not show as a missed call says so in SIP's own words."""
    if cause is Cause.ANSWERED_ELSEWHERE:
        return 'SIP;cause=200;text="Call completed elsewhere"'
    return f'Q.850;cause={CAUSES[cause].q850};text="{cause.value}"'
