"""Acknowledged to the sender, never confirmed by the receiver, and the server is killed: the message is still there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab import RunningLab
from tests.system.peers import SM, XmppPeer

NUMBER = 75


@pytest.fixture
def own_lab(tmp_path: Path, worker_id: str) -> Iterator[RunningLab]:
    """A lab that may be killed."""
    index = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    lab = RunningLab(tmp_path, NUMBER + index)
    lab.start()
    yield lab
    lab.stop()


class Listener(XmppPeer):
    """A managed session that knows all it has read, but confirms nothing by itself."""

    def __init__(self, lab: RunningLab, userid: str) -> None:
        self.heard = b""
        super().__init__(lab, userid, managed=True)
        self.heard = b""

    def more(self, seconds: float) -> bool:
        before = len(self.buffer)
        going = super().more(seconds)
        self.heard += self.buffer[before:]
        return going

    def confirm(self) -> None:
        """Everything read so far; returns when the server has taken note."""
        stanzas = len(re.findall(rb"<(?:message|presence|iq)[ />]", self.heard))
        self.say(b"<a xmlns='%b' h='%d'/>" % (SM, stanzas))
        self.ping()


def stanza_id(message: bytes) -> bytes:
    found = re.findall(rb"<stanza-id [^>]*id='(\d+)'", message)
    return bytes(found[-1])


def read(bob: XmppPeer, body: str) -> bytes:
    return bob.until(rb"%b</body>.*?</message>" % body.encode())


def test_what_was_acknowledged_and_not_confirmed_outlives_a_killed_server(own_lab: RunningLab) -> None:
    with XmppPeer(own_lab, "alice", managed=True) as alice, Listener(own_lab, "bob") as bob:
        alice.present()
        bob.present()
        alice.message("bob", "confirmed at once")
        read(bob, "confirmed at once")
        bob.confirm()
        alice.message("bob", "confirmed late")
        alice.acknowledged(4)  # presence, ping, two messages: the second is in the store by now
        read(bob, "confirmed late")
        bob.confirm()
        for n in range(3):
            alice.message("bob", f"stuck {n}")
        # Bob neither reads nor confirms. The rows are written behind the deletion of the one before.
        alice.acknowledged(7)
        own_lab.kill()
        first = [stanza_id(read(bob, f"stuck {n}")) for n in range(3)]
    own_lab.start()
    with Listener(own_lab, "bob") as bob:
        bob.present()
        assert [stanza_id(read(bob, f"stuck {n}")) for n in range(3)] == first
        assert b"confirmed" not in bob.heard
