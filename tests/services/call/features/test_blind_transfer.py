from __future__ import annotations

import pytest
from tests.services.call.board import Board, sdp

from antiphon.services.call.events import CallAnswered, CallEnded, CallHeld, CallTransferred
from antiphon.services.call.legs import (
    Answered,
    AnswerReoffer,
    Cause,
    End,
    Ended,
    LegId,
    Originate,
    Party,
    Refused,
    RefuseReoffer,
    Reoffer,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
    TransferRequested,
    TransferResult,
)


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def bob(board: Board) -> LegId:
    """The leg of 1002, who talks to 1001 and will transfer."""
    return board.talk("1001", "1002")


def test_the_target_is_rung_without_an_offer_for_the_one_who_waits(board: Board, bob: LegId) -> None:
    (originate,) = board.say(TransferRequested(bob, "1003"))
    assert isinstance(originate, Originate)
    assert (originate.target_number, originate.calling, originate.sdp) == (
        "1003",
        Party("1001", "Name 1001"),
        None,
    )


def test_when_the_target_answers_the_two_are_connected_and_the_asker_is_let_go(
    board: Board, bob: LegId
) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    result, end, reoffer = board.say(Answered(target, sdp("1003")))
    assert result == TransferResult(bob, None)
    assert end == End(bob, Cause.TRANSFERRED)
    assert isinstance(reoffer, Reoffer)
    assert reoffer.leg == "1001"
    # The dialog of 1001 has seen the origin of 1002 so far, and goes on with it (RFC 3264 §8).
    assert reoffer.sdp == sdp("1003").replace(b"o=1003 1003 1", b"o=1002 1002 2")
    assert board.say(ReofferAnswered("1001", sdp("1001", 2))) == [AnswerReoffer(target, sdp("1001", 2))]
    assert board.busy() == {"1001", "1003"}
    assert board.told(CallAnswered)[-1].parties[:2] == ("1001", "1003")
    assert [(fact.by, fact.to) for fact in board.told(CallTransferred)] == [("1002", "1003")]


def test_the_record_of_a_transferred_call_names_all_who_took_part(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    board.say(Answered(target, sdp("1003")))
    assert board.say(Ended(target)) == [End("1001")]
    (record,) = board.told(CallEnded)
    assert (record.parties, record.answered_by) == (("1001", "1002", "1003"), "1002")


def test_the_asker_may_leave_at_once(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    assert board.say(Ended(bob)) == []
    (reoffer,) = board.say(Answered(target, sdp("1003")))
    assert isinstance(reoffer, Reoffer)
    assert board.busy() == {"1001", "1003"}


def test_a_transfer_that_fails_leaves_the_two_talking(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    assert board.say(Refused(target, Cause.BUSY)) == [TransferResult(bob, Cause.BUSY)]
    assert board.say(Reoffered(bob, sdp("1002", 2))) == [Reoffer("1001", sdp("1002", 2))]


def test_a_transfer_that_fails_after_the_asker_left_ends_the_call(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    board.say(Ended(bob))
    assert board.say(Refused(target, Cause.BUSY)) == [End("1001", Cause.BUSY)]
    assert board.service.calls == ()


def test_the_one_who_waits_may_give_up(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    commands = board.say(Ended("1001"))
    assert End(target, Cause.CANCELLED) in commands
    assert End(bob, Cause.NORMAL) in commands
    assert board.service.calls == ()


def test_the_caller_can_transfer_as_well_as_the_called(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested("1001", "1003")))
    commands = board.say(Answered(target, sdp("1003")))
    assert commands[1] == End("1001", Cause.TRANSFERRED)
    assert board.busy() == {"1002", "1003"}


def test_the_way_of_the_target_is_followed(board: Board, bob: LegId) -> None:
    board.lines.change("1003", forward_all="1004")
    (originate,) = board.say(TransferRequested(bob, "1003"))
    assert isinstance(originate, Originate)
    assert originate.target_number == "1004"


def test_an_unknown_target_is_not_found(board: Board, bob: LegId) -> None:
    assert board.say(TransferRequested(bob, "4711")) == [TransferResult(bob, Cause.NOT_FOUND)]


def test_a_second_request_while_one_is_under_way_is_absorbed(board: Board, bob: LegId) -> None:
    board.say(TransferRequested(bob, "1003"))
    assert board.say(TransferRequested(bob, "1004")) == []
    assert board.say(TransferRequested("1001", "1004")) == [TransferResult("1001", Cause.REJECTED)]


def test_glare_with_the_one_who_waits_is_tried_again(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    board.say(Answered(target, sdp("1003")))
    assert board.say(Reoffered("1001", sdp("1001", 2))) == [RefuseReoffer("1001", Cause.GLARE)]
    assert board.say(ReofferRefused("1001", Cause.GLARE)) == []
    board.time.advance(4)
    (again,) = board.late
    assert isinstance(again, Reoffer)
    assert again.leg == "1001"
    assert board.say(ReofferAnswered("1001", sdp("1001", 2))) == [AnswerReoffer(target, sdp("1001", 2))]


def test_a_party_that_cannot_talk_to_the_target_ends_the_call(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    board.say(Answered(target, sdp("1003")))
    commands = board.say(ReofferRefused("1001", Cause.NOT_ACCEPTABLE))
    assert set(commands) == {End("1001", Cause.NOT_ACCEPTABLE), End(target, Cause.NOT_ACCEPTABLE)}


def test_a_hold_under_way_when_the_target_answers_does_not_disturb(board: Board, bob: LegId) -> None:
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    board.say(Reoffered(bob, sdp("1002", 2, "sendonly")))
    commands = board.say(Answered(target, sdp("1003")))
    assert not [command for command in commands if isinstance(command, Reoffer)]
    # 1001 answers the hold of 1002, who has left; only now can it be told of 1003.
    (reoffer,) = board.say(ReofferAnswered("1001", sdp("1001", 2, "recvonly")))
    assert isinstance(reoffer, Reoffer)
    assert board.say(ReofferAnswered("1001", sdp("1001", 3))) == [AnswerReoffer(target, sdp("1001", 3))]


def test_a_hold_ends_for_the_listeners_when_the_holder_leaves(board: Board, bob: LegId) -> None:
    board.say(Reoffered(bob, sdp("1002", 2, "sendonly")))
    board.say(ReofferAnswered("1001", sdp("1001", 2, "recvonly")))
    target = board.originated(board.say(TransferRequested(bob, "1003")))
    board.say(Answered(target, sdp("1003")))
    assert [(fact.number, fact.held) for fact in board.told(CallHeld)] == [("1002", True), ("1002", False)]
