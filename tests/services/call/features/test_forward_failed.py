from __future__ import annotations

import pytest
from tests.services.call.board import Board

from antiphon.services.call.legs import (
    Cause,
    Diversion,
    DiversionReason,
    End,
    Originate,
    Refuse,
    Refused,
)

SETTINGS = {"forward_busy": "1004", "forward_no_answer": "1005"}


@pytest.fixture
def board() -> Board:
    board = Board()
    board.lines.change("1001", **SETTINGS)
    return board


@pytest.mark.parametrize(
    ("cause", "target", "reason"),
    [
        (Cause.BUSY, "1004", DiversionReason.BUSY),
        (Cause.NO_ANSWER, "1005", DiversionReason.NO_ANSWER),
        (Cause.UNAVAILABLE, "1005", DiversionReason.UNAVAILABLE),
    ],
)
def test_a_call_that_was_not_taken_goes_where_the_line_says(
    board: Board, cause: Cause, target: str, reason: DiversionReason
) -> None:
    branch = board.originated(board.call("1003", "1001"))
    (originate,) = board.say(Refused(branch, cause))
    assert isinstance(originate, Originate)
    assert (originate.target_number, originate.diverted) == (target, (Diversion("1001", reason),))


def test_a_ringing_phone_is_given_up_before_the_forward_is_rung(board: Board) -> None:
    branch = board.originated(board.call("1003", "1001"))
    board.time.advance(20)
    cancelled, originate = board.late
    assert cancelled == End(branch, Cause.CANCELLED)
    assert isinstance(originate, Originate)
    assert originate.target_number == "1005"


def test_a_rejected_call_is_not_forwarded(board: Board) -> None:
    branch = board.originated(board.call("1003", "1001"))
    assert board.say(Refused(branch, Cause.REJECTED)) == [Refuse("1003", Cause.REJECTED)]


def test_a_full_line_forwards_without_ringing(board: Board) -> None:
    board.lines.triggers["1001"] = 1
    board.talk("1009", "1001")
    (originate,) = board.call("1003", "1001")
    assert isinstance(originate, Originate)
    assert originate.target_number == "1004"


def test_lines_that_forward_to_each_other_when_busy_are_a_loop(board: Board) -> None:
    board.lines.change("1004", forward_busy="1001")
    first = board.originated(board.call("1003", "1001"))
    second = board.originated(board.say(Refused(first, Cause.BUSY)))
    assert board.say(Refused(second, Cause.BUSY)) == [Refuse("1003", Cause.LOOP)]


def test_a_phone_may_name_another_target_itself(board: Board) -> None:
    branch = board.originated(board.call("1003", "1001"))
    (originate,) = board.say(Refused(branch, Cause.REDIRECTED, contact="1007"))
    assert isinstance(originate, Originate)
    assert originate.target_number == "1007"
    assert originate.diverted == (Diversion("1001", DiversionReason.DEFLECTION),)
