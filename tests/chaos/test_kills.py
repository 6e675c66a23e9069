"""Random kills and restarts under chat and registration: what was acknowledged is there, and nothing is there twice.

Twice is allowed for one thing: a message whose receiver had not confirmed it, delivered again with the same stanza-id.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time

import pytest
from tests.lab import RunningLab
from tests.system.peers import SM, SipPhone, XmppPeer

FIRST_KILL_S, LAST_KILL_S = 0.5, 6.0
SETTLE_S = 30.0
_MESSAGE = re.compile(rb"<message\b.*?</message>", re.DOTALL)
_BODY = re.compile(rb"<body>(chaos \w+)</body>")
_STANZA_ID = re.compile(rb"<stanza-id\b[^>]*\bid=['\"]([^'\"]+)")
_CONFIRMED = re.compile(rb"<a\b[^>]*\bh=['\"](\d+)")
BROKEN = (OSError, EOFError)


class Actor(threading.Thread):
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.act()
        except BaseException as error:
            self.failure = error

    def act(self) -> None:
        raise NotImplementedError


class Sender(Actor):
    """Writes to one person without an end and keeps what the server has confirmed. A new session after each kill."""

    def __init__(
        self, lab: RunningLab, userid: str, to: str, over: threading.Event, up: threading.Event
    ) -> None:
        super().__init__(name=f"sender {userid}", daemon=True)
        self._lab, self._userid, self._to = lab, userid, to
        self._over, self._up = over, up
        self._count = 0
        self.confirmed: list[str] = []

    def act(self) -> None:
        while not self._over.is_set():
            self._up.wait(1)
            try:
                self._write()
            except BROKEN:
                time.sleep(0.05)

    def _write(self) -> None:
        with XmppPeer(self._lab, self._userid, "sender", managed=True) as peer:
            said: list[str] = []
            confirmed = 0
            while not self._over.is_set():
                batch = [
                    f"chaos {self._userid}x{self._count + number}x{os.urandom(4).hex()}"
                    for number in range(10)
                ]
                self._count += len(batch)
                for body in batch:
                    peer.message(self._to, body, body.replace(" ", ""))
                said += batch
                peer.say(b"<r xmlns='%b'/>" % SM)
                answer = _CONFIRMED.search(peer.until(_CONFIRMED.pattern))
                assert answer is not None
                # Everything up to h is the server's now; the rest is asked about again.
                self.confirmed += said[confirmed : int(answer[1])]
                confirmed = int(answer[1])


class Reader(Actor):
    """Reads all that comes for one person, confirms most of it, leaves and comes back."""

    def __init__(self, lab: RunningLab, userid: str, over: threading.Event, up: threading.Event) -> None:
        super().__init__(name=f"reader {userid}", daemon=True)
        self._lab, self._userid = lab, userid
        self._over, self._up = over, up
        self.seen: dict[str, list[str]] = {}
        """Stanza-ids by body; the empty text where a message had none."""

    def act(self) -> None:
        while not self._over.is_set():
            self._up.wait(1)
            try:
                self._read()
            except BROKEN:
                time.sleep(0.05)

    def _read(self) -> None:
        with XmppPeer(self._lab, self._userid, "reader", managed=True) as peer:
            peer.say(b"<presence/>")
            handled = 0
            leaves = time.monotonic() + random.uniform(1, 8)
            while not self._over.is_set() and time.monotonic() < leaves:
                try:
                    if not peer.more(0.2):
                        return
                except TimeoutError:
                    pass
                handled += self._take(peer)
                if b"<r xmlns" in peer.buffer or random.random() < 0.5:
                    peer.buffer = peer.buffer.replace(b"<r xmlns='%b'/>" % SM, b"")
                    peer.say(b"<a xmlns='%b' h='%d'/>" % (SM, handled))
            if random.random() < 0.5:
                peer.say(b"</stream:stream>")

    def _take(self, peer: XmppPeer) -> int:
        """Stanzas taken out of the buffer. This client is sent presences, messages and nothing else."""
        taken = 0
        for message in _MESSAGE.findall(peer.buffer):
            body, stanza_id = _BODY.search(message), _STANZA_ID.search(message)
            if body is not None:
                self.seen.setdefault(body[1].decode(), []).append(stanza_id[1].decode() if stanza_id else "")
            taken += 1
        rest = _MESSAGE.sub(b"", peer.buffer)
        presences = re.findall(rb"<presence\b[^>]*?/>|<presence\b.*?</presence>", rest, re.DOTALL)
        peer.buffer = re.sub(rb"<presence\b[^>]*?/>|<presence\b.*?</presence>", b"", rest, flags=re.DOTALL)
        return taken + len(presences)


class Phone(Actor):
    """Refreshes its registration; whatever was answered 200 must be known to the next life of the lab."""

    def __init__(self, lab: RunningLab, userid: str, over: threading.Event) -> None:
        super().__init__(name=f"phone {userid}", daemon=True)
        self.phone = SipPhone(lab, userid)
        self._over = over
        self.refreshed = 0

    def act(self) -> None:
        while not self._over.is_set():
            try:
                self.phone.register(1.0)
                self.refreshed += 1
            except OSError:
                pass
            self._over.wait(0.1)


@pytest.mark.timeout(0)
def test_nothing_acknowledged_is_lost_by_kills_at_random(lab: RunningLab, seconds: float) -> None:
    seed = int(os.environ.get("CHAOS_SEED", str(time.time_ns())))
    print(f"CHAOS_SEED={seed}")
    chance = random.Random(seed)
    over, readers_over, up = threading.Event(), threading.Event(), threading.Event()
    pairs = (("alice", "bob"), ("carol", "dave"), ("erin", "frank"))
    senders = [Sender(lab, sender, reader, over, up) for sender, reader in pairs]
    readers = [Reader(lab, reader, readers_over, up) for _, reader in pairs]
    phones = [Phone(lab, userid, over) for userid in ("grace", "heidi")]
    up.set()
    actors: tuple[Actor, ...] = (*senders, *readers, *phones)
    for thread in actors:
        thread.start()
    end, kills = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        time.sleep(chance.uniform(FIRST_KILL_S, LAST_KILL_S))
        up.clear()
        lab.kill()
        lab.start()
        up.set()
        kills += 1
    over.set()
    for thread in (*senders, *phones):
        thread.join(30)
    confirmed = {body for sender in senders for body in sender.confirmed}
    settle(readers, confirmed)
    readers_over.set()
    for reader in readers:
        reader.join(30)
    print(f"kills {kills}, confirmed {len(confirmed)}, refreshed {sum(phone.refreshed for phone in phones)}")
    assert [thread.failure for thread in actors if thread.failure is not None] == []
    seen = {body: ids for reader in readers for body, ids in reader.seen.items()}
    assert sorted(confirmed - seen.keys()) == []
    assert {body: ids for body, ids in seen.items() if len(ids) > 1 and len(set(ids)) > 1} == {}
    assert kills > 0
    assert min(len(sender.confirmed) for sender in senders) > 0
    assert "Traceback" not in lab.log()
    still_rings(lab, phones)


def settle(readers: list[Reader], confirmed: set[str]) -> None:
    """Wait until everything is there, or nothing has come for a while."""
    known, quiet_since = -1, time.monotonic()
    while time.monotonic() - quiet_since < SETTLE_S:
        seen = {body for reader in readers for body in list(reader.seen)}
        if confirmed <= seen:
            return
        if len(seen) != known:
            known, quiet_since = len(seen), time.monotonic()
        time.sleep(0.1)


def still_rings(lab: RunningLab, phones: list[Phone]) -> None:
    lab.kill()
    lab.start()
    caller = SipPhone(lab, "ivan")
    caller.register()
    for each in phones:
        caller.call(each.phone.number)
        assert each.phone.rung().startswith(b"INVITE ")
    for phone in (caller, *(each.phone for each in phones)):
        phone.close()
