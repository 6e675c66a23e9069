"""SIGKILL loses nothing that was acknowledged; Ctrl-C ends in order."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
import uuid
from contextlib import closing

from tests.lab import RunningLab, eventually
from tests.system.peers import Api, SipPhone, XmppPeer

BODY = "a message nobody else may read"


def received(peer: XmppPeer, last: str, seconds: float = 10.0) -> bytes:
    """All that was waiting for somebody, who knows what comes last."""
    peer.say(b"<presence/>")
    before = peer.until(last.encode(), seconds)
    id_ = uuid.uuid4().hex.encode()
    peer.say(b"<iq type='get' id='%b' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>" % id_)
    return before + peer.until(rb"<iq[^>]*%b[^>]*/>" % id_, seconds)


def stored(lab: RunningLab) -> set[str]:
    """Lines with a binding in the store: a new binding is answered and, a moment later, written."""
    with closing(sqlite3.connect(f"file:{lab.directory / 'antiphon.db'}?mode=ro", uri=True)) as database:
        return {row[0] for row in database.execute("SELECT aor FROM registrar_bindings")}


def test_an_acknowledged_message_to_somebody_away_survives_sigkill(lab: RunningLab) -> None:
    ids = [uuid.uuid4().hex for _ in range(50)]
    alice = XmppPeer(lab, "alice", "sender", managed=True)
    for id_ in ids:
        alice.message("bob", f"{BODY} {id_}", id_)
    alice.acknowledged(len(ids))
    lab.kill()
    alice.close()
    lab.start()
    with XmppPeer(lab, "bob", "reader") as bob:
        text = received(bob, ids[-1]).decode()
        assert [id_ for id_ in ids if text.count(f"{BODY} {id_}<") != 1] == []
        # The order is kept, and each says when it was sent.
        assert sorted(ids, key=text.index) == ids
        assert text.count("urn:xmpp:delay") == len(ids)
    with XmppPeer(lab, "bob", "later") as bob:
        alice = XmppPeer(lab, "alice", "sender")
        alice.message("bob", "the end")
        assert BODY not in received(bob, "the end<").decode()
        alice.close()


def test_a_message_that_was_delivered_and_not_confirmed_comes_again(lab: RunningLab) -> None:
    id_ = uuid.uuid4().hex
    bob = XmppPeer(lab, "bob", "phone", managed=True)
    bob.present()
    alice = XmppPeer(lab, "alice", "sender", managed=True)
    alice.message("bob", f"{BODY} {id_}", id_)
    alice.acknowledged(1)
    bob.until(b"%b</body>.*?</message>" % id_.encode())
    lab.kill()
    for each in (alice, bob):
        each.close()
    lab.start()
    with XmppPeer(lab, "bob", "reader") as bob:
        assert received(bob, f"{id_}<").decode().count(f"{BODY} {id_}<") == 1


def test_directory_changes_survive_sigkill(lab: RunningLab) -> None:
    admin = Api(lab, "alice")
    admin.json("POST", "/api/v1/users", {"userid": "judy", "last_name": "Late"}, 201)
    admin.json("PATCH", "/api/v1/users/dave", {"department": "Crash tests"})
    lab.kill()
    lab.start()
    assert admin.json("GET", "/api/v1/users/judy")["last_name"] == "Late"
    assert admin.json("GET", "/api/v1/users/dave")["department"] == "Crash tests"
    admin.json("DELETE", "/api/v1/users/judy", expected=204)
    lab.kill()
    lab.start()
    assert admin.ask("GET", "/api/v1/users/judy")[0] == 404


def test_refresh_tokens_survive_sigkill_and_one_that_was_used_stays_used(lab: RunningLab) -> None:
    dave = Api(lab, "dave")
    used = dave.tokens["refresh_token"]
    dave.renew()
    lab.kill()
    lab.start()
    assert dave.json("GET", "/api/v1/identity/token")["userid"] == "dave"
    dave.renew()
    body = f"grant_type=refresh_token&client_id=antiphon-cli&refresh_token={used}"
    status, answer = dave.ask(
        "POST", "/ssosp/oauth/token", body, {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (status, json.loads(answer)["error"]) == (400, "invalid_grant")


def test_a_call_reaches_a_phone_that_has_not_registered_again_since_sigkill(lab: RunningLab) -> None:
    callee, caller = SipPhone(lab, "erin"), SipPhone(lab, "frank")
    callee.register()
    caller.register()
    eventually(lambda: stored(lab) >= {callee.number, caller.number})
    lab.kill()
    lab.start()
    caller.call(callee.number)
    assert callee.rung().startswith(b"INVITE sip:")
    # And the refresh goes on where it was.
    callee.register()
    caller.close()
    callee.close()


def test_ctrl_c_stops_in_order_within_five_seconds_with_clients_connected(lab: RunningLab) -> None:
    alice, bob = XmppPeer(lab, "alice", "open"), XmppPeer(lab, "bob", "open", managed=True)
    phone = SipPhone(lab, "erin")
    phone.register()
    for each in (alice, bob):
        each.present()
    lines = lab.log().count("\n")
    begun = time.monotonic()
    code = lab.end(signal.SIGINT)
    assert time.monotonic() - begun < 5
    assert code == 0
    for each in (alice, bob):
        assert b"<system-shutdown" in each.rest(1)
        each.close()
    said = lab.log().splitlines()[lines:]
    assert not any("Traceback" in line for line in said)
    assert not any(json.loads(line)["level"] in ("error", "critical") for line in said)
    lab.start()
    phone.close()
