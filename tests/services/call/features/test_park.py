from __future__ import annotations

import pytest
from tests.services.call.board import Board, sdp

from antiphon.services.call.legs import (
    Answer,
    Answered,
    AnswerReoffer,
    Cause,
    End,
    Ended,
    LegId,
    Offered,
    Originate,
    Party,
    Refuse,
    Refused,
    Reoffer,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
    TransferRequested,
    TransferResult,
)


@pytest.fixture
def board() -> Board:
    return Board(settings={"park.timeout_s": 30.0})


@pytest.fixture
def bob(board: Board) -> LegId:
    """The leg of 1002, who talks to 1001."""
    return board.talk("1001", "1002")


@pytest.fixture
def parked(board: Board, bob: LegId) -> LegId:
    """The leg of 1001, parked by 1002 in *70, hold answered."""
    board.say(TransferRequested(bob, "*70"))
    board.say(ReofferAnswered("1001", sdp("1001", 2, "inactive")))
    return "1001"


def test_a_transfer_to_a_free_slot_parks_and_lets_the_parker_go(board: Board, bob: LegId) -> None:
    hold, result, end = board.say(TransferRequested(bob, "*70"))
    assert isinstance(hold, Reoffer)
    assert hold.leg == "1001"
    assert b"a=inactive" in (hold.sdp or b"")
    assert (result, end) == (TransferResult(bob, None), End(bob, Cause.TRANSFERRED))
    assert board.busy() == {"1001"}


def test_dialling_the_slot_takes_the_call(board: Board, parked: LegId) -> None:
    (reoffer,) = board.call("1003", "*70")
    assert isinstance(reoffer, Reoffer)
    assert reoffer.leg == parked
    (answer,) = board.say(ReofferAnswered(parked, sdp("1001", 3)))
    assert answer == Answer("1003", sdp("1001", 3))
    assert board.busy() == {"1001", "1003"}
    assert board.say(Ended("1003")) == [End(parked)]
    board.time.advance(100)
    assert board.late == []


def test_a_phone_without_an_offer_takes_the_call_too(board: Board, parked: LegId) -> None:
    assert board.call("1003", "*70", offer=None) == [Reoffer(parked, None)]
    assert board.say(ReofferAnswered(parked, sdp("1001", 3))) == [Answer("1003", sdp("1001", 3))]
    (answer,) = board.say(ReofferAnswered("1003", sdp("1003")))
    assert isinstance(answer, AnswerReoffer)
    assert answer.leg == parked


def test_glare_while_the_call_is_taken_is_tried_again(board: Board, parked: LegId) -> None:
    board.call("1003", "*70")
    assert board.say(ReofferRefused(parked, Cause.GLARE)) == []
    board.time.advance(4)
    (reoffer,) = board.late
    assert isinstance(reoffer, Reoffer)
    assert board.say(ReofferAnswered(parked, sdp("1001", 3))) == [Answer("1003", sdp("1001", 3))]


def test_a_taken_slot_is_free_for_the_next(board: Board, parked: LegId) -> None:
    board.call("1003", "*70")
    board.say(ReofferAnswered(parked, sdp("1001", 3)))
    other = board.talk("1004", "1005", leg="1004")
    assert TransferResult(other, None) in board.say(TransferRequested(other, "*70"))


def test_an_occupied_slot_takes_no_second_call(board: Board, parked: LegId) -> None:
    other = board.talk("1004", "1005", leg="1004")
    assert board.say(TransferRequested(other, "*70")) == [TransferResult(other, Cause.BUSY)]
    assert board.busy() == {"1001", "1004", "1005"}


def test_ten_slots_are_there_and_no_more(board: Board, bob: LegId) -> None:
    for digit in range(10):
        leg = board.talk("1003", "1004", leg=f"call{digit}") if digit < 2 else ""
        if leg:
            assert TransferResult(leg, None) in board.say(TransferRequested(leg, f"*7{digit}"))
    assert board.say(TransferRequested(bob, "*80")) == [TransferResult(bob, Cause.NOT_FOUND)]


def test_a_caller_who_hangs_up_frees_the_slot(board: Board, parked: LegId) -> None:
    assert board.say(Ended(parked)) == []
    assert board.busy() == set()
    board.time.advance(100)
    assert board.late == []
    (answer,) = board.call("1003", "*70")
    assert isinstance(answer, Answer)


def test_a_parked_call_that_nobody_takes_comes_back_to_its_parker(board: Board, parked: LegId) -> None:
    board.time.advance(30)
    (originate,) = board.late
    assert isinstance(originate, Originate)
    assert (originate.target_number, originate.calling) == ("1002", Party("1001", "Name 1001"))
    (reoffer,) = board.say(Answered(originate.leg, sdp("1002", 5)))
    assert isinstance(reoffer, Reoffer)
    assert reoffer.leg == parked
    assert board.say(ReofferAnswered(parked, sdp("1001", 3))) == [
        AnswerReoffer(originate.leg, sdp("1001", 3))
    ]
    assert board.busy() == {"1001", "1002"}


def test_a_parker_who_does_not_answer_is_rung_again_after_the_next_wait(board: Board, parked: LegId) -> None:
    board.time.advance(30)
    branch = board.originated(board.late)
    assert board.say(Refused(branch, Cause.BUSY)) == []
    board.late.clear()
    board.time.advance(30)
    assert board.originated(board.late) != branch


def test_the_call_can_be_taken_while_the_parker_is_rung(board: Board, parked: LegId) -> None:
    board.time.advance(30)
    branch = board.originated(board.late)
    cancelled, reoffer = board.call("1003", "*70")
    assert cancelled == End(branch, Cause.ANSWERED_ELSEWHERE)
    assert isinstance(reoffer, Reoffer)
    board.say(ReofferAnswered(parked, sdp("1001", 3)))
    assert board.busy() == {"1001", "1003"}


def test_the_slot_is_reached_by_an_attended_transfer_as_well(board: Board, bob: LegId) -> None:
    (answer,) = board.call("1002", "*70", leg="consult")
    assert isinstance(answer, Answer)
    assert b"a=inactive" in (answer.sdp or b"")
    commands = board.say(TransferRequested(bob, "*70", replaces="consult"))
    assert commands[:3] == [
        TransferResult(bob, None),
        End(bob, Cause.TRANSFERRED),
        End("consult", Cause.TRANSFERRED),
    ]
    board.say(ReofferAnswered("1001", sdp("1001", 2, "inactive")))
    (reoffer,) = board.call("1003", "*70")
    assert isinstance(reoffer, Reoffer)
    assert reoffer.leg == "1001"


def test_who_dials_a_free_slot_and_parks_nobody_is_ended_at_the_timeout(board: Board) -> None:
    board.call("1002", "*70")
    board.time.advance(30)
    assert board.late == [End("1002", Cause.NO_ANSWER)]


def test_a_free_slot_dialled_without_an_offer_is_refused(board: Board) -> None:
    assert board.say(Offered("x", Party("1002"), "*70", None)) == [Refuse("x", Cause.NOT_ACCEPTABLE)]


def test_a_parked_phone_may_re_offer_and_stays_parked(board: Board, parked: LegId) -> None:
    (answer,) = board.say(Reoffered(parked, sdp("1001", 4)))
    assert isinstance(answer, AnswerReoffer)
    assert b"a=inactive" in (answer.sdp or b"")
    (reoffer,) = board.call("1003", "*70")
    assert isinstance(reoffer, Reoffer)
