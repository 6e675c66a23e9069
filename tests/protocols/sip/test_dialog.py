from __future__ import annotations

import pytest

from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.session_timer import (
    Agreement,
    SessionExpires,
    TooSmall,
    answer,
    larger_minimum,
    outcome,
)


def invite(**extra: str) -> Request:
    fields = {
        "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "From": '"Alice" <sip:1001@b>;tag=a',
        "To": "<sip:1002@d>",
        "Call-ID": "x",
        "CSeq": "7 INVITE",
        "Contact": "<sip:1001@192.0.2.1:5060>",
    }
    return Request("INVITE", "sip:1002@d", fields | {k.replace("_", "-"): v for k, v in extra.items()})


def ok(**extra: str) -> Response:
    fields = dict(invite().fields) | {"To": "<sip:1002@d>;tag=b", "Contact": "<sip:1002@192.0.2.2>"}
    return Response(200, fields | {k.replace("_", "-"): v for k, v in extra.items()})


def test_the_server_side_mirrors_the_request() -> None:
    dialog = Dialog.accepted(invite(Record_Route="<sip:p1;lr>, <sip:p2;lr>"), "b")
    assert dialog.key == ("x", "b", "a")
    bye = dialog.request("BYE", "SIP/2.0/UDP h;branch=z9hG4bK2")
    assert bye.uri == "sip:1001@192.0.2.1:5060"
    assert bye.get("From") == "<sip:1002@d>;tag=b"
    assert bye.get("To") == '"Alice" <sip:1001@b>;tag=a'
    assert bye.values("Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert bye.get("CSeq") == "1 BYE"


def test_the_client_side_reverses_the_route() -> None:
    dialog = Dialog.established(invite(), ok(Record_Route="<sip:p1;lr>\n<sip:p2;lr>"))
    assert dialog.key == ("x", "a", "b")
    assert dialog.routes == ("<sip:p2;lr>", "<sip:p1;lr>")
    ack = dialog.request("ACK", "SIP/2.0/UDP h;branch=z9hG4bK2", 7)
    assert (ack.get("CSeq"), ack.uri) == ("7 ACK", "sip:1002@192.0.2.2")
    assert dialog.request("BYE", "v").get("CSeq") == "8 BYE"


def test_a_strict_router_gets_its_own_uri_as_the_target() -> None:
    dialog = Dialog.accepted(invite(Record_Route="<sip:strict@p1>, <sip:p2;lr>"), "b")
    bye = dialog.request("BYE", "v")
    assert bye.uri == "sip:strict@p1"
    assert bye.values("Route") == ["<sip:p2;lr>", "<sip:1001@192.0.2.1:5060>"]


def test_requests_out_of_order_do_not_fit() -> None:
    dialog = Dialog.accepted(invite(), "b")
    again = invite()
    assert not dialog.fits(again)
    again.fields["CSeq"] = "9 INVITE"
    assert dialog.fits(again)
    again.fields["CSeq"] = "8 INVITE"
    assert not dialog.fits(again)
    ack = invite()
    ack.method = "ACK"
    assert dialog.fits(ack)


def test_a_target_refresh_moves_the_remote_target() -> None:
    dialog = Dialog.accepted(invite(), "b")
    moved = invite(Contact="<sip:1001@192.0.2.99>")
    dialog.refresh(moved)
    assert dialog.request("BYE", "v").uri == "sip:1001@192.0.2.99"


def test_a_client_that_knows_timers_refreshes_its_session() -> None:
    header, agreed = answer(invite(Supported="timer", Session_Expires="600"))
    assert str(header) == "600;refresher=uac"
    assert agreed == Agreement(600, ours=False)
    assert agreed is not None
    assert agreed.next_s == 568
    assert answer(invite(Supported="timer"))[0] == SessionExpires(1800, "uac")
    assert answer(invite(Supported="timer", Session_Expires="600;refresher=uas"))[1] == Agreement(
        600, ours=True
    )


def test_for_a_client_without_timers_the_server_refreshes() -> None:
    header, agreed = answer(invite())
    assert header is None
    assert agreed == Agreement(1800, ours=True)
    assert agreed.next_s == 900


def test_an_interval_below_the_minimum_is_refused() -> None:
    with pytest.raises(TooSmall):
        answer(invite(Supported="timer", Session_Expires="60"))


def test_an_unreadable_interval_counts_as_none() -> None:
    assert answer(invite(Supported="timer", Session_Expires="soon"))[0] == SessionExpires(1800, "uac")


def test_the_answer_says_who_refreshes() -> None:
    assert outcome(ok(Session_Expires="600;refresher=uas"), 1800) == Agreement(600, ours=False)
    assert outcome(ok(Session_Expires="600;refresher=uac"), 1800) == Agreement(600, ours=True)
    assert outcome(ok(), 1800) == Agreement(1800, ours=True)
    assert larger_minimum(ok(Min_SE="3600")) == 3600
    assert larger_minimum(ok()) is None
