from __future__ import annotations

import pytest
from tests.services.call.board import Board, sdp

from antiphon.services.call.events import CallEnded, CallTransferred
from antiphon.services.call.legs import (
    Answered,
    AnswerReoffer,
    Cause,
    End,
    Ended,
    LegId,
    Progressed,
    Refuse,
    Refused,
    Reoffer,
    ReofferAnswered,
    ReofferRefused,
    TransferRequested,
    TransferResult,
)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def bob(board: Board) -> LegId:
    """The leg of 1002 in its call with 1001."""
    return board.talk("1001", "1002")


def test_the_peers_of_both_calls_are_connected(board: Board, bob: LegId) -> None:
    carol = board.talk("1002", "1003", leg="consult")
    commands = board.say(TransferRequested(bob, "1003", replaces="consult"))
    assert commands == [
        TransferResult(bob, None),
        End(bob, Cause.TRANSFERRED),
        End("consult", Cause.TRANSFERRED),
        Reoffer("1001", None),
    ]
    (offer,) = board.say(ReofferAnswered("1001", sdp("1001", 2)))
    assert isinstance(offer, Reoffer)
    assert offer.leg == carol
    (answer,) = board.say(ReofferAnswered(carol, sdp("1003", 2)))
    assert isinstance(answer, AnswerReoffer)
    assert answer.leg == "1001"
    assert board.busy() == {"1001", "1003"}
    assert board.say(Ended(carol)) == [End("1001")]
    assert board.service.calls == ()


def test_the_record_of_the_first_call_names_the_one_it_went_on_in(board: Board, bob: LegId) -> None:
    board.talk("1002", "1003", leg="consult")
    _, second = board.service.calls
    board.say(TransferRequested(bob, "1003", replaces="consult"))
    (record,) = board.told(CallEnded)
    assert (record.calling, record.cause, record.continued_in) == ("1001", Cause.TRANSFERRED, second.id)
    assert [(fact.call_id, fact.by) for fact in board.told(CallTransferred)] == [(second.id, "1002")]


def test_a_target_that_still_rings_is_connected_when_it_answers(board: Board, bob: LegId) -> None:
    carol = board.originated(board.call("1002", "1003", leg="consult"))
    board.say(Progressed(carol))
    assert board.say(TransferRequested(bob, "1003", replaces="consult")) == [
        TransferResult(bob, None),
        End(bob, Cause.TRANSFERRED),
        Refuse("consult", Cause.TRANSFERRED),
    ]
    # It was rung with the offer of 1002, so the two hear of each other only now.
    assert board.say(Answered(carol, sdp("1003"))) == [Reoffer("1001", None)]
    (offer,) = board.say(ReofferAnswered("1001", sdp("1001", 2)))
    assert isinstance(offer, Reoffer)
    assert offer.leg == carol
    (answer,) = board.say(ReofferAnswered(carol, sdp("1003", 2)))
    assert isinstance(answer, AnswerReoffer)
    assert board.busy() == {"1001", "1003"}


def test_a_ringing_target_that_refuses_ends_the_call_it_was_given(board: Board, bob: LegId) -> None:
    carol = board.originated(board.call("1002", "1003", leg="consult"))
    board.say(TransferRequested(bob, "1003", replaces="consult"))
    assert board.say(Refused(carol, Cause.BUSY)) == [End("1001", Cause.BUSY)]
    assert board.service.calls == ()


def test_a_party_that_waits_in_a_transfer_can_be_replaced(board: Board, bob: LegId) -> None:
    """1002 is itself being transferred to 1004 by 1003 and meanwhile transfers 1001 into its place."""
    other = board.talk("1003", "1002", leg="1003")
    target = board.originated(board.say(TransferRequested("1003", "1004")))
    board.say(Ended("1003"))
    commands = board.say(TransferRequested(bob, "", replaces=other))
    assert TransferResult(bob, None) in commands
    assert End(other, Cause.TRANSFERRED) in commands
    (reoffer,) = board.say(Answered(target, sdp("1004")))
    assert isinstance(reoffer, Reoffer)
    assert reoffer.leg == "1001"
    assert board.busy() == {"1001", "1004"}


def test_a_leg_that_is_gone_is_not_found(board: Board, bob: LegId) -> None:
    assert board.say(TransferRequested(bob, "1003", replaces="gone")) == [
        TransferResult(bob, Cause.NOT_FOUND)
    ]


def test_the_leg_of_somebody_else_is_not_given_away(board: Board, bob: LegId) -> None:
    board.talk("1003", "1004")
    assert board.say(TransferRequested(bob, "1003", replaces="1003")) == [
        TransferResult(bob, Cause.FORBIDDEN)
    ]
    assert board.busy() == {"1001", "1002", "1003", "1004"}


def test_a_leg_cannot_replace_itself(board: Board, bob: LegId) -> None:
    assert board.say(TransferRequested(bob, "1001", replaces=bob)) == [TransferResult(bob, Cause.REJECTED)]
    assert board.busy() == {"1001", "1002"}


def test_glare_at_the_first_step_is_tried_again(board: Board, bob: LegId) -> None:
    board.talk("1002", "1003", leg="consult")
    board.say(TransferRequested(bob, "1003", replaces="consult"))
    board.say(ReofferRefused("1001", Cause.GLARE))
    board.time.advance(4)
    assert board.late == [Reoffer("1001", None)]


def test_glare_for_ever_ends_the_call(board: Board, bob: LegId) -> None:
    board.talk("1002", "1003", leg="consult")
    board.say(TransferRequested(bob, "1003", replaces="consult"))
    for _ in range(6):
        board.say(ReofferRefused("1001", Cause.GLARE))
        board.time.advance(4)
    assert board.service.calls == ()
    assert board.busy() == set()


def test_a_ringing_consultation_that_fails_leaves_the_first_call_alone(board: Board, bob: LegId) -> None:
    carol = board.originated(board.call("1002", "1003", leg="consult"))
    board.say(Refused(carol, Cause.BUSY))
    assert board.say(TransferRequested(bob, "1003", replaces="consult")) == [
        TransferResult(bob, Cause.NOT_FOUND)
    ]
    assert board.busy() == {"1001", "1002"}


def test_whose_ack_is_held_back_is_answered_before_the_target_does(board: Board) -> None:
    """1001 called 1002 without an offer, so the offer of 1002 came in its 2xx; then it is given to 1003, who rings."""
    bob = board.originated(board.call("1001", "1002", offer=None))
    board.say(Answered(bob, sdp("1002")))
    carol = board.originated(board.call("1001", "1003", leg="consult", offer=None))
    commands = board.say(TransferRequested("1001", "1003", replaces="consult"))
    (told,) = [command for command in commands if isinstance(command, AnswerReoffer)]
    assert told.leg == bob
    assert told.sdp is not None
    assert b"a=inactive" in told.sdp
    (reoffer,) = board.say(Answered(carol, sdp("1003")))
    assert isinstance(reoffer, Reoffer)
    assert reoffer.leg == bob


def test_who_is_left_waiting_is_answered_although_glare_had_put_that_off(board: Board, bob: LegId) -> None:
    """1001 has made 1003 an offer that met glare; before the next attempt 1003 transfers to 1004 and hangs up."""
    carol = board.talk("1002", "1003", leg="consult")
    board.say(TransferRequested(bob, "1003", replaces="consult"))
    board.say(ReofferAnswered("1001", sdp("1001", 2)))
    board.say(ReofferRefused(carol, Cause.GLARE))
    board.say(TransferRequested(carol, "1004"))
    (told,) = board.say(Ended(carol))
    assert isinstance(told, AnswerReoffer)
    assert told.leg == "1001"
    assert told.sdp is not None
    assert b"a=inactive" in told.sdp
