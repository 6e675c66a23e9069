from __future__ import annotations

import pytest
from tests.services.call.board import Board, sdp

from antiphon.services.call.legs import (
    Answer,
    Answered,
    AnswerReoffer,
    Cause,
    End,
    Originate,
    Progress,
    Progressed,
    Refuse,
    Refused,
    Reoffer,
    ReofferAnswered,
)


@pytest.fixture
def board() -> Board:
    board = Board()
    board.lines.change("1009", hunt_members=("1001", "1002", "1003"), no_answer_timeout_s=10.0)
    return board


def test_members_ring_one_after_the_other_as_long_as_the_pilot_says(board: Board) -> None:
    (first,) = board.call("1005", "1009")
    assert isinstance(first, Originate)
    assert (first.target_number, first.called) == ("1001", "1009")
    board.time.advance(10)
    cancelled, second = board.late
    assert cancelled == End(first.leg, Cause.CANCELLED)
    assert isinstance(second, Originate)
    assert second.target_number == "1002"
    assert board.say(Answered(second.leg, sdp("1002"))) == [Answer("1005", sdp("1002"))]


def test_a_busy_member_is_passed_over(board: Board) -> None:
    first = board.originated(board.call("1005", "1009"))
    (second,) = board.say(Refused(first, Cause.BUSY))
    assert isinstance(second, Originate)
    assert second.target_number == "1002"


def test_a_member_at_its_busy_trigger_is_not_rung_at_all(board: Board) -> None:
    board.lines.triggers["1001"] = 1
    board.talk("1006", "1001")
    (first,) = board.call("1005", "1009")
    assert isinstance(first, Originate)
    assert first.target_number == "1002"


def test_when_all_are_busy_the_caller_is_told_busy(board: Board) -> None:
    branch = board.originated(board.call("1005", "1009"))
    branch = board.originated(board.say(Refused(branch, Cause.UNAVAILABLE)))
    branch = board.originated(board.say(Refused(branch, Cause.BUSY)))
    assert board.say(Refused(branch, Cause.NO_ANSWER)) == [Refuse("1005", Cause.BUSY)]


def test_the_pilot_forwards_when_nobody_answered(board: Board) -> None:
    board.lines.change("1009", forward_no_answer="1004")
    board.call("1005", "1009")
    board.time.advance(30)
    last = board.late[-1]
    assert isinstance(last, Originate)
    assert (last.target_number, [diversion.number for diversion in last.diverted]) == ("1004", ["1009"])


def test_a_members_own_forward_does_not_apply(board: Board) -> None:
    board.lines.change("1001", forward_all="1004")
    (first,) = board.call("1005", "1009")
    assert isinstance(first, Originate)
    assert first.target_number == "1001"


def test_a_member_that_calls_the_group_does_not_ring_itself(board: Board) -> None:
    (first,) = board.call("1001", "1009")
    assert isinstance(first, Originate)
    assert first.target_number == "1002"


def test_a_caller_that_heard_another_members_early_media_is_told_of_the_one_who_answered(
    board: Board,
) -> None:
    """Its phone took the first description for the answer and may ignore the one in the 200 (RFC 3261 §13.2.1)."""
    first = board.originated(board.call("1005", "1009"))
    board.say(Progressed(first, sdp("1001"), ringing=False))
    second = board.originated(board.say(Refused(first, Cause.BUSY)))
    answer, reoffer = board.say(Answered(second, sdp("1002")))
    assert answer == Answer("1005", sdp("1001"))
    assert reoffer == Reoffer("1005", None)
    (offer,) = board.say(ReofferAnswered("1005", sdp("1005", 2)))
    assert offer == Reoffer(second, sdp("1005", 2))
    (told,) = board.say(ReofferAnswered(second, sdp("1002", 2)))
    assert told == AnswerReoffer("1005", sdp("1002", 2).replace(b"o=1002 1002 2", b"o=1001 1001 2"))


def test_early_media_of_the_next_member_follows_that_of_the_last(board: Board) -> None:
    first = board.originated(board.call("1005", "1009"))
    board.say(Progressed(first, sdp("1001"), ringing=False))
    second = board.originated(board.say(Refused(first, Cause.BUSY)))
    (progress,) = board.say(Progressed(second, sdp("1002"), ringing=False))
    assert isinstance(progress, Progress)
    assert b"m=audio 1002" in (progress.sdp or b"")
    (answer,) = board.say(Answered(second, sdp("1002")))
    assert isinstance(answer, Answer)
