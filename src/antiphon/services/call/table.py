"""The life of a leg: one table for what it says to us and what we say to it.

A leg alternates between settled (`UP`) and owing: one side owes the other a description at a time (RFC 3264 §4). The
columns are (state, trigger) → next state and, for what the leg says, the action of `CallService` that follows.

Pairs that are not listed are absorbed: nothing changes and nothing is said. Commands are listed too, so that the call
cannot say what a leg's dialog could not carry; such a command is a fault of ours, is logged and is not sent.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from antiphon.services.call import legs
from antiphon.services.call.legs import LegCommand, LegEvent


class State(enum.Enum):
    # Enum hashes its name by a Python function; identity does for members, and the table is asked for every event.
    __hash__ = object.__hash__

    OFFERED = "it calls, with an offer"
    OFFERED_EMPTY = "it calls, without an offer"
    CALLING = "we call it, with an offer"
    CALLING_EMPTY = "we call it, without an offer"
    UP = "talking, nothing owed"
    OFFER_IN = "we owe it an answer to its new offer"
    OFFER_IN_2XX = "we owe it an answer in the ACK"
    OFFER_OUT = "it owes us an answer"
    ASKING = "we owe it an offer"
    ASKED = "it owes us an offer"
    GONE = "over"


class Trigger(enum.Enum):
    __hash__ = object.__hash__

    # what the leg says
    PROGRESSED = "Progressed"
    ANSWERED = "Answered"
    REFUSED = "Refused"
    REOFFERED = "Reoffered"
    REOFFERED_EMPTY = "Reoffered without a description"
    REOFFER_ANSWERED = "ReofferAnswered"
    REOFFER_REFUSED = "ReofferRefused"
    ENDED = "Ended"
    TRANSFER_REQUESTED = "TransferRequested"
    DIGITS = "Digits"
    # what we say
    PROGRESS = "Progress"
    ANSWER = "Answer"
    REFUSE = "Refuse"
    REOFFER = "Reoffer"
    REOFFER_EMPTY = "Reoffer without a description"
    ANSWER_REOFFER = "AnswerReoffer"
    REFUSE_REOFFER = "RefuseReoffer"
    END = "End"
    TRANSFER_RESULT = "TransferResult"


class Action(enum.Enum):
    """What follows from what a leg said; the value is the method of `CallService`."""

    PROGRESS = "_progressed"
    ANSWER = "_answered"
    REFUSED = "_branch_refused"
    HANG_UP = "_hung_up"
    REOFFER = "_reoffered"
    GLARE = "_glared"
    ANSWER_CAME = "_answer_came"
    OFFER_CAME = "_offer_came"
    OFFER_REFUSED = "_offer_refused"
    DEMAND = "_demanded"
    NO_TRANSFER = "_transfer_refused"


class Move(NamedTuple):
    state: State
    action: Action | None = None


def _rows() -> dict[tuple[State, Trigger], Move]:
    S, T, A = State, Trigger, Action
    rows: dict[tuple[State, Trigger], Move] = {
        # it calls
        (S.OFFERED, T.PROGRESS): Move(S.OFFERED),
        (S.OFFERED, T.ANSWER): Move(S.UP),
        (S.OFFERED, T.REFUSE): Move(S.GONE),
        (S.OFFERED, T.ENDED): Move(S.GONE, A.HANG_UP),
        (S.OFFERED_EMPTY, T.PROGRESS): Move(S.OFFERED_EMPTY),
        (S.OFFERED_EMPTY, T.ANSWER): Move(S.OFFER_OUT),
        (S.OFFERED_EMPTY, T.REFUSE): Move(S.GONE),
        (S.OFFERED_EMPTY, T.ENDED): Move(S.GONE, A.HANG_UP),
        # we call
        (S.CALLING, T.PROGRESSED): Move(S.CALLING, A.PROGRESS),
        (S.CALLING, T.ANSWERED): Move(S.UP, A.ANSWER),
        (S.CALLING, T.REFUSED): Move(S.GONE, A.REFUSED),
        (S.CALLING, T.ENDED): Move(S.GONE, A.REFUSED),
        (S.CALLING, T.END): Move(S.GONE),
        (S.CALLING_EMPTY, T.PROGRESSED): Move(S.CALLING_EMPTY, A.PROGRESS),
        (S.CALLING_EMPTY, T.ANSWERED): Move(S.OFFER_IN_2XX, A.ANSWER),
        (S.CALLING_EMPTY, T.REFUSED): Move(S.GONE, A.REFUSED),
        (S.CALLING_EMPTY, T.ENDED): Move(S.GONE, A.REFUSED),
        (S.CALLING_EMPTY, T.END): Move(S.GONE),
        # settled
        (S.UP, T.REOFFERED): Move(S.OFFER_IN, A.REOFFER),
        (S.UP, T.REOFFERED_EMPTY): Move(S.ASKING, A.REOFFER),
        (S.UP, T.REOFFER): Move(S.OFFER_OUT),
        (S.UP, T.REOFFER_EMPTY): Move(S.ASKED),
        # its new offer, or its wish for ours
        (S.OFFER_IN, T.ANSWER_REOFFER): Move(S.UP),
        (S.OFFER_IN, T.REFUSE_REOFFER): Move(S.UP),
        (S.ASKING, T.ANSWER_REOFFER): Move(S.OFFER_OUT),
        (S.ASKING, T.REFUSE_REOFFER): Move(S.UP),
        # its offer in a 2xx cannot be refused, only answered in the ACK or ended (RFC 3261 §13.2.2.4)
        (S.OFFER_IN_2XX, T.ANSWER_REOFFER): Move(S.UP),
        (S.OFFER_IN_2XX, T.REOFFERED): Move(S.OFFER_IN_2XX, A.GLARE),
        (S.OFFER_IN_2XX, T.REOFFERED_EMPTY): Move(S.OFFER_IN_2XX, A.GLARE),
        (S.OFFER_IN_2XX, T.REFUSE_REOFFER): Move(S.OFFER_IN_2XX),
        # our new offer, or our wish for its one; its own offers meanwhile are glare (RFC 3261 §14.2: 491)
        (S.OFFER_OUT, T.REOFFER_ANSWERED): Move(S.UP, A.ANSWER_CAME),
        (S.OFFER_OUT, T.REOFFER_REFUSED): Move(S.UP, A.OFFER_REFUSED),
        (S.OFFER_OUT, T.REOFFERED): Move(S.OFFER_OUT, A.GLARE),
        (S.OFFER_OUT, T.REOFFERED_EMPTY): Move(S.OFFER_OUT, A.GLARE),
        (S.OFFER_OUT, T.REFUSE_REOFFER): Move(S.OFFER_OUT),
        (S.ASKED, T.REOFFER_ANSWERED): Move(S.OFFER_IN_2XX, A.OFFER_CAME),
        (S.ASKED, T.REOFFER_REFUSED): Move(S.UP, A.OFFER_REFUSED),
        (S.ASKED, T.REOFFERED): Move(S.ASKED, A.GLARE),
        (S.ASKED, T.REOFFERED_EMPTY): Move(S.ASKED, A.GLARE),
        (S.ASKED, T.REFUSE_REOFFER): Move(S.ASKED),
    }
    # in every answered state: hanging up, and what a party may ask of the call
    for state in (S.UP, S.OFFER_IN, S.OFFER_IN_2XX, S.OFFER_OUT, S.ASKING, S.ASKED):
        rows[state, T.ENDED] = Move(S.GONE, A.HANG_UP)
        rows[state, T.END] = Move(S.GONE)
        rows[state, T.TRANSFER_REQUESTED] = Move(state, A.DEMAND)
        rows[state, T.TRANSFER_RESULT] = Move(state)
        rows[state, T.DIGITS] = Move(state, A.DEMAND)
    for state in (S.OFFERED, S.OFFERED_EMPTY, S.CALLING, S.CALLING_EMPTY):
        rows[state, T.TRANSFER_REQUESTED] = Move(state, A.NO_TRANSFER)
        rows[state, T.TRANSFER_RESULT] = Move(state)
    return rows


TABLE = _rows()

_TRIGGERS: dict[type[LegEvent] | type[LegCommand], Trigger] = {
    legs.Progressed: Trigger.PROGRESSED,
    legs.Answered: Trigger.ANSWERED,
    legs.Refused: Trigger.REFUSED,
    legs.ReofferAnswered: Trigger.REOFFER_ANSWERED,
    legs.ReofferRefused: Trigger.REOFFER_REFUSED,
    legs.Ended: Trigger.ENDED,
    legs.TransferRequested: Trigger.TRANSFER_REQUESTED,
    legs.Digits: Trigger.DIGITS,
    legs.Progress: Trigger.PROGRESS,
    legs.Answer: Trigger.ANSWER,
    legs.Refuse: Trigger.REFUSE,
    legs.AnswerReoffer: Trigger.ANSWER_REOFFER,
    legs.RefuseReoffer: Trigger.REFUSE_REOFFER,
    legs.End: Trigger.END,
    legs.TransferResult: Trigger.TRANSFER_RESULT,
}


def trigger(said: LegEvent | LegCommand) -> Trigger:
    """Offers are told from wishes for one. `Offered` and `Originate` make a leg and are no triggers: KeyError."""
    if isinstance(said, legs.Reoffered):
        return Trigger.REOFFERED_EMPTY if said.sdp is None else Trigger.REOFFERED
    if isinstance(said, legs.Reoffer):
        return Trigger.REOFFER_EMPTY if said.sdp is None else Trigger.REOFFER
    return _TRIGGERS[type(said)]
