"""Every row of RFC 6121 Appendix A.2 and A.3, spelled as the RFC spells it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.services.messaging.subscription import FROM, IN, KINDS, OUT, TO, Direction, State, step

NAMES = {
    "None": State.NONE,
    "None + Pending Out": State.NONE_OUT,
    "None + Pending In": State.NONE_IN,
    "None + Pending Out+In": State.NONE_OUT_IN,
    "To": State.TO,
    "To + Pending In": State.TO_IN,
    "From": State.FROM,
    "From + Pending Out": State.FROM_OUT,
    "Both": State.BOTH,
}

# (table of the RFC, existing state, route or deliver?, new state; "-" is "no state change")
OUTBOUND_SUBSCRIBE = """
None                  | MUST | None + Pending Out
None + Pending Out    | MUST | -
None + Pending In     | MUST | None + Pending Out+In
None + Pending Out+In | MUST | -
To                    | MUST | -
To + Pending In       | MUST | -
From                  | MUST | From + Pending Out
From + Pending Out    | MUST | -
Both                  | MUST | -
"""
OUTBOUND_UNSUBSCRIBE = """
None                  | MUST | -
None + Pending Out    | MUST | None
None + Pending In     | MUST | -
None + Pending Out+In | MUST | None + Pending In
To                    | MUST | None
To + Pending In       | MUST | None + Pending In
From                  | MUST | -
From + Pending Out    | MUST | From
Both                  | MUST | From
"""
OUTBOUND_SUBSCRIBED = """
None                  | MUST NOT | -
None + Pending Out    | MUST NOT | -
None + Pending In     | MUST     | From
None + Pending Out+In | MUST     | From + Pending Out
To                    | MUST NOT | -
To + Pending In       | MUST     | Both
From                  | MUST NOT | -
From + Pending Out    | MUST NOT | -
Both                  | MUST NOT | -
"""
OUTBOUND_UNSUBSCRIBED = """
None                  | MUST NOT | -
None + Pending Out    | MUST NOT | -
None + Pending In     | MUST     | None
None + Pending Out+In | MUST     | None + Pending Out
To                    | MUST NOT | -
To + Pending In       | MUST     | To
From                  | MUST     | None
From + Pending Out    | MUST     | None + Pending Out
Both                  | MUST     | To
"""
INBOUND_SUBSCRIBE = """
None                  | MUST     | None + Pending In
None + Pending Out    | MUST     | None + Pending Out+In
None + Pending In     | MUST NOT | -
None + Pending Out+In | MUST NOT | -
To                    | MUST     | To + Pending In
To + Pending In       | MUST NOT | -
From                  | MUST NOT | -
From + Pending Out    | MUST NOT | -
Both                  | MUST NOT | -
"""
INBOUND_UNSUBSCRIBE = """
None                  | MUST NOT | -
None + Pending Out    | MUST NOT | -
None + Pending In     | MUST     | None
None + Pending Out+In | MUST     | None + Pending Out
To                    | MUST NOT | -
To + Pending In       | MUST     | To
From                  | MUST     | None
From + Pending Out    | MUST     | None + Pending Out
Both                  | MUST     | To
"""
INBOUND_SUBSCRIBED = """
None                  | MUST NOT | -
None + Pending Out    | MUST     | To
None + Pending In     | MUST NOT | -
None + Pending Out+In | MUST     | To + Pending In
To                    | MUST NOT | -
To + Pending In       | MUST NOT | -
From                  | MUST NOT | -
From + Pending Out    | MUST     | Both
Both                  | MUST NOT | -
"""
INBOUND_UNSUBSCRIBED = """
None                  | MUST NOT | -
None + Pending Out    | MUST     | None
None + Pending In     | MUST NOT | -
None + Pending Out+In | MUST     | None + Pending In
To                    | MUST     | None
To + Pending In       | MUST     | None + Pending In
From                  | MUST NOT | -
From + Pending Out    | MUST     | From
Both                  | MUST     | From
"""
TABLES = {
    (Direction.OUTBOUND, "subscribe"): OUTBOUND_SUBSCRIBE,
    (Direction.OUTBOUND, "unsubscribe"): OUTBOUND_UNSUBSCRIBE,
    (Direction.OUTBOUND, "subscribed"): OUTBOUND_SUBSCRIBED,
    (Direction.OUTBOUND, "unsubscribed"): OUTBOUND_UNSUBSCRIBED,
    (Direction.INBOUND, "subscribe"): INBOUND_SUBSCRIBE,
    (Direction.INBOUND, "unsubscribe"): INBOUND_UNSUBSCRIBE,
    (Direction.INBOUND, "subscribed"): INBOUND_SUBSCRIBED,
    (Direction.INBOUND, "unsubscribed"): INBOUND_UNSUBSCRIBED,
}
ROWS = [
    (direction, kind, *(cell.strip() for cell in line.split("|")))
    for (direction, kind), table in TABLES.items()
    for line in table.strip().splitlines()
]


@pytest.mark.parametrize(("direction", "kind", "existing", "passes", "new"), ROWS)
def test_a_row_of_the_rfc(direction: Direction, kind: str, existing: str, passes: str, new: str) -> None:
    result = step(direction, kind, NAMES[existing])
    assert result.passes is (passes == "MUST")
    assert result.state is NAMES[existing if new == "-" else new]


def test_the_rfc_has_seventy_two_rows() -> None:
    assert len(ROWS) == 8 * 9


@pytest.mark.parametrize(
    ("state", "attribute"),
    [(State.NONE_OUT_IN, "none"), (State.TO_IN, "to"), (State.FROM_OUT, "from"), (State.BOTH, "both")],
)
def test_the_roster_shows_only_what_is_agreed(state: State, attribute: str) -> None:
    assert state.subscription == attribute


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(KINDS))))
def test_the_two_ends_of_any_conversation_agree(said: list[tuple[bool, str]]) -> None:
    """What one server believes to have, the other believes to give; what one waits for, the other has been asked."""
    states = [State.NONE, State.NONE]
    for who, kind in said:
        mine, theirs = int(who), int(not who)
        out = step(Direction.OUTBOUND, kind, states[mine])
        states[mine] = out.state
        if out.passes:
            states[theirs] = step(Direction.INBOUND, kind, states[theirs]).state
        for one, other in ((0, 1), (1, 0)):
            assert bool(states[one] & TO) == bool(states[other] & FROM)
            assert bool(states[one] & OUT) == bool(states[other] & IN)
