"""What an administrator does to a running deployment, and what those who are connected notice of it."""

from __future__ import annotations

import json
import socket
import ssl
import time
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

from tests.lab import RunningLab
from tests.system.innocents import Innocents
from tests.system.peers import DOMAIN, Api, Connection, XmppPeer, tls

CALL_NODE, IM_NODE = "cucm1.example.test", "imp1.example.test"
LIMIT_S = 5.0


class OAuthPhone(Connection):
    """A softphone that registers with a token over TLS on 5090 (S3-49 … S3-59)."""

    def __init__(self, lab: RunningLab, userid: str, token: str) -> None:
        super().__init__(tls(lab, lab.call_address, 5090, CALL_NODE, ("sip",)).sock)
        user = lab.user(userid)
        self.number, self.device, self.token = user["line"], user["device"], token
        self.call_id = uuid.uuid4().hex
        self.cseq = 0

    def register(self) -> str:
        self.cseq += 1
        address = f"<sip:{self.number}@{DOMAIN}>"
        self.say(
            (
                f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5;branch=z9hG4bK{uuid.uuid4().hex}\r\n"
                f"From: {address};tag=f\r\nTo: {address}\r\nCall-ID: {self.call_id}\r\nCSeq: {self.cseq} REGISTER\r\n"
                f'Contact: <sip:{self.number}@127.0.0.1:5;transport=tls>;+u.sip!devicename.ccm.cisco.com="{self.device}"\r\n'
                f'Proxy-Authorization: Bearer token="{self.token}"\r\nExpires: 3600\r\nMax-Forwards: 70\r\n'
                "Content-Length: 0\r\n\r\n"
            ).encode()
        )
        return self.until(b"\r\n\r\n").split(b"\r\n")[0].decode()


def within(condition: Callable[[], bool], seconds: float = LIMIT_S) -> float:
    """How long it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def closed(connection: Connection) -> Callable[[], bool]:
    def ended() -> bool:
        try:
            while connection.more(0.02):
                pass
        except TimeoutError:
            return False
        return True

    return ended


def test_disabling_a_user_closes_sip_xmpp_and_http_within_five_seconds(lab: RunningLab, state: Path) -> None:
    admin, grace = Api(lab, "alice"), Api(lab, "grace")
    phone = OAuthPhone(lab, "grace", grace.token)
    assert phone.register() == "SIP/2.0 200 OK"
    chat = XmppPeer(lab, "grace", "desk", managed=True)
    chat.present()
    registered = lab.metric("antiphon_sip_registrations")
    with Innocents(lab):
        done = lab.cli(
            "user",
            "disable",
            "grace",
            "--server",
            f"https://{CALL_NODE}:8443",
            "--token",
            admin.token,
            state=state,
        )
        assert done.returncode == 0, done.stderr
        begun = time.monotonic()
        within(closed(phone))
        within(closed(chat))
        within(lambda: grace.ask("GET", "/api/v1/identity/token")[0] == 401)
        assert time.monotonic() - begun < LIMIT_S
        assert b"not-authorized" in chat.buffer
    within(lambda: lab.metric("antiphon_sip_registrations") == registered - 1)
    refused = grace.ask(
        "POST",
        "/ssosp/oauth/token",
        f"grant_type=refresh_token&client_id=antiphon-cli&refresh_token={grace.tokens['refresh_token']}",
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert refused[0] == 400
    for each in (phone, chat):
        each.close()
    admin.json("PATCH", "/api/v1/users/grace", {"enabled": True})
    assert Api(lab, "grace").json("GET", "/api/v1/identity/token")["userid"] == "grace"


def presented(lab: RunningLab, host: str, port: int, name: str) -> bytes:
    with tls(lab, host, port, name) as connection:
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


def ask_over(connection: Connection) -> bytes:
    connection.say(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection.until(b"\r\n\r\n.+")


def test_a_renewed_certificate_is_seen_by_new_connections_and_breaks_no_old_one(lab: RunningLab) -> None:
    admin = Api(lab, "alice")
    ports = {
        "https": (lab.call_address, 8443, CALL_NODE),
        "files": (lab.call_address, 6972, CALL_NODE),
        "sip tls": (lab.call_address, 5061, CALL_NODE),
        "sip oauth": (lab.call_address, 5090, CALL_NODE),
        "websocket": (lab.call_address, 5443, CALL_NODE),
        "xmpp": (lab.im_address, 5223, DOMAIN),
    }
    before = {name: presented(lab, *where) for name, where in ports.items()}
    phone = OAuthPhone(lab, "frank", Api(lab, "frank").token)
    assert phone.register() == "SIP/2.0 200 OK"
    chat = XmppPeer(lab, "frank", "desk")
    web = tls(lab, lab.call_address, 8443, CALL_NODE)
    assert b" 200 " in ask_over(web)
    with Innocents(lab):
        admin.json("POST", f"/api/v1/trust/certificates/{CALL_NODE}/tomcat/renew", {})
        admin.json("POST", f"/api/v1/trust/certificates/{IM_NODE}/cup-xmpp/renew", {})
        after = {name: presented(lab, *where) for name, where in ports.items()}
        assert [name for name in ports if before[name] == after[name]] == []
        assert phone.register() == "SIP/2.0 200 OK"
        chat.ping()
        assert b" 200 " in ask_over(web)
    for each in (phone, chat, web):
        each.close()


def kid(token: str) -> str:
    head = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


def test_signing_keys_rotate_without_a_restart_and_old_tokens_stay_good(lab: RunningLab) -> None:
    admin, frank = Api(lab, "alice"), Api(lab, "frank")
    pid, old = lab.pid, frank.token
    with Innocents(lab):
        admin.json("POST", "/api/v1/identity/keys", {}, 201)
        assert frank.json("GET", "/api/v1/identity/token")["userid"] == "frank"
        phone = OAuthPhone(lab, "frank", old)
        assert phone.register() == "SIP/2.0 200 OK"
        frank.renew()
        assert kid(frank.token) != kid(old)
        assert phone.register() == "SIP/2.0 200 OK"
        phone.token = frank.token
        assert phone.register() == "SIP/2.0 200 OK"
        kids = {key["kid"] for key in frank.json("GET", "/ssosp/oauth/keys")["keys"]}
    assert {kid(old), kid(frank.token)} <= kids
    assert lab.pid == pid
    phone.close()


# --- the commands that run a lab -----------------------------------------------------------------------------------------


def test_a_second_lab_up_says_that_one_runs(lab: RunningLab, state: Path) -> None:
    done = lab.cli("lab", "up", "--dir", str(lab.directory), state=state)
    assert done.returncode != 0
    assert_one_line(done.stderr, "AP-LAB-")
    assert str(lab.pid) in done.stderr


def test_status_says_ready_for_every_node(lab: RunningLab, state: Path) -> None:
    done = lab.cli("lab", "status", "--dir", str(lab.directory), "--json", state=state)
    assert done.returncode == 0, done.stderr
    assert [node["state"] for node in json.loads(done.stdout)["nodes"]] == ["ready", "ready"]


def test_reset_refuses_while_the_lab_runs(lab: RunningLab, state: Path) -> None:
    done = lab.cli("lab", "reset", "--dir", str(lab.directory), state=state)
    assert done.returncode != 0
    assert_one_line(done.stderr, "AP-LAB-")
    assert Api(lab, "dave").token


def test_commands_for_a_lab_that_does_not_run_say_so(lab: RunningLab, state: Path, tmp_path: Path) -> None:
    for command in ("status", "down", "env"):
        done = lab.cli("lab", command, "--dir", str(tmp_path), state=state)
        assert done.returncode != 0
        assert_one_line(done.stderr, "AP-LAB-")


def test_a_broken_topology_is_one_line_that_names_the_place(
    lab: RunningLab, state: Path, tmp_path: Path
) -> None:
    for text in ("domain = [", 'domain = "x y"', 'domian = "example.test"', ""):
        given = tmp_path / "broken.toml"
        given.write_text(text)
        done = lab.cli("lab", "up", "--dir", str(tmp_path / "lab"), "--topology", str(given), state=state)
        assert done.returncode != 0
        assert_one_line(done.stderr, "AP-LAB-001")
    done = lab.cli(
        "lab", "up", "--dir", str(tmp_path), "--topology", str(tmp_path / "none.toml"), state=state
    )
    assert done.returncode != 0
    assert_one_line(done.stderr, "AP-LAB-001")


def test_a_port_in_use_is_one_line_that_names_it(lab: RunningLab, state: Path, tmp_path: Path) -> None:
    other = RunningLab(tmp_path, 80 + (lab.pid % 40))
    with socket.socket() as taken:
        taken.bind((other.im_address, 5222))
        taken.listen()
        done = lab.cli("lab", "up", "--dir", str(tmp_path), "--topology", str(other.topology), state=state)
    assert done.returncode != 0
    assert_one_line(done.stderr, "AP-IO-010")
    assert f"{other.im_address}:5222" in done.stderr
    # Nothing of the attempt runs on.
    assert lab.cli("lab", "status", "--dir", str(tmp_path), state=state).returncode != 0


def assert_one_line(said: str, code: str) -> None:
    """The fault with its code, and what to do about it; never a traceback."""
    assert code in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) <= 3, said
