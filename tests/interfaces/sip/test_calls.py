from __future__ import annotations

from dataclasses import replace

import pytest
from tests.interfaces.sip.site import Dialog, Phone, Site, StreamPhone, sdp

from antiphon.model import Device, DeviceLine, Line
from antiphon.protocols.sip.message import Request
from antiphon.services.call.events import CallAnswered, CallEnded
from antiphon.services.call.legs import Cause


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def alice(site: Site) -> Phone:
    return site.registered("alice")


@pytest.fixture
def bob(site: Site) -> Phone:
    return site.registered("bob")


def statuses(phone: Phone) -> list[int]:
    return [response.status for response in phone.responses()]


def talk(alice: Phone, bob: Phone) -> tuple[Dialog, Dialog]:
    """alice calls bob, bob answers; both sides' dialogs."""
    calling = alice.invite(bob.number)
    invite = bob.request("INVITE")
    called = bob.accept(invite)
    ok = alice.responses()[-1]
    assert ok.status == 200
    alice.confirm(calling, ok)
    bob.inbox.clear()
    return calling, called


def over(site: Site) -> bool:
    """Nothing is left of any call."""
    site.time.advance(70)
    return site.door.legs == 0 and site.door.transactions == 0 and site.calls.calls == ()


def test_a_call_from_invite_to_bye(site: Site, alice: Phone, bob: Phone) -> None:
    calling = alice.invite("1002")
    assert statuses(alice) == [100]
    invite = bob.request("INVITE")
    assert invite.body == sdp("alice")
    assert invite.from_.sip.username == "1001"
    assert invite.from_.name == "Alice"
    assert invite.uri == f"sip:1002@{bob.address}"
    assert invite.call_id != calling.call_id

    bob.respond(invite, 180, "b")
    assert statuses(alice) == [180]
    called = bob.accept(invite)
    ok = alice.response()
    assert (ok.status, ok.body) == (200, sdp("bob"))
    assert bob.request("ACK").get("CSeq") == "1 ACK"
    alice.confirm(calling, ok)

    calling.send("BYE")
    assert alice.response().status == 200
    bye = bob.request("BYE")
    assert bye.get("Reason").startswith("Q.850;cause=16")
    bob.respond(bye, 200)
    assert called.call_id == invite.call_id
    assert over(site)


def test_credentials_and_private_headers_stay_on_their_side(alice: Phone, bob: Phone) -> None:
    alice.invite(
        "1002", headers="X-Cisco-Secret: 1\r\nP-Asserted-Identity: <sip:president@x>\r\nSubject: hi\r\n"
    )
    invite = bob.request("INVITE")
    for name in ("Proxy-Authorization", "Authorization", "X-Cisco-Secret", "Subject", "Record-Route"):
        assert name not in invite.fields
    assert invite.get("P-Asserted-Identity") == '"Alice" <sip:1001@example.test>'


def test_the_called_side_hangs_up(site: Site, alice: Phone, bob: Phone) -> None:
    _, called = talk(alice, bob)
    called.send("BYE")
    assert bob.response().status == 200
    alice.respond(alice.request("BYE"), 200)
    assert over(site)


def test_early_media_is_passed_on(alice: Phone, bob: Phone) -> None:
    alice.invite("1002")
    bob.respond(bob.request("INVITE"), 183, "b", body=sdp("bob"))
    progress = alice.responses()[-1]
    assert (progress.status, progress.body) == (183, sdp("bob"))


def test_the_caller_gives_up(site: Site, alice: Phone, bob: Phone) -> None:
    calling = alice.invite("1002")
    invite = bob.request("INVITE")
    bob.respond(invite, 180, "b")
    alice.responses()
    cancel_like_invite(alice, calling)
    answers = alice.responses()
    assert sorted((r.status, r.cseq_method) for r in answers) == [(200, "CANCEL"), (487, "INVITE")]
    assert answers[0].to.tag == answers[1].to.tag
    cancel = bob.request("CANCEL")
    assert cancel.via.branch == invite.via.branch
    bob.respond(cancel, 200)
    bob.respond(invite, 487, "b")
    assert bob.request("ACK").via.branch == invite.via.branch
    alice.send_request(
        "ACK", calling.target, calling.local, calling.remote, calling.call_id, 2, branch="z9hG4bKlast"
    )
    assert over(site)


def cancel_like_invite(phone: Phone, dialog: Dialog) -> None:
    """CANCEL with the branch of the last INVITE."""
    branch = f"z9hG4bK{phone.name}{next(phone._branch) - 1}"
    phone.send_request(
        "CANCEL", dialog.target, dialog.local, dialog.remote, dialog.call_id, dialog.cseq, branch=branch
    )


def test_a_cancel_from_another_address_is_ignored(site: Site, alice: Phone, bob: Phone) -> None:
    calling = alice.invite("1002")
    other = site.phone("carol")
    branch = f"z9hG4bKalice{next(alice._branch) - 1}"
    via = f"SIP/2.0/UDP {alice.address};branch={branch};rport"
    other.put(
        f"CANCEL {calling.target} SIP/2.0\r\nVia: {via}\r\nFrom: {calling.local}\r\nTo: {calling.remote}\r\n"
        f"Call-ID: {calling.call_id}\r\nCSeq: {calling.cseq} CANCEL\r\n\r\n".encode()
    )
    assert other.response().status == 481
    assert statuses(alice) == [100]
    assert bob.request("INVITE")


def test_a_cancel_waits_for_the_first_provisional_response(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 3261 §9.1."""
    calling = alice.invite("1002")
    cancel_like_invite(alice, calling)
    invite = bob.request("INVITE")
    assert bob.requests() == []
    bob.respond(invite, 100)
    assert bob.request("CANCEL")


def test_a_2xx_that_crosses_the_cancel_is_acknowledged_and_hung_up(
    site: Site, alice: Phone, bob: Phone
) -> None:
    calling = alice.invite("1002")
    invite = bob.request("INVITE")
    bob.respond(invite, 180, "b")
    cancel_like_invite(alice, calling)
    bob.requests()
    bob.accept(invite)
    ack, bye = bob.requests()
    assert (ack.method, bye.method) == ("ACK", "BYE")
    bob.respond(bye, 200)
    bob.accept(invite)
    assert [r.method for r in bob.requests()] == ["ACK"]
    assert over(site)


@pytest.mark.parametrize(("status", "expected"), [(486, 486), (480, 480), (603, 603), (404, 404), (488, 488)])
def test_a_refusal_reaches_the_caller(
    site: Site, alice: Phone, bob: Phone, status: int, expected: int
) -> None:
    calling = alice.invite("1002")
    bob.respond(bob.request("INVITE"), status, "b")
    assert statuses(alice)[-1] == expected
    assert bob.request("ACK")
    branch = f"z9hG4bKalice{next(alice._branch) - 1}"
    alice.send_request(
        "ACK", calling.target, calling.local, calling.remote, calling.call_id, calling.cseq, branch=branch
    )
    assert over(site)


@pytest.mark.parametrize(("number", "status"), [("4711", 404), ("1003", 480)])
def test_a_number_that_nobody_has_or_nobody_uses_is_refused(alice: Phone, number: str, status: int) -> None:
    alice.invite(number)
    assert statuses(alice) == [100, status]


def test_an_unanswered_phone_counts_as_unreachable(site: Site, alice: Phone, bob: Phone) -> None:
    alice.invite("1002")
    site.time.advance(33)
    assert len([r for r in bob.requests() if r.method == "INVITE"]) == 7
    assert statuses(alice)[-1] == 480


def test_all_devices_of_a_line_ring_and_the_losers_learn_that_it_was_answered_elsewhere(
    site: Site, alice: Phone
) -> None:
    """S0 shared line; RFC 3326."""
    desk, soft = site.registered("bob"), site.registered("bob", "tls", 5090)
    calling = alice.invite("1002")
    first, second = desk.request("INVITE"), soft.request("INVITE")
    assert first.body == second.body == sdp("alice")
    desk.respond(first, 180, "d")
    soft.respond(second, 180, "s")
    soft.accept(second)
    ok = alice.responses()[-1]
    assert ok.status == 200
    cancel = desk.request("CANCEL")
    assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    desk.respond(cancel, 200)
    desk.respond(first, 487, "d")
    assert desk.request("ACK")
    assert soft.request("ACK")
    alice.confirm(calling, ok)
    calling.send("BYE")
    soft.respond(soft.request("BYE"), 200)
    assert over(site)


def test_two_devices_that_answer_at_once_leave_one_call(site: Site, alice: Phone) -> None:
    desk, soft = site.registered("bob"), site.registered("bob", "tls", 5090)
    calling = alice.invite("1002")
    first, second = desk.request("INVITE"), soft.request("INVITE")
    desk.respond(first, 180, "d")
    soft.accept(second)
    desk.accept(first)
    assert [r.method for r in desk.requests()] == ["CANCEL", "ACK", "BYE"]
    assert [r.method for r in soft.requests()] == ["ACK"]
    alice.confirm(calling, alice.responses()[-1])
    assert len(site.calls.calls) == 1


def test_the_best_refusal_of_several_devices_is_told(site: Site, alice: Phone) -> None:
    desk, soft = site.registered("bob"), site.registered("bob", "tls", 5090)
    alice.invite("1002")
    desk.respond(desk.request("INVITE"), 486, "d")
    assert statuses(alice) == [100]
    soft.respond(soft.request("INVITE"), 480, "s")
    assert statuses(alice) == [486]


def test_a_decline_everywhere_ends_the_ringing_at_once(site: Site, alice: Phone) -> None:
    desk, soft = site.registered("bob"), site.registered("bob", "tls", 5090)
    alice.invite("1002")
    first = desk.request("INVITE")
    desk.respond(first, 180, "d")
    soft.respond(soft.request("INVITE"), 603, "s")
    assert statuses(alice)[-1] == 603
    assert desk.request("CANCEL")


def test_hold_and_resume_pass_through(site: Site, alice: Phone, bob: Phone) -> None:
    calling, called = talk(alice, bob)
    calling.send(
        "INVITE", f"Contact: {alice.contact}\r\nContent-Type: application/sdp\r\n", sdp("alice", "sendonly")
    )
    hold = bob.request("INVITE")
    assert b"a=sendonly" in hold.body
    assert hold.to.tag == "to-bob"
    bob.respond(hold, 200, body=sdp("bob", "recvonly"))
    ok = alice.responses()[-1]
    assert (ok.status, b"a=recvonly" in ok.body) == (200, True)
    alice.confirm(calling, ok)
    assert bob.request("ACK").sequence == hold.sequence
    called.send("BYE")
    alice.respond(alice.request("BYE"), 200)
    assert over(site)


def test_update_changes_a_session_too(alice: Phone, bob: Phone) -> None:
    calling, _ = talk(alice, bob)
    calling.send(
        "UPDATE", f"Contact: {alice.contact}\r\nContent-Type: application/sdp\r\n", sdp("alice", "inactive")
    )
    change = bob.request("INVITE")
    bob.respond(change, 200, body=sdp("bob", "inactive"))
    ok = alice.response()
    assert (ok.status, ok.cseq_method, b"inactive" in ok.body) == (200, "UPDATE", True)


def test_offers_that_cross_are_glare(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 3261 §14.2."""
    calling, called = talk(alice, bob)
    offer = "Content-Type: application/sdp\r\n"
    calling.send("INVITE", f"Contact: {alice.contact}\r\n{offer}", sdp("alice", "sendonly"))
    bob.request("INVITE")
    called.send("INVITE", f"Contact: {bob.contact}\r\n{offer}", sdp("bob", "sendonly"))
    assert statuses(bob) == [491]
    calling.send("INVITE", f"Contact: {alice.contact}\r\n{offer}", sdp("alice", "sendonly"))
    assert statuses(alice) == [100, 500]


def test_a_refused_change_leaves_the_call_as_it_was(alice: Phone, bob: Phone) -> None:
    calling, _ = talk(alice, bob)
    calling.send(
        "INVITE", f"Contact: {alice.contact}\r\nContent-Type: application/sdp\r\n", sdp("alice", "sendonly")
    )
    bob.respond(bob.request("INVITE"), 488)
    assert statuses(alice)[-1] == 488
    calling.send("BYE")
    assert bob.requests()[-1].method == "BYE"


def test_an_invite_without_an_offer_gets_one_and_answers_it_in_the_ack(
    site: Site, alice: Phone, bob: Phone
) -> None:
    calling = alice.invite("1002", body=b"")
    invite = bob.request("INVITE")
    assert invite.body == b""
    bob.accept(invite)
    ok = alice.responses()[-1]
    assert (ok.status, ok.body) == (200, sdp("bob"))
    assert bob.requests() == []
    alice.confirm(calling, ok, sdp("alice"))
    ack = bob.request("ACK")
    assert ack.body == sdp("alice")


def test_a_2xx_is_sent_until_its_ack_comes(site: Site, alice: Phone, bob: Phone) -> None:
    calling = alice.invite("1002")
    bob.accept(bob.request("INVITE"))
    ok = alice.responses()[-1]
    site.time.advance(4)
    assert statuses(alice) == [200, 200, 200]
    alice.confirm(calling, ok)
    site.time.advance(20)
    assert statuses(alice) == []


def test_without_an_ack_the_call_is_ended(site: Site, alice: Phone, bob: Phone) -> None:
    alice.invite("1002")
    bob.accept(bob.request("INVITE"))
    site.time.advance(33)
    assert alice.requests()[0].method == "BYE"
    assert "BYE" in [r.method for r in bob.requests()]
    assert over(site)


def test_a_repeated_2xx_gets_its_ack_again(alice: Phone, bob: Phone) -> None:
    alice.invite("1002")
    invite = bob.request("INVITE")
    bob.accept(invite)
    bob.accept(invite)
    first, second = bob.requests()
    assert first == second
    assert first.method == "ACK"


def test_a_stranger_is_challenged_without_anything_being_remembered(site: Site) -> None:
    phone = site.phone("alice")
    body = sdp("alice")
    phone.send_request(
        "INVITE",
        "sip:1002@example.test",
        "<sip:1001@x>;tag=1",
        "<sip:1002@x>",
        "c",
        1,
        "Content-Type: application/sdp\r\n",
        body,
    )
    assert phone.response().status == 407
    assert (site.door.transactions, site.door.legs) == (0, 0)


def test_nobody_calls_in_the_name_of_another(site: Site, bob: Phone) -> None:
    phone = site.phone("alice")
    phone.number = "1002"
    phone.invite("1002")
    assert phone.responses()[-1].status == 403
    assert bob.inbox == []


def test_a_connection_that_registered_with_a_token_is_trusted_for_its_own_line(
    site: Site, bob: Phone
) -> None:
    alice = site.registered("alice", "tls", 5090)
    alice.invite("1002")
    assert statuses(alice) == [100]
    assert bob.request("INVITE").from_.sip.username == "1001"
    alice.number = "1003"
    alice.invite("1002", headers="")
    assert alice.responses()[-1].status == 403


def test_a_connection_is_not_trusted_longer_than_its_token(site: Site) -> None:
    site.secrets.until = site.time.wall() + 60
    alice = site.registered("alice", "tls", 5090)
    site.time.advance(61)
    alice.send_request("INVITE", "sip:1002@x", f"<{alice.uri}>;tag=1", "<sip:1002@x>", "c", 1)
    assert alice.response().status == 407


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Require: 100rel\r\n", None, 420),
        ("Content-Type: application/x\r\n", b"x", 415),
        ("Accept: text/plain\r\n", None, 406),
        ("Supported: timer\r\nSession-Expires: 30\r\n", None, 422),
    ],
)
def test_an_invite_that_cannot_be_served_says_why(
    site: Site, alice: Phone, headers: str, body: bytes | None, status: int
) -> None:
    kind = "" if body is not None else "Content-Type: application/sdp\r\n"
    alice.send_request(
        "INVITE",
        "sip:1002@x",
        f"<{alice.uri}>;tag=1",
        "<sip:1002@x>",
        "c",
        1,
        headers + kind,
        body or sdp("alice"),
    )
    response = alice.response()
    assert response.status == status
    assert site.door.legs == 0


def test_a_call_that_has_gone_too_far_is_stopped(alice: Phone) -> None:
    alice.put(
        b"INVITE sip:1002@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKhop\r\nMax-Forwards: 0\r\n"
        b"From: <sip:1001@x>;tag=1\r\nTo: <sip:1002@x>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    assert alice.response().status == 483


def test_the_same_invite_by_another_way_is_merged(site: Site, alice: Phone, bob: Phone) -> None:
    calling = alice.invite("1002")
    assert statuses(alice) == [100]
    alice.send_request("INVITE", calling.target, calling.local, calling.remote, calling.call_id, calling.cseq)
    assert statuses(alice) == [482]


def test_a_session_that_its_refresher_forgets_ends(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 4028 §10."""
    calling = alice.invite("1002", headers="Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n")
    bob.respond(bob.request("INVITE"), 200, "b", "Session-Expires: 1800;refresher=uas\r\n", sdp("bob"))
    ok = alice.responses()[-1]
    assert ok.get("Session-Expires") == "600;refresher=uac"
    alice.confirm(calling, ok)
    bob.requests()
    site.time.advance(600 - 32 - 1)
    calling.send(
        "UPDATE", f"Contact: {alice.contact}\r\nSupported: timer\r\nSession-Expires: 600;refresher=uac\r\n"
    )
    assert statuses(alice) == [200]
    site.time.advance(500)
    assert alice.requests() == []
    site.time.advance(69)
    assert alice.requests()[0].method == "BYE"


def test_the_door_refreshes_for_phones_that_do_not(site: Site, alice: Phone, bob: Phone) -> None:
    talk(alice, bob)
    site.time.advance(900.1)
    update = alice.request("UPDATE")
    assert update.get("Session-Expires") == "1800;refresher=uac"
    alice.respond(update, 200)
    invite = bob.request("INVITE")
    assert invite.body == sdp("alice")
    bob.respond(invite, 200, body=sdp("bob"))
    assert bob.request("ACK")
    site.time.advance(901)
    assert [r.method for r in alice.requests()][:1] == ["UPDATE"]


def test_a_phone_that_has_forgotten_the_call_ends_it(site: Site, alice: Phone, bob: Phone) -> None:
    talk(alice, bob)
    site.time.advance(900.1)
    alice.respond(alice.request("UPDATE"), 481)
    assert "BYE" in [r.method for r in bob.requests()]
    assert over(site)


def test_requests_outside_any_dialog_are_told_so(site: Site, alice: Phone) -> None:
    for method in ("BYE", "INVITE", "UPDATE", "REFER", "INFO", "NOTIFY"):
        alice.send_request(method, "sip:x@y", f"<{alice.uri}>;tag=1", "<sip:1002@x>;tag=gone", "c", 1)
        assert statuses(alice) == [481]
    alice.send_request("ACK", "sip:x@y", f"<{alice.uri}>;tag=1", "<sip:1002@x>;tag=gone", "c", 1)
    assert alice.inbox == []


def test_a_request_out_of_order_is_refused(alice: Phone, bob: Phone) -> None:
    calling, _ = talk(alice, bob)
    calling.send("INFO", cseq=1)
    assert statuses(alice) == [500]


def test_digits_by_info_are_taken(site: Site, alice: Phone, bob: Phone) -> None:
    calling, _ = talk(alice, bob)
    calling.send("INFO", "Content-Type: application/dtmf-relay\r\n", b"Signal=5\r\nDuration=160\r\n")
    assert statuses(alice) == [200]
    calling.send("INFO", "Content-Type: text/xml\r\n", b"<x/>")
    assert statuses(alice) == [415]


def test_blind_transfer_connects_the_peer_to_the_target(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 5589 §6.1; S3 line side: 202, NOTIFY sipfrag, and the move is the server's."""
    carol = site.registered("carol")
    calling, called = talk(alice, bob)
    called.send("REFER", f"Contact: {bob.contact}\r\nRefer-To: <sip:1003@example.test>\r\n")
    accepted = bob.response()
    assert accepted.status == 202
    trying = bob.request("NOTIFY")
    assert trying.get("Event") == f"refer;id={called.cseq}"
    assert trying.get("Subscription-State").startswith("active")
    assert trying.body == b"SIP/2.0 100 Trying\r\n"
    bob.respond(trying, 200)
    invite = carol.request("INVITE")
    carol.accept(invite, sdp("carol"))
    last = [r for r in bob.requests() if r.method in ("NOTIFY", "BYE")]
    assert [r.method for r in last] == ["NOTIFY", "BYE"]
    assert last[0].body == b"SIP/2.0 200 OK\r\n"
    assert last[0].get("Subscription-State").startswith("terminated")
    for request in last:
        bob.respond(request, 200)
    settle(alice, carol)
    (call,) = site.calls.calls
    assert call is not None
    calling.remote = calling.remote or ""
    assert sorted(leg.number for leg in call.legs.values()) == ["1001", "1003"]


def settle(*phones: Phone) -> None:
    """Answer every re-INVITE until nobody asks any more."""
    for _ in range(10):
        for phone in phones:
            for request in phone.requests():
                if request.method == "INVITE":
                    phone.respond(request, 200, body=sdp(phone.name))
                elif request.method != "ACK":
                    phone.respond(request, 200)


def test_a_transfer_that_fails_is_reported_and_changes_nothing(site: Site, alice: Phone, bob: Phone) -> None:
    _, called = talk(alice, bob)
    called.send("REFER", f"Contact: {bob.contact}\r\nRefer-To: <sip:4711@example.test>\r\n")
    trying, failed = bob.requests()
    assert trying.body.startswith(b"SIP/2.0 100")
    assert failed.body == b"SIP/2.0 404 Not Found\r\n"
    assert alice.requests() == []


def test_a_transfer_without_a_subscription_sends_no_notify(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 4488."""
    _, called = talk(alice, bob)
    called.send(
        "REFER", f"Contact: {bob.contact}\r\nRefer-Sub: false\r\nRefer-To: <sip:4711@example.test>\r\n"
    )
    accepted = bob.response()
    assert (accepted.status, accepted.get("Refer-Sub")) == (202, "false")
    assert bob.requests() == []


def test_attended_transfer_connects_the_two_peers(site: Site, alice: Phone, bob: Phone) -> None:
    carol = site.registered("carol")
    _, first = talk(alice, bob)
    consulting = bob.invite("1003")
    carol_side = carol.accept(carol.request("INVITE"), sdp("carol"))
    ok = bob.responses()[-1]
    bob.confirm(consulting, ok)
    carol.requests()
    to_tag = ok.to.tag
    replaces = f"{consulting.call_id}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3Dbob"
    first.send(
        "REFER", f"Contact: {bob.contact}\r\nRefer-To: <sip:1003@example.test?Replaces={replaces}>\r\n"
    )
    assert statuses(bob) == [202]
    settle(alice, carol, bob)
    (call,) = site.calls.calls
    assert sorted(leg.number for leg in call.legs.values()) == ["1001", "1003"]
    assert carol_side.call_id


def test_a_transfer_to_an_unknown_dialog_is_refused(alice: Phone, bob: Phone) -> None:
    _, called = talk(alice, bob)
    called.send("REFER", "Refer-To: <sip:1003@x?Replaces=nobody%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n")
    assert statuses(bob) == [481]
    called.send("REFER", "Refer-To: <tel:1003>\r\n")
    assert statuses(bob) == [400]
    called.send("REFER")
    assert statuses(bob) == [400]


def test_a_forwarded_call_says_who_diverted_it(site: Site, alice: Phone, bob: Phone) -> None:
    carol = site.registered("carol")
    line = site.directory.line("1002")
    assert line is not None
    site.directory.keep(replace(line, forward_all="1003"))
    alice.invite("1002")
    assert carol.request("INVITE").get("Diversion") == "<sip:1002@example.test>;reason=unconditional"
    assert bob.inbox == []


def test_a_device_that_redirects_sends_the_call_on(site: Site, alice: Phone, bob: Phone) -> None:
    carol = site.registered("carol")
    alice.invite("1002")
    invite = bob.request("INVITE")
    bob.put(
        f"SIP/2.0 302 Moved\r\nVia: {invite.get('Via')}\r\nFrom: {invite.get('From')}\r\nTo: {invite.get('To')};tag=b\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: 1 INVITE\r\nContact: <sip:1003@elsewhere>\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert carol.request("INVITE")


def test_a_ringing_phone_whose_connection_breaks_no_longer_counts(site: Site, alice: Phone) -> None:
    bob = site.registered("bob", "tls", 5090)
    assert isinstance(bob, StreamPhone)
    alice.invite("1002")
    assert bob.request("INVITE")
    bob.disconnect()
    assert statuses(alice)[-1] in (480, 503)


def test_a_caller_whose_connection_breaks_has_given_up(site: Site, bob: Phone) -> None:
    alice = site.registered("alice", "tls", 5090)
    assert isinstance(alice, StreamPhone)
    alice.invite("1002")
    bob.respond(bob.request("INVITE"), 180, "b")
    alice.disconnect()
    assert bob.request("CANCEL")


def test_an_established_call_survives_a_new_connection_of_its_device(site: Site, bob: Phone) -> None:
    """S3-53 X-cisco-sessionpersist: the device comes back within the time and goes on."""
    alice = site.registered("alice", "tls", 5090)
    assert isinstance(alice, StreamPhone)
    calling, called = talk(alice, bob)
    alice.disconnect()
    site.time.advance(5)
    back = site.registered("alice", "tls", 5090)
    site.time.advance(20)
    assert len(site.calls.calls) == 1
    called.send("BYE")
    bye = back.request("BYE")
    assert bye.call_id == calling.call_id


def test_an_established_call_ends_when_its_device_does_not_come_back(site: Site, bob: Phone) -> None:
    alice = site.registered("alice", "tls", 5090)
    assert isinstance(alice, StreamPhone)
    talk(alice, bob)
    alice.disconnect()
    site.time.advance(14)
    assert bob.requests() == []
    site.time.advance(1.1)
    assert bob.request("BYE")


def test_a_phone_that_wants_longer_sessions_is_asked_again(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 4028 §7.3."""
    alice.invite("1002")
    first = bob.request("INVITE")
    bob.respond(first, 422, "b", "Min-SE: 3600\r\n")
    ack, again = bob.requests()
    assert ack.method == "ACK"
    assert (again.sequence, again.get("Session-Expires"), again.get("Min-SE")) == (2, "3600", "3600")


def test_the_facts_of_a_call_are_published(site: Site, alice: Phone, bob: Phone) -> None:
    seen: list[object] = []
    site.bus.subscribe(CallAnswered, seen.append)
    site.bus.subscribe(CallEnded, seen.append)
    calling, _ = talk(alice, bob)
    site.time.advance(10)
    calling.send("BYE")
    answered, ended = seen
    assert isinstance(answered, CallAnswered)
    assert isinstance(ended, CallEnded)
    assert (ended.cause, ended.duration_s, ended.answered_by) == (Cause.NORMAL, 10.0, "1002")


def test_calls_work_between_all_transports(site: Site) -> None:
    kinds = [("udp", 5060), ("tcp", 5060), ("tls", 5061)]
    for kind, port in kinds:
        bob = site.registered("bob", kind, port)
        alice = site.registered("alice", "wss", 443)
        calling, _ = talk(alice, bob)
        calling.send("BYE")
        bob.respond(bob.request("BYE"), 200)
        alice.inbox.clear()
        assert alice.register(expires=0).status == 200
        assert bob.register(expires=0).status == 200


def test_a_request_for_nothing_we_do_names_what_we_do(alice: Phone) -> None:
    for method, status in (("MESSAGE", 405), ("SUBSCRIBE", 489), ("PUBLISH", 489), ("FROBNICATE", 501)):
        alice.send_request(method, "sip:x@y", f"<{alice.uri}>;tag=1", "<sip:1002@x>", "c", 1)
        response = alice.response()
        assert response.status == status
        assert "INVITE" in response.get("Allow")


def test_a_status_report_of_a_phone_is_taken_note_of(alice: Phone, site: Site) -> None:
    soft = site.registered("alice", "tls", 5090)
    soft.send_request(
        "REFER",
        "sip:cucm1",
        f"<{soft.uri}>;tag=1",
        "<sip:cucm1>",
        "c",
        1,
        "Refer-To: <urn:X-cisco-remotecc:token-registration>\r\n",
    )
    assert soft.response().status == 202
    soft.send_request(
        "REFER", "sip:cucm1", f"<{soft.uri}>;tag=1", "<sip:cucm1>", "c", 2, "Refer-To: <sip:1002@x>\r\n"
    )
    assert soft.response().status == 403


def test_requests_are_plain_sip_on_the_way_out(alice: Phone, bob: Phone) -> None:
    alice.invite("1002")
    invite = bob.request("INVITE")
    assert isinstance(invite, Request)
    assert invite.get("Max-Forwards") == "70"
    assert invite.contacts[0].uri == "sip:1001@127.0.1.1:5060"
    assert invite.via.branch.startswith("z9hG4bK")


def test_an_invite_that_wants_to_replace_a_call_makes_no_call_beside_it(alice: Phone, bob: Phone) -> None:
    """RFC 3891 §3."""
    alice.invite("1002", headers="Replaces: x;to-tag=1;from-tag=2\r\n")
    assert alice.responses()[-1].status == 603
    assert bob.inbox == []


OFFER = "Content-Type: application/sdp\r\n"


def test_a_repeated_answer_to_a_change_gets_its_ack_again(alice: Phone, bob: Phone) -> None:
    calling, _ = talk(alice, bob)
    calling.send("INVITE", f"Contact: {alice.contact}\r\n{OFFER}", sdp("alice", "sendonly"))
    change = bob.request("INVITE")
    bob.respond(change, 100)
    bob.respond(change, 200, body=sdp("bob", "recvonly"))
    bob.respond(change, 200, body=sdp("bob", "recvonly"))
    first, second = bob.requests()
    assert first == second
    assert (first.method, first.sequence) == ("ACK", change.sequence)


@pytest.mark.parametrize("status", [481, 408])
def test_a_change_that_meets_no_dialog_ends_the_call(
    site: Site, alice: Phone, bob: Phone, status: int
) -> None:
    calling, _ = talk(alice, bob)
    calling.send("INVITE", f"Contact: {alice.contact}\r\n{OFFER}", sdp("alice", "sendonly"))
    bob.respond(bob.request("INVITE"), status)
    assert "BYE" in [r.method for r in alice.requests()]
    assert over(site)


def test_a_bye_ends_a_change_that_waits(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 3261 §15.1.2."""
    calling, _ = talk(alice, bob)
    calling.send("INVITE", f"Contact: {alice.contact}\r\n{OFFER}", sdp("alice", "sendonly"))
    alice.inbox.clear()
    calling.send("BYE")
    assert sorted((r.status, r.cseq_method) for r in alice.responses()) == [(200, "BYE"), (487, "INVITE")]
    assert over(site)


def test_a_caller_may_leave_by_bye_before_the_answer(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 3261 §15: a BYE in an early dialog."""
    calling = alice.invite("1002")
    bob.respond(bob.request("INVITE"), 180, "b")
    ringing = alice.responses()[-1]
    calling.remote = ringing.get("To")
    calling.target = ringing.contacts[0].uri
    calling.send("BYE")
    assert sorted((r.status, r.cseq_method) for r in alice.responses()) == [(200, "BYE"), (487, "INVITE")]
    assert bob.request("CANCEL")


def test_within_a_call_unknown_things_are_refused_and_change_nothing(alice: Phone, bob: Phone) -> None:
    calling, _ = talk(alice, bob)
    for method, headers, status in (
        ("INFO", "Require: teleport\r\n", 420),
        ("NOTIFY", "Event: x\r\n", 489),
        ("MESSAGE", "", 405),
        ("INFO", "", 200),
    ):
        calling.send(method, headers)
        assert statuses(alice) == [status]
    assert bob.requests() == []


def test_an_answer_without_a_description_ends_both_sides(site: Site, alice: Phone, bob: Phone) -> None:
    alice.invite("1002")
    bob.accept(bob.request("INVITE"), b"")
    assert [r.method for r in bob.requests()] == ["ACK", "BYE"]
    assert statuses(alice)[-1] == 488


def test_who_hangs_up_before_the_ack_is_waited_for(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 3261 §15: a server must not send BYE before it has the ACK."""
    calling = alice.invite("1002")
    called = bob.accept(bob.request("INVITE"))
    ok = alice.responses()[-1]
    called.send("BYE")
    assert alice.requests() == []
    alice.confirm(calling, ok)
    assert alice.request("BYE")


def test_an_ack_that_owes_an_answer_and_brings_none_is_noticed(site: Site, alice: Phone, bob: Phone) -> None:
    calling = alice.invite("1002", body=b"")
    bob.accept(bob.request("INVITE"))
    alice.confirm(calling, alice.responses()[-1])
    site.time.advance(1)
    assert {"ACK", "BYE"} <= {r.method for r in bob.requests()}


def test_a_change_may_ask_for_an_offer(alice: Phone, bob: Phone) -> None:
    """RFC 3725: an INVITE without a description within the call."""
    calling, _ = talk(alice, bob)
    calling.send("INVITE", f"Contact: {alice.contact}\r\n")
    asked = bob.request("INVITE")
    assert asked.body == b""
    bob.respond(asked, 200, body=sdp("bob"))
    ok = alice.responses()[-1]
    assert ok.body == sdp("bob")
    assert bob.requests() == []
    alice.confirm(calling, ok, sdp("alice"))
    assert bob.request("ACK").body == sdp("alice")


def test_a_proxy_on_the_way_stays_on_the_way(alice: Phone, bob: Phone) -> None:
    calling = alice.invite("1002", headers="Record-Route: <sip:edge.example.test;lr>\r\n")
    called = bob.accept(bob.request("INVITE"))
    ok = alice.responses()[-1]
    assert ok.get("Record-Route") == "<sip:edge.example.test;lr>"
    alice.confirm(calling, ok)
    called.send("BYE")
    assert alice.request("BYE").values("Route") == ["<sip:edge.example.test;lr>"]


@pytest.mark.parametrize(
    "uri", ["tel:1002", "tel:+10-02", "sip:1002;phone-context=x@example.test;user=phone"]
)
def test_a_number_may_be_written_as_tel(site: Site, bob: Phone, uri: str) -> None:
    alice = site.registered("alice", "tls", 5090)
    if "+" in uri:
        site.directory.keep(replace(site.directory.line("1002") or Line("", ""), number="+1002"))
        site.directory.keep(
            replace(site.directory.device("SEPBOB") or Device("", ""), lines=(DeviceLine("+1002"),))
        )
        bob.number = "+1002"
        assert bob.register().status == 200
    alice.send_request(
        "INVITE",
        uri,
        f"<{alice.uri}>;tag=1",
        f"<{uri}>",
        "c",
        1,
        f"Contact: {alice.contact}\r\n{OFFER}",
        sdp("a"),
    )
    assert statuses(alice) == [100]
    assert bob.request("INVITE")


def test_an_address_without_a_number_is_incomplete(site: Site) -> None:
    alice = site.registered("alice", "tls", 5090)
    alice.send_request(
        "INVITE", "sip:example.test", f"<{alice.uri}>;tag=1", "<sip:x>", "c", 1, OFFER, sdp("a")
    )
    assert statuses(alice) == [484]
    alice.send_request("INVITE", "sip:1002@x", "<tel:1001>;tag=1", "<sip:x>", "c", 2, OFFER, sdp("a"))
    assert statuses(alice) == [403]


def test_a_call_that_nobody_picks_up_is_taken_back(site: Site, alice: Phone, bob: Phone) -> None:
    line = site.directory.line("1002")
    assert line is not None
    alice.invite("1002")
    invite = bob.request("INVITE")
    bob.respond(invite, 180, "b")
    site.time.advance(line.no_answer_timeout_s + 1)
    assert bob.requests()[0].method == "CANCEL"
    bob.respond(invite, 487, "b")
    assert statuses(alice)[-1] == 480


def test_a_cancel_after_the_answer_changes_nothing(site: Site, alice: Phone, bob: Phone) -> None:
    """RFC 3261 §9.2."""
    calling = alice.invite("1002")
    bob.accept(bob.request("INVITE"))
    alice.responses()
    cancel_like_invite(alice, calling)
    assert statuses(alice) == [200]
    assert [r.method for r in bob.requests()] == ["ACK"]
    assert len(site.calls.calls) == 1
