"""How long each transaction timer runs.

Source: RFC 3261 table 4, §17; RFC 6026 §8.4 (L, M = 64*T1)
"""

from __future__ import annotations

from antiphon.protocols.sip.transaction.table import State, Trigger

T1 = 0.5
T2 = 4.0
T4 = 5.0
TIMEOUT = 64 * T1
WAIT_D = 32.0

_UNRELIABLE_ONLY = {
    Trigger.D: WAIT_D,
    Trigger.I: T4,
    Trigger.J: TIMEOUT,
    Trigger.K: T4,
}
_ALWAYS = {
    Trigger.B: TIMEOUT,
    Trigger.F: TIMEOUT,
    Trigger.H: TIMEOUT,
    Trigger.L: TIMEOUT,
    Trigger.M: TIMEOUT,
    # RFC 4320 §4.1: after 0.5 + 1 + 2 seconds Timer E has been set to T2.
    Trigger.TRY: 3.5,
    Trigger.LATE: TIMEOUT,
}


def duration(timer: Trigger, reliable: bool, state: State, previous: float) -> float | None:
    """Seconds until `timer` fires, or None when this transport does not need it. `previous` is its last run, 0 at first.

    A, E and G repeat: A doubles without limit, E and G up to T2; in Proceeding E runs at T2.
    """
    if timer in _ALWAYS:
        return _ALWAYS[timer]
    if timer in _UNRELIABLE_ONLY:
        return 0.0 if reliable else _UNRELIABLE_ONLY[timer]
    if reliable:
        return None
    if timer is Trigger.A:
        return previous * 2 or T1
    if timer is Trigger.E and state is State.PROCEEDING:
        return T2
    return min(previous * 2, T2) or T1
