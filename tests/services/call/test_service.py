from __future__ import annotations

import logging

import pytest
from tests.services.call.board import Board, sdp

from antiphon.kernel.chain import Step
from antiphon.kernel.errors import Fault, Kind
from antiphon.kernel.features import BadFeature, Feature
from antiphon.services.call.events import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallRinging,
    CallStarted,
    LineBusy,
)
from antiphon.services.call.legs import (
    Answer,
    Answered,
    AnswerReoffer,
    Cause,
    End,
    Ended,
    LegEvent,
    Offered,
    Originate,
    Party,
    Progress,
    Progressed,
    Refuse,
    Refused,
    RefuseReoffer,
    Reoffer,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
    TransferRequested,
    TransferResult,
)
from antiphon.services.call.placement import Placement, Stage
from antiphon.services.call.table import State
from antiphon.services.directory.events import UserChanged


@pytest.fixture
def board() -> Board:
    return Board()


# Setting up


def test_a_call_rings_the_line_with_the_callers_name_and_offer(board: Board) -> None:
    (originate,) = board.call("1001", "1002")
    assert isinstance(originate, Originate)
    assert originate == Originate(
        originate.leg, "1002", "", Party("1001", "Name 1001"), "1002", sdp("1001"), ()
    )
    assert [type(fact) for fact in board.facts] == [CallStarted, LineBusy]


def test_ringing_and_early_media_reach_the_caller(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002"))
    assert board.say(Progressed(branch)) == [Progress("1001")]
    early = sdp("1002")
    assert board.say(Progressed(branch, early, ringing=False)) == [Progress("1001", early, ringing=False)]
    assert [fact.number for fact in board.told(CallRinging)] == ["1002"]


def test_a_progress_that_says_nothing_is_kept_back(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002"))
    assert board.say(Progressed(branch, None, ringing=False)) == []


def test_the_answer_reaches_the_caller_and_both_are_on_the_phone(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002"))
    assert board.busy() == {"1001"}
    assert board.say(Answered(branch, sdp("1002"))) == [Answer("1001", sdp("1002"))]
    assert board.busy() == {"1001", "1002"}
    (answered,) = board.told(CallAnswered)
    assert answered.parties == ("1001", "1002", "user1001", "user1002")


def test_an_answer_after_early_media_may_come_without_a_description(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002"))
    board.say(Progressed(branch, sdp("1002"), ringing=False))
    assert board.say(Answered(branch, None)) == [Answer("1001", sdp("1002"))]


def test_a_caller_without_an_offer_gets_the_one_of_the_called(board: Board) -> None:
    (originate,) = board.call("1001", "1002", offer=None)
    assert isinstance(originate, Originate)
    assert originate.sdp is None
    assert board.say(Answered(originate.leg, sdp("1002"))) == [Answer("1001", sdp("1002"))]
    # The caller's answer comes in its ACK, and leaves in ours.
    assert board.say(ReofferAnswered("1001", sdp("1001"))) == [AnswerReoffer(originate.leg, sdp("1001"))]


def test_a_caller_that_asked_for_an_offer_and_does_not_answer_it_ends_the_call(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002", offer=None))
    board.say(Answered(branch, sdp("1002")))
    commands = board.say(ReofferAnswered("1001", None))
    assert set(commands) == {End("1001", Cause.NOT_ACCEPTABLE), End(branch, Cause.NOT_ACCEPTABLE)}


def test_the_caller_gives_up_and_the_ringing_stops(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002"))
    assert board.say(Ended("1001", Cause.CANCELLED)) == [End(branch, Cause.CANCELLED)]
    assert board.service.calls == ()
    (ended,) = board.told(CallEnded)
    assert (ended.cause, ended.answered_at, ended.duration_s, ended.ended_by) == (
        Cause.CANCELLED,
        None,
        0.0,
        "1001",
    )


def test_an_answer_that_crosses_the_cancel_is_absorbed(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002"))
    board.say(Ended("1001", Cause.CANCELLED))
    assert board.say(Answered(branch, sdp("1002"))) == []


@pytest.mark.parametrize("cause", [Cause.BUSY, Cause.REJECTED, Cause.UNAVAILABLE, Cause.NOT_ACCEPTABLE])
def test_the_caller_hears_why_it_was_refused(board: Board, cause: Cause) -> None:
    branch = board.originated(board.call("1001", "1002"))
    assert board.say(Refused(branch, cause)) == [Refuse("1001", cause)]
    assert board.told(CallEnded)[0].cause is cause
    assert board.busy() == set()


def test_a_number_that_is_no_line_is_not_found(board: Board) -> None:
    assert board.call("1001", "4711") == [Refuse("1001", Cause.NOT_FOUND)]


def test_nobody_answers_for_as_long_as_the_line_says(board: Board) -> None:
    board.lines.change("1002", no_answer_timeout_s=12.0)
    branch = board.originated(board.call("1001", "1002"))
    board.time.advance(11.9)
    assert board.late == []
    board.time.advance(0.1)
    assert board.late == [End(branch, Cause.CANCELLED), Refuse("1001", Cause.NO_ANSWER)]
    assert board.told(CallEnded)[0].cause is Cause.NO_ANSWER


def test_no_timer_is_left_behind_by_an_answered_call(board: Board) -> None:
    board.talk("1001", "1002")
    board.time.advance(10_000)
    assert board.late == []


# Busy trigger


def test_a_line_at_its_busy_trigger_is_not_rung(board: Board) -> None:
    board.lines.triggers["1002"] = 1
    board.talk("1001", "1002")
    assert board.call("1003", "1002") == [Refuse("1003", Cause.BUSY)]


def test_a_ringing_call_counts_towards_the_busy_trigger(board: Board) -> None:
    board.call("1001", "1002")
    board.call("1003", "1002")
    assert board.call("1004", "1002") == [Refuse("1004", Cause.BUSY)]


def test_a_line_is_free_again_when_its_call_is_over(board: Board) -> None:
    board.lines.triggers["1002"] = 1
    board.talk("1001", "1002")
    board.say(Ended("1001"))
    assert isinstance(board.call("1003", "1002")[0], Originate)


# Ending


def test_hanging_up_ends_the_other_leg_and_writes_the_record(board: Board) -> None:
    board.time.advance(100)
    started = board.time.wall()
    branch = board.originated(board.call("1001", "1002"))
    board.time.advance(5)
    board.say(Answered(branch, sdp("1002")))
    board.time.advance(60)
    assert board.say(Ended(branch)) == [End("1001")]
    (record,) = board.told(CallEnded)
    assert (record.calling, record.called, record.answered_by, record.ended_by) == (
        "1001",
        "1002",
        "1002",
        "1002",
    )
    assert (record.started_at, record.answered_at, record.ended_at) == (started, started + 5, started + 65)
    assert (record.duration_s, record.cause, record.parties) == (60.0, Cause.NORMAL, ("1001", "1002"))
    assert board.busy() == set()


def test_a_line_with_two_calls_is_on_the_phone_until_the_last_is_over(board: Board) -> None:
    board.talk("1001", "1002")
    board.talk("1001", "1003", leg="second")
    board.say(Ended("1001"))
    assert board.busy() == {"1001", "1003"}
    board.say(Ended("second"))
    assert board.busy() == set()
    assert [fact for fact in board.told(LineBusy) if fact.number == "1001"] == [
        LineBusy("1001", "user1001", True),
        LineBusy("1001", "user1001", False),
    ]


def test_hanging_up_from_outside_ends_every_call_of_the_line(board: Board) -> None:
    branch = board.talk("1001", "1002")
    board.call("1001", "1003", leg="second")
    board.service.hang_up("1001", Cause.FORBIDDEN)
    assert End("1001", Cause.FORBIDDEN) in board.late
    assert End(branch) in board.late
    assert Refuse("second", Cause.FORBIDDEN) in board.late
    assert board.service.calls == ()
    assert board.busy() == set()


def test_hanging_up_a_ringing_line_from_outside_refuses_the_call(board: Board) -> None:
    branch = board.originated(board.call("1001", "1002"))
    board.service.hang_up("1002")
    assert board.late == [End(branch, Cause.CANCELLED), Refuse("1001", Cause.UNAVAILABLE)]


def test_a_call_that_is_ended_from_outside_leaves_the_other_calls_of_its_lines_alone(board: Board) -> None:
    branch = board.talk("1001", "1002")
    (call,) = board.service.calls
    other = board.talk("1001", "1003", leg="second")
    board.say(Reoffered(branch, sdp("1002", 2)))
    assert board.service.end(call.id)
    assert board.late == [RefuseReoffer(branch, Cause.GLARE), End("1001"), End(branch)]
    assert board.service.leg(other) is not None
    assert board.busy() == {"1001", "1003"}
    (ended,) = board.told(CallEnded)
    assert (ended.call_id, ended.ended_by) == (call.id, "")
    assert not board.service.end(call.id)


def test_who_is_disabled_is_hung_up(board: Board) -> None:
    branch = board.talk("1001", "1002")
    board.talk("1003", "1004", leg="1003")
    board.bus.publish(UserChanged("user1002", enabled=True))
    assert board.late == []
    board.bus.publish(UserChanged("user1002", enabled=False))
    assert board.late == [End(branch, Cause.FORBIDDEN), End("1001")]
    assert board.busy() == {"1003", "1004"}


def test_a_line_that_changes_hands_while_it_talks_is_given_back_by_its_old_owner(board: Board) -> None:
    board.talk("1001", "1002")
    board.lines.change("1001", owner="somebody")
    del board.lines.lines["1002"]
    board.say(Ended("1001"))
    assert LineBusy("1001", "user1001", False) in board.facts
    assert LineBusy("1002", "user1002", False) in board.facts


# Hold, resume and other re-offers


@pytest.mark.parametrize("holder", ["caller", "called"])
def test_hold_and_resume_pass_in_both_directions(board: Board, holder: str) -> None:
    branch = board.talk("1001", "1002")
    leg, peer = ("1001", branch) if holder == "caller" else (branch, "1001")
    number = "1001" if holder == "caller" else "1002"
    hold = sdp(number, 2, "sendonly")
    assert board.say(Reoffered(leg, hold)) == [Reoffer(peer, hold)]
    answer = sdp("x", 2, "recvonly")
    (told,) = board.say(ReofferAnswered(peer, answer))
    assert isinstance(told, AnswerReoffer)
    assert told.leg == leg
    assert [(fact.number, fact.held) for fact in board.told(CallHeld)] == [(number, True)]
    board.say(Reoffered(leg, sdp(number, 3)))
    board.say(ReofferAnswered(peer, sdp("x", 3)))
    assert [(fact.number, fact.held) for fact in board.told(CallHeld)] == [(number, True), (number, False)]


def test_a_re_offer_without_a_description_fetches_the_peers_offer(board: Board) -> None:
    branch = board.talk("1001", "1002")
    assert board.say(Reoffered("1001", None)) == [Reoffer(branch, None)]
    assert board.say(ReofferAnswered(branch, sdp("1002", 2))) == [AnswerReoffer("1001", sdp("1002", 2))]
    assert board.say(ReofferAnswered("1001", sdp("1001", 2))) == [AnswerReoffer(branch, sdp("1001", 2))]


def test_a_refused_re_offer_leaves_the_session_as_it_was(board: Board) -> None:
    branch = board.talk("1001", "1002")
    board.say(Reoffered("1001", sdp("1001", 2, "sendonly")))
    assert board.say(ReofferRefused(branch, Cause.NOT_ACCEPTABLE)) == [
        RefuseReoffer("1001", Cause.NOT_ACCEPTABLE)
    ]
    assert board.told(CallHeld) == []
    assert board.say(Reoffered(branch, sdp("1002", 2))) == [Reoffer("1001", sdp("1002", 2))]


def test_two_re_offers_that_cross_are_both_refused_as_glare(board: Board) -> None:
    branch = board.talk("1001", "1002")
    board.say(Reoffered("1001", sdp("1001", 2)))
    assert board.say(Reoffered(branch, sdp("1002", 2))) == [RefuseReoffer(branch, Cause.GLARE)]
    assert board.say(ReofferRefused(branch, Cause.GLARE)) == [RefuseReoffer("1001", Cause.GLARE)]


def test_hanging_up_during_a_re_offer_ends_the_call(board: Board) -> None:
    branch = board.talk("1001", "1002")
    board.say(Reoffered("1001", sdp("1001", 2)))
    assert board.say(Ended(branch)) == [RefuseReoffer("1001", Cause.GLARE), End("1001")]


# Bounds and bad input


def test_more_calls_than_the_limit_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    board = Board(max_calls=1)
    board.call("1001", "1002")
    assert board.call("1003", "1004") == [Refuse("1003", Cause.CONGESTION)]
    assert [record.__dict__["code"] for record in caplog.records] == ["AP-CALL-004"]


EVERY: list[LegEvent] = [
    Progressed("x"),
    Answered("x", b"sdp"),
    Refused("x", Cause.BUSY),
    Reoffered("x", b"sdp"),
    ReofferAnswered("x", b"sdp"),
    ReofferRefused("x", Cause.GLARE),
    Ended("x"),
    TransferRequested("x", "1001"),
]


@pytest.mark.parametrize("event", EVERY)
def test_an_unknown_leg_is_absorbed(board: Board, event: LegEvent) -> None:
    assert board.say(event) == []
    assert board.facts == []


def test_a_leg_that_is_offered_twice_is_the_same_leg(board: Board) -> None:
    board.call("1001", "1002")
    assert board.call("1001", "1003") == []
    assert len(board.service.calls) == 1


def test_a_transfer_before_the_answer_is_refused(board: Board) -> None:
    board.call("1001", "1002")
    assert board.say(TransferRequested("1001", "1003")) == [TransferResult("1001", Cause.REJECTED)]


# Chains


FORBIDDEN = Fault("AP-TEST-001", Kind.FORBIDDEN, "Not allowed.", "Ask.")


def test_a_screen_that_raises_refuses_the_call() -> None:
    def screen(placement: Placement) -> Placement:
        raise FORBIDDEN.error()

    board = Board([Feature("screen", "", steps=(Step("screen", Stage.SCREEN, screen),))])
    assert board.call("1001", "1002") == [Refuse("1001", Cause.FORBIDDEN)]


def test_a_broken_step_ends_the_one_call_it_met(caplog: pytest.LogCaptureFixture) -> None:
    def broken(placement: Placement) -> Placement:
        if placement.called == "1002":
            raise RuntimeError("a fault of the feature")
        return placement

    board = Board([Feature("broken", "", steps=(Step("broken", Stage.TRANSLATE, broken),))])
    board.talk("1003", "1004")
    with caplog.at_level(logging.CRITICAL):
        assert board.call("1001", "1002") == [Refuse("1001", Cause.FAILURE)]
    assert len(board.service.calls) == 1
    assert board.busy() == {"1003", "1004"}


def test_the_demand_of_a_feature_that_is_not_there_is_refused() -> None:
    board = Board([])
    board.talk("1001", "1002")
    assert board.say(TransferRequested("1001", "1003")) == [TransferResult("1001", Cause.FORBIDDEN)]


def test_a_misspelt_setting_stops_start_up() -> None:
    with pytest.raises(BadFeature, match="did you mean"):
        Board(settings={"park.timeout": 10})


def test_a_call_is_read_by_its_legs(board: Board) -> None:
    branch = board.talk("1001", "1002")
    (call,) = board.service.calls
    assert {leg.id: leg.state for leg in call.legs.values()} == {"1001": State.UP, branch: State.UP}
    assert board.service.line_busy("1001")
    assert not board.service.line_busy("1003")
    board.say(Offered("other", Party("9999"), "1003", None))
    assert not board.service.line_busy("1003")
