"""The rows as the RFCs state them, not as the code does."""

from __future__ import annotations

import pytest

from antiphon.services.call import legs
from antiphon.services.call.service import CallService
from antiphon.services.call.table import TABLE, State, Trigger, trigger

S, T = State, Trigger

UNANSWERED = (S.OFFERED, S.OFFERED_EMPTY, S.CALLING, S.CALLING_EMPTY)
ANSWERED = (S.UP, S.OFFER_IN, S.OFFER_IN_2XX, S.OFFER_OUT, S.ASKING, S.ASKED)

ROWS = [
    # RFC 3261 §13.3.1: provisional answers, then exactly one final answer; CANCEL ends it (§9.2)
    (S.OFFERED, T.PROGRESS, S.OFFERED),
    (S.OFFERED, T.ANSWER, S.UP),
    (S.OFFERED, T.REFUSE, S.GONE),
    (S.OFFERED, T.ENDED, S.GONE),
    # RFC 3261 §13.2.1: an INVITE without an offer gets it in the 2xx and answers in the ACK
    (S.OFFERED_EMPTY, T.ANSWER, S.OFFER_OUT),
    (S.OFFERED_EMPTY, T.REFUSE, S.GONE),
    (S.CALLING, T.ANSWERED, S.UP),
    (S.CALLING, T.REFUSED, S.GONE),
    (S.CALLING, T.END, S.GONE),
    (S.CALLING_EMPTY, T.ANSWERED, S.OFFER_IN_2XX),
    (S.OFFER_IN_2XX, T.ANSWER_REOFFER, S.UP),
    # RFC 3261 §14.1, §14.2: re-INVITE with and without an offer
    (S.UP, T.REOFFERED, S.OFFER_IN),
    (S.OFFER_IN, T.ANSWER_REOFFER, S.UP),
    (S.OFFER_IN, T.REFUSE_REOFFER, S.UP),
    (S.UP, T.REOFFERED_EMPTY, S.ASKING),
    (S.ASKING, T.ANSWER_REOFFER, S.OFFER_OUT),
    (S.ASKING, T.REFUSE_REOFFER, S.UP),
    (S.UP, T.REOFFER, S.OFFER_OUT),
    (S.OFFER_OUT, T.REOFFER_ANSWERED, S.UP),
    (S.OFFER_OUT, T.REOFFER_REFUSED, S.UP),
    (S.UP, T.REOFFER_EMPTY, S.ASKED),
    (S.ASKED, T.REOFFER_ANSWERED, S.OFFER_IN_2XX),
    (S.ASKED, T.REOFFER_REFUSED, S.UP),
    # RFC 3264 §4, RFC 3261 §14.2: while an offer of ours is out, theirs is refused and changes nothing
    (S.OFFER_OUT, T.REOFFERED, S.OFFER_OUT),
    (S.OFFER_OUT, T.REFUSE_REOFFER, S.OFFER_OUT),
    (S.ASKED, T.REOFFERED, S.ASKED),
    (S.OFFER_IN_2XX, T.REOFFERED, S.OFFER_IN_2XX),
    # RFC 3261 §15: either side ends an answered dialog at any time
    *((state, end, S.GONE) for state in ANSWERED for end in (T.ENDED, T.END)),
    # RFC 3515 §2.4.2: REFER changes nothing in the session of the dialog it comes in
    *((state, T.TRANSFER_REQUESTED, state) for state in ANSWERED + UNANSWERED),
]

NEVER = [
    # RFC 3261 §13.3.1.4: nothing provisional and no refusal after the final answer
    *((state, said) for state in ANSWERED for said in (T.PROGRESS, T.ANSWER, T.REFUSE)),
    # RFC 3264 §4: no second offer while one is out
    *((state, offer) for state in ANSWERED if state is not S.UP for offer in (T.REOFFER, T.REOFFER_EMPTY)),
    # RFC 3264 §4: no answer without an offer
    (S.UP, T.ANSWER_REOFFER),
    (S.OFFER_OUT, T.ANSWER_REOFFER),
    (S.ASKED, T.ANSWER_REOFFER),
    # RFC 3261 §12: nothing after the dialog
    *((S.GONE, said) for said in Trigger),
]


@pytest.mark.parametrize(("state", "said", "after"), ROWS)
def test_the_row_is_as_the_rfc_has_it(state: State, said: Trigger, after: State) -> None:
    assert TABLE[state, said].state is after


@pytest.mark.parametrize(("state", "said"), NEVER)
def test_the_pair_is_not_listed(state: State, said: Trigger) -> None:
    assert (state, said) not in TABLE


def test_every_action_is_a_method_of_the_service() -> None:
    for move in TABLE.values():
        if move.action is not None:
            assert callable(getattr(CallService, move.action.value))


def test_every_event_and_command_has_a_trigger_but_the_two_that_make_a_leg() -> None:
    examples: list[legs.LegEvent | legs.LegCommand] = [
        legs.Progressed("l"),
        legs.Answered("l", None),
        legs.Refused("l", legs.Cause.BUSY),
        legs.Reoffered("l", b"x"),
        legs.Reoffered("l", None),
        legs.ReofferAnswered("l", None),
        legs.ReofferRefused("l", legs.Cause.GLARE),
        legs.Ended("l"),
        legs.TransferRequested("l", "1"),
        legs.Digits("l", "1"),
        legs.Progress("l"),
        legs.Answer("l", None),
        legs.Refuse("l", legs.Cause.BUSY),
        legs.Reoffer("l", b"x"),
        legs.Reoffer("l", None),
        legs.AnswerReoffer("l", None),
        legs.RefuseReoffer("l", legs.Cause.GLARE),
        legs.End("l"),
        legs.TransferResult("l", None),
    ]
    assert {trigger(example) for example in examples} == set(Trigger)
    assert len(examples) == len(Trigger)
