"""Presence subscriptions as one table. Source: RFC 6121 §3 and Appendix A.

A state says four things: the user receives the contact's presence (`TO`), the contact receives the user's (`FROM`), the
user has asked and waits (`OUT`), the contact has asked and waits (`IN`). Nine combinations exist (Appendix A.1).

All pairs are listed. An outbound stanza that is not routed ends at the user's server; an inbound one that is not
delivered is absorbed (`subscribe` from somebody who has the subscription already is answered by the server, A.3.1).
"""

from __future__ import annotations

import enum
from typing import NamedTuple

TO, FROM, OUT, IN = 1, 2, 4, 8


class State(enum.IntEnum):
    """The nine states of RFC 6121 Appendix A.1. The value is the sum of what it says."""

    NONE = 0
    NONE_OUT = OUT
    NONE_IN = IN
    NONE_OUT_IN = OUT | IN
    TO = TO
    TO_IN = TO | IN
    FROM = FROM
    FROM_OUT = FROM | OUT
    BOTH = TO | FROM

    @property
    def subscription(self) -> str:
        """The `subscription` attribute of a roster item (RFC 6121 §2.1.2.5)."""
        return ("none", "to", "from", "both")[self & (TO | FROM)]


class Direction(enum.Enum):
    """Seen from the user whose roster holds the state."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Step(NamedTuple):
    """What becomes of a subscription stanza."""

    passes: bool
    """Outbound: routed to the contact. Inbound: delivered to the user."""
    state: State


KINDS = ("subscribe", "subscribed", "unsubscribe", "unsubscribed")

_S = State
_ORDER = (_S.NONE, _S.NONE_OUT, _S.NONE_IN, _S.NONE_OUT_IN, _S.TO, _S.TO_IN, _S.FROM, _S.FROM_OUT, _S.BOTH)

# A row per direction and type, a column per state in `_ORDER`: (passes, new state); None is "no state change".
# fmt: off
_ROWS: dict[tuple[Direction, str], tuple[tuple[bool, State | None], ...]] = {
    (Direction.OUTBOUND, "subscribe"): (
        (True, _S.NONE_OUT), (True, None), (True, _S.NONE_OUT_IN), (True, None),
        (True, None), (True, None), (True, _S.FROM_OUT), (True, None), (True, None)),
    (Direction.OUTBOUND, "unsubscribe"): (
        (True, None), (True, _S.NONE), (True, None), (True, _S.NONE_IN),
        (True, _S.NONE), (True, _S.NONE_IN), (True, None), (True, _S.FROM), (True, _S.FROM)),
    (Direction.OUTBOUND, "subscribed"): (
        (False, None), (False, None), (True, _S.FROM), (True, _S.FROM_OUT),
        (False, None), (True, _S.BOTH), (False, None), (False, None), (False, None)),
    (Direction.OUTBOUND, "unsubscribed"): (
        (False, None), (False, None), (True, _S.NONE), (True, _S.NONE_OUT),
        (False, None), (True, _S.TO), (True, _S.NONE), (True, _S.NONE_OUT), (True, _S.TO)),
    (Direction.INBOUND, "subscribe"): (
        (True, _S.NONE_IN), (True, _S.NONE_OUT_IN), (False, None), (False, None),
        (True, _S.TO_IN), (False, None), (False, None), (False, None), (False, None)),
    (Direction.INBOUND, "unsubscribe"): (
        (False, None), (False, None), (True, _S.NONE), (True, _S.NONE_OUT),
        (False, None), (True, _S.TO), (True, _S.NONE), (True, _S.NONE_OUT), (True, _S.TO)),
    (Direction.INBOUND, "subscribed"): (
        (False, None), (True, _S.TO), (False, None), (True, _S.TO_IN),
        (False, None), (False, None), (False, None), (True, _S.BOTH), (False, None)),
    (Direction.INBOUND, "unsubscribed"): (
        (False, None), (True, _S.NONE), (False, None), (True, _S.NONE_IN),
        (True, _S.NONE), (True, _S.NONE_IN), (False, None), (True, _S.FROM), (True, _S.FROM)),
}
# fmt: on

TABLE: dict[tuple[Direction, str, State], Step] = {
    (direction, kind, state): Step(passes, state if new is None else new)
    for (direction, kind), row in _ROWS.items()
    for state, (passes, new) in zip(_ORDER, row, strict=True)
}


def step(direction: Direction, kind: str, state: State) -> Step:
    """`kind` is one of `KINDS`."""
    return TABLE[direction, kind, state]


def may_preapprove(state: State) -> bool:
    """An outbound `subscribed` in this state is a pre-approval (RFC 6121 §3.4.2): nobody has asked yet."""
    return not state & (FROM | IN)
