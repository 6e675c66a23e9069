from __future__ import annotations

import pytest
from tests.services.call.board import Board

from antiphon.services.call.events import CallDiverted, CallEnded
from antiphon.services.call.legs import Cause, Diversion, DiversionReason, Originate, Refuse


@pytest.fixture
def board() -> Board:
    return Board()


def always(number: str) -> Diversion:
    return Diversion(number, DiversionReason.UNCONDITIONAL)


def test_a_call_goes_to_the_number_the_line_is_forwarded_to(board: Board) -> None:
    board.lines.change("1001", forward_all="1002")
    (originate,) = board.call("1003", "1001")
    assert isinstance(originate, Originate)
    assert (originate.target_number, originate.called) == ("1002", "1001")
    assert originate.diverted == (always("1001"),)
    assert [(fact.diversion, fact.to) for fact in board.told(CallDiverted)] == [(always("1001"), "1002")]


def test_forwards_follow_each_other_and_say_the_whole_way(board: Board) -> None:
    board.lines.change("1001", forward_all="1002")
    board.lines.change("1002", forward_all="1004")
    (originate,) = board.call("1003", "1001")
    assert isinstance(originate, Originate)
    assert originate.target_number == "1004"
    assert originate.diverted == (always("1001"), always("1002"))
    assert [fact.to for fact in board.told(CallDiverted)] == ["1002", "1004"]


def test_a_circle_of_forwards_is_refused_as_a_loop(board: Board) -> None:
    board.lines.change("1001", forward_all="1002")
    board.lines.change("1002", forward_all="1001")
    assert board.call("1003", "1001") == [Refuse("1003", Cause.LOOP)]


def test_a_line_forwarded_to_itself_is_a_loop(board: Board) -> None:
    board.lines.change("1001", forward_all="1001")
    assert board.call("1003", "1001") == [Refuse("1003", Cause.LOOP)]


def test_a_long_way_of_forwards_ends_at_the_limit() -> None:
    board = Board(max_diversions=2)
    for number, target in (("1001", "1002"), ("1002", "1003"), ("1003", "1004")):
        board.lines.change(number, forward_all=target)
    assert board.call("1009", "1001") == [Refuse("1009", Cause.LOOP)]
    assert isinstance(board.call("1009", "1002")[0], Originate)


def test_whom_the_line_is_forwarded_to_gets_through_to_it(board: Board) -> None:
    board.lines.change("1001", forward_all="1002")
    (originate,) = board.call("1002", "1001")
    assert isinstance(originate, Originate)
    assert originate.target_number == "1001"


def test_a_forward_to_nowhere_is_not_found_and_recorded_with_its_diversion(board: Board) -> None:
    board.lines.change("1001", forward_all="4711")
    assert board.call("1003", "1001") == [Refuse("1003", Cause.NOT_FOUND)]
    assert board.told(CallEnded)[0].diversions == (always("1001"),)
