"""SIPp registers by digest and by token, and completes calls through the server in both directions."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.lab import RunningLab

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="SIPp is not installed (package sip-tester)"),
]
SCENARIOS = Path(__file__).parent / "sipp"


class Phone:
    """SIPp at one address and port, being one user's digest device."""

    def __init__(self, lab: RunningLab, userid: str, host: str, directory: Path) -> None:
        self.lab = lab
        self.user = lab.user(userid)
        self.directory = directory
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            self.host, self.port = probe.getsockname()

    def command(self, scenario: str, transport: str = "u1", at: str = "", **keys: str) -> list[str]:
        words = ["sipp", at or f"{self.lab.call_address}:5060", "-sf", str(SCENARIOS / scenario)]
        words += ["-i", self.host, "-p", str(self.port), "-t", transport, "-m", "1", "-l", "1", "-nostdin"]
        words += [
            "-timeout",
            "20s",
            "-timeout_error",
            "-mp",
            str(40000 + self.port % 10000 * 2),
            "-trace_err",
        ]
        words += ["-au", self.user["userid"], "-ap", self.user["password"]]
        # SIPp would prove knowledge of the password for another URI than it asks for.
        callee = keys.get("callee")
        words += ["-auth_uri", f"{callee}@example.test" if callee else "example.test"]
        known = {"domain": "example.test", "line": self.user["line"]}
        for key, value in {**known, **keys}.items():
            words += ["-key", key, value]
        return words

    def run(self, scenario: str, **options: str) -> None:
        result = subprocess.run(
            self.command(scenario, **options),
            cwd=self.directory, capture_output=True, text=True, timeout=40, check=False,
        )  # fmt: skip
        assert result.returncode == 0, self.said(result.stdout + result.stderr)

    def said(self, output: str) -> str:
        errors = "".join(path.read_text(errors="replace") for path in self.directory.glob("*_errors.log"))
        return f"{output[-3000:]}\n{errors}\n{self.lab.log()[-3000:]}"

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Takes one call in the background; leaving the block waits until that call is over."""
        process = subprocess.Popen(
            self.command("answer.xml"),
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield
            output, _ = process.communicate(timeout=30)
            assert process.returncode == 0, self.said(output)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def phones(lab: RunningLab, tmp_path: Path) -> tuple[Phone, Phone]:
    for name in ("bob", "carol"):
        (tmp_path / name).mkdir()
    return Phone(lab, "bob", "127.0.0.1", tmp_path / "bob"), Phone(
        lab, "carol", "127.0.0.1", tmp_path / "carol"
    )


def test_sipp_registers_by_digest_and_calls_complete_in_both_directions(phones: tuple[Phone, Phone]) -> None:
    bob, carol = phones
    bob.run("register.xml")
    carol.run("register.xml")
    with bob.answering():
        carol.run("call.xml", callee="1002")
    with carol.answering():
        bob.run("call.xml", callee="1003")


def test_sipp_registers_with_a_token_as_the_s3_excerpt_does(lab: RunningLab, tmp_path: Path) -> None:
    phone = Phone(lab, "alice", "127.0.0.1", tmp_path)
    token = access_token(lab, "alice")
    with tls_tunnel(lab, 5090) as port:
        phone.run(
            "register-bearer.xml", transport="t1", at=f"127.0.0.1:{port}", token=token, device="CSFALICE"
        )


@contextmanager
def tls_tunnel(lab: RunningLab, port: int) -> Iterator[int]:
    """Debian's SIPp is built without TLS: it speaks to a local port, from where one TLS connection goes on."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            plain, _ = listener.accept()
            raw = socket.create_connection((lab.call_address, port), timeout=10)
            with plain, lab.tls().wrap_socket(raw, server_hostname="cucm1.example.test") as secure:
                back = threading.Thread(target=carry, args=(secure, plain))
                back.start()
                carry(plain, secure)
                back.join()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def access_token(lab: RunningLab, userid: str) -> str:
    user = lab.user(userid)
    form = {
        "grant_type": "password",
        "client_id": "antiphon-cli",
        "username": userid,
        "password": user["password"],
    }
    context = lab.tls()
    context.check_hostname = False  # the node is asked by address
    with urllib.request.urlopen(
        f"https://{lab.call_address}:8443/ssosp/oauth/token",
        data=urllib.parse.urlencode(form).encode(),
        context=context,
        timeout=10,
    ) as answer:
        return str(json.load(answer)["access_token"])
