"""The rows of RFC 3261 §17 (figures 5-8), RFC 6026 and RFC 4320, played against the transactions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.transaction import (
    ClientTransaction,
    ServerTransaction,
    State,
    TimedOut,
    TransactionLayer,
    TransportFailed,
)
from antiphon.protocols.sip.transaction.machine import Output


def request(method: str, branch: str = "z9hG4bK1", cseq: int = 1) -> Request:
    return Request(
        method,
        "sip:bob@example.test",
        {
            "Via": f"SIP/2.0/UDP 192.0.2.1;branch={branch}",
            "From": "<sip:a@b>;tag=1",
            "To": "<sip:c@d>",
            "Call-ID": "x",
            "CSeq": f"{cseq} {method}",
        },
    )


def response(status: int, method: str, branch: str = "z9hG4bK1") -> Response:
    fields = dict(request(method, branch).fields)
    fields["To"] += ";tag=2"
    return Response(status, fields)


def shown(outputs: Sequence[Output]) -> list[str]:
    """`INVITE`, `ACK`, `200` are sent bytes; `<180` is passed up; `timeout`, `failed` are told."""
    out: list[str] = []
    for output in outputs:
        if isinstance(output, bytes):
            words = output.split(b" ", 2)
            out.append((words[1] if words[0] == b"SIP/2.0" else words[0]).decode())
        elif isinstance(output, Response):
            out.append(f"<{output.status}")
        elif isinstance(output, Request):
            out.append(f"<{output.method}")
        else:
            out.append("timeout" if isinstance(output, TimedOut) else "failed")
    return out


class Bench:
    """A layer on its own clock; `run` lists what it does by itself, with the time."""

    def __init__(self, reliable: bool) -> None:
        self.layer = TransactionLayer()
        self.reliable = reliable
        self.now = 0.0

    def run(self, until: float) -> list[tuple[float, str]]:
        seen: list[tuple[float, str]] = []
        while (due := self.layer.deadline) is not None and due <= until:
            self.now = due
            for _, outputs in self.layer.expire(due):
                seen.extend((due, word) for word in shown(outputs))
        self.now = until
        return seen

    def send(self, method: str) -> ClientTransaction:
        transaction, outputs = self.layer.request(request(method), self.reliable, self.now)
        assert shown(outputs) == [method]
        return transaction

    def hear(self, status: int, method: str) -> list[str]:
        found = self.layer.answered(response(status, method), self.now)
        return shown(found[1]) if found else ["nobody"]

    def serve(self, method: str) -> ServerTransaction:
        return self.layer.serve(request(method), self.reliable, self.now, b"SIP/2.0 100 Trying")

    def again(self, method: str) -> list[str]:
        asked = request(method)
        transaction = self.layer.server(asked)
        return shown(self.layer.receive(transaction, asked, self.now)) if transaction else ["nobody"]

    def answer(self, transaction: ServerTransaction, status: int) -> list[str]:
        data = response(status, transaction.request.method).to_bytes()
        return shown(self.layer.respond(transaction, status, data, self.now))


def test_unanswered_invite_is_sent_seven_times_then_times_out() -> None:
    bench = Bench(reliable=False)
    invite = bench.send("INVITE")
    assert bench.run(40) == [(t, "INVITE") for t in (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)] + [(32.0, "timeout")]
    assert invite.state is State.TERMINATED
    assert len(bench.layer) == 0


def test_unanswered_invite_on_a_stream_is_sent_once() -> None:
    bench = Bench(reliable=True)
    bench.send("INVITE")
    assert bench.run(40) == [(32.0, "timeout")]


def test_a_provisional_response_ends_retransmission_and_timeout_of_invite() -> None:
    bench = Bench(reliable=False)
    invite = bench.send("INVITE")
    assert bench.hear(100, "INVITE") == ["<100"]
    assert bench.run(600) == []
    assert bench.hear(180, "INVITE") == ["<180"]
    assert invite.state is State.PROCEEDING


def test_a_refusal_is_acknowledged_by_the_transaction_each_time_it_comes() -> None:
    bench = Bench(reliable=False)
    invite = bench.send("INVITE")
    assert bench.hear(486, "INVITE") == ["ACK", "<486"]
    assert invite.state is State.COMPLETED
    assert bench.hear(486, "INVITE") == ["ACK"]
    assert bench.run(31.9) == []
    assert len(bench.layer) == 1
    bench.run(32)
    assert len(bench.layer) == 0


def test_on_a_stream_a_refused_invite_is_over_at_once() -> None:
    bench = Bench(reliable=True)
    invite = bench.send("INVITE")
    assert bench.hear(486, "INVITE") == ["ACK", "<486"]
    assert invite.state is State.TERMINATED
    assert len(bench.layer) == 0


def test_the_ack_of_a_refusal_repeats_the_request() -> None:
    bench = Bench(reliable=False)
    invite = bench.send("INVITE")
    ack = invite.ack(response(486, "INVITE"))
    assert ack.via.branch == "z9hG4bK1"
    assert (ack.get("CSeq"), ack.get("To"), ack.uri) == ("1 ACK", "<sip:c@d>;tag=2", "sip:bob@example.test")
    cancel = invite.cancel("SIP;cause=200")
    assert (cancel.get("CSeq"), cancel.get("To"), cancel.get("Reason")) == (
        "1 CANCEL",
        "<sip:c@d>",
        "SIP;cause=200",
    )


def test_every_2xx_is_passed_up_until_timer_m() -> None:
    """RFC 6026 §7.1: forked answers and retransmissions all reach the user."""
    bench = Bench(reliable=False)
    invite = bench.send("INVITE")
    assert bench.hear(200, "INVITE") == ["<200"]
    assert bench.hear(200, "INVITE") == ["<200"]
    assert invite.state is State.ACCEPTED
    assert bench.hear(486, "INVITE") == []
    assert bench.run(32) == []
    assert bench.hear(200, "INVITE") == ["nobody"]


@pytest.mark.parametrize("status", [None, 100])
def test_a_transport_error_of_an_unfinished_invite_is_told(status: int | None) -> None:
    bench = Bench(reliable=True)
    invite = bench.send("INVITE")
    if status:
        bench.hear(status, "INVITE")
    assert shown(bench.layer.failed(invite, bench.now)) == ["failed"]
    assert invite.terminated


def test_a_non_invite_request_is_repeated_up_to_t2_then_times_out() -> None:
    bench = Bench(reliable=False)
    bench.send("BYE")
    expected = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.run(40) == [(t, "BYE") for t in expected] + [(32.0, "timeout")]


def test_a_provisional_response_slows_a_non_invite_request_down_to_t2() -> None:
    bench = Bench(reliable=False)
    bench.send("BYE")
    assert bench.hear(100, "BYE") == ["<100"]
    assert bench.run(40) == [(t, "BYE") for t in (0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5)] + [
        (32.0, "timeout")
    ]


@pytest.mark.parametrize("status", [200, 481])
def test_a_final_response_of_a_non_invite_is_passed_once_and_absorbed_for_t4(status: int) -> None:
    bench = Bench(reliable=False)
    bench.send("BYE")
    assert bench.hear(status, "BYE") == [f"<{status}"]
    assert bench.hear(status, "BYE") == []
    assert bench.run(4.9) == []
    bench.run(5)
    assert len(bench.layer) == 0


def test_an_invite_server_repeats_its_provisional_response() -> None:
    bench = Bench(reliable=False)
    invite = bench.serve("INVITE")
    assert bench.again("INVITE") == []
    assert bench.answer(invite, 180) == ["180"]
    assert bench.again("INVITE") == ["180"]
    assert bench.run(600) == []


def test_an_invite_server_repeats_its_refusal_until_the_ack() -> None:
    bench = Bench(reliable=False)
    invite = bench.serve("INVITE")
    assert bench.answer(invite, 486) == ["486"]
    assert bench.again("INVITE") == ["486"]
    assert bench.run(4) == [(0.5, "486"), (1.5, "486"), (3.5, "486")]
    assert bench.again("ACK") == []
    assert invite.state is State.CONFIRMED
    assert bench.again("INVITE") == []
    bench.run(9.0)
    assert len(bench.layer) == 0


def test_an_invite_server_without_an_ack_gives_up_after_timer_h() -> None:
    bench = Bench(reliable=False)
    bench.answer(bench.serve("INVITE"), 486)
    assert bench.run(40)[-1] == (32.0, "timeout")
    stream = Bench(reliable=True)
    stream.answer(stream.serve("INVITE"), 486)
    assert stream.run(40) == [(32.0, "timeout")]


def test_an_accepted_invite_absorbs_its_retransmissions_and_hears_its_ack() -> None:
    """RFC 6026 §7.1: the 2xx is retransmitted by the user, not by the transaction."""
    bench = Bench(reliable=False)
    invite = bench.serve("INVITE")
    assert bench.answer(invite, 200) == ["200"]
    assert invite.state is State.ACCEPTED
    assert bench.again("INVITE") == []
    assert bench.answer(invite, 200) == ["200"]
    assert bench.answer(invite, 486) == []
    assert bench.again("ACK") == ["<ACK"]
    assert bench.run(31.9) == []
    bench.run(32)
    assert len(bench.layer) == 0


def test_a_non_invite_server_repeats_its_final_response() -> None:
    bench = Bench(reliable=False)
    bye = bench.serve("BYE")
    assert bench.again("BYE") == []
    assert bench.answer(bye, 200) == ["200"]
    assert bench.again("BYE") == ["200"]
    assert bench.answer(bye, 500) == []
    bench.run(32)
    assert bench.again("BYE") == ["nobody"]


def test_a_slow_non_invite_server_says_100_after_t2_and_falls_silent_when_it_is_too_late() -> None:
    """RFC 4320 §4.1, §4.2."""
    bench = Bench(reliable=False)
    refer = bench.serve("REFER")
    assert bench.run(3.5) == [(3.5, "100")]
    assert bench.again("REFER") == ["100"]
    assert bench.answer(refer, 408) == []
    bench.run(32)
    assert bench.answer(refer, 200) == []
    assert len(bench.layer) == 0


def test_a_transport_error_of_a_server_is_told() -> None:
    for method in ("INVITE", "BYE"):
        bench = Bench(reliable=True)
        transaction = bench.serve(method)
        bench.answer(transaction, 183 if method == "INVITE" else 100)
        assert shown(bench.layer.failed(transaction, bench.now)) == ["failed"]
        assert isinstance(TransportFailed(), TransportFailed)
        assert transaction.terminated


def test_requests_match_by_branch_sent_by_and_method() -> None:
    layer = TransactionLayer()
    invite = layer.serve(request("INVITE"), False, 0.0)
    assert layer.server(request("INVITE")) is invite
    assert layer.server(request("ACK")) is invite
    assert layer.server(request("INVITE", "z9hG4bK2")) is None
    assert layer.server(request("BYE")) is None
    assert layer.cancelled(request("CANCEL")) is invite


def test_rfc_2543_branches_match_by_the_whole_request() -> None:
    layer = TransactionLayer()
    invite = layer.serve(request("INVITE", "z9hG4bK"), False, 0.0)
    assert layer.server(request("INVITE", "z9hG4bK")) is invite
    assert layer.server(request("INVITE", "z9hG4bK", cseq=2)) is None


def test_the_layer_says_when_it_is_full() -> None:
    layer = TransactionLayer(limit=2)
    layer.serve(request("BYE", "z9hG4bKa"), False, 0.0)
    assert not layer.full
    layer.serve(request("BYE", "z9hG4bKb"), False, 0.0)
    assert layer.full


_STEP = st.one_of(
    st.sampled_from([100, 180, 200, 486]),
    st.sampled_from(["again", "ack", "fail"]),
    st.floats(0.1, 70.0),
)


@given(st.sampled_from(["INVITE", "BYE"]), st.booleans(), st.booleans(), st.lists(_STEP, max_size=12))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_every_transaction_ends(
    method: str, client: bool, reliable: bool, steps: list[int | str | float]
) -> None:
    bench = Bench(reliable)
    transaction = bench.send(method) if client else bench.serve(method)
    for step in steps:
        if isinstance(step, float):
            bench.run(bench.now + step)
        elif step == "fail":
            bench.layer.failed(transaction, bench.now)
        elif isinstance(step, int):
            if isinstance(transaction, ServerTransaction):
                bench.answer(transaction, step)
            else:
                bench.hear(step, method)
        elif not client:
            bench.again("ACK" if step == "ack" and method == "INVITE" else method)
    if isinstance(transaction, ServerTransaction):
        bench.answer(transaction, 200)
    else:
        bench.hear(200, method)
    bench.run(bench.now + 100)
    assert len(bench.layer) == 0
