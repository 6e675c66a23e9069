"""People who have nothing to do with an attack and must not notice it."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from tests.lab import RunningLab
from tests.system.peers import SipPhone, XmppPeer

PATIENCE_S = 5.0
"""Longer than this and a person would notice; two cores are shared with whatever else runs."""


class Innocents:
    """Two people chat and a phone refreshes its registration, over and over, until the attack is over.

    Leaving the block fails where anything went wrong for them, or where they got nothing done.
    """

    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab
        self._over = threading.Event()
        self._failures: list[str] = []
        self.rounds = 0
        self.slowest_s = 0.0
        self._thread = threading.Thread(target=self._live, name="innocents", daemon=True)
        self._begun = threading.Event()
        self._progress = threading.Condition()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(20), self._failures
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # One round at least begins after the worst of the attack has been said.
        self.live_on(2)
        self._over.set()
        self._thread.join(20)
        assert not self._failures, self._failures

    def live_on(self, rounds: int = 1) -> None:
        """Wait until they have got so much more done."""
        enough = self.rounds + rounds
        end = time.monotonic() + rounds * PATIENCE_S
        with self._progress:
            while self.rounds < enough and self._thread.is_alive():
                assert self._progress.wait(end - time.monotonic()), "the innocent do not get anything done"

    def _live(self) -> None:
        try:
            self._talk()
        except Exception as error:
            self._failures.append(f"after {self.rounds} rounds: {type(error).__name__}: {error}")
        finally:
            self._begun.set()
            with self._progress:
                self._progress.notify_all()

    def _talk(self) -> None:
        heidi, ivan = XmppPeer(self._lab, "heidi", "innocent"), XmppPeer(self._lab, "ivan", "innocent")
        phone = SipPhone(self._lab, "heidi")
        try:
            heidi.present()
            ivan.present()
            phone.register(PATIENCE_S)
            self._begun.set()
            while not self._over.is_set():
                begun = time.monotonic()
                heidi.message(ivan.jid, f"question {self.rounds}")
                ivan.until(b"question %d<" % self.rounds, PATIENCE_S)
                ivan.message(heidi.jid, f"answer {self.rounds}")
                heidi.until(b"answer %d<" % self.rounds, PATIENCE_S)
                phone.register(PATIENCE_S)
                self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
                with self._progress:
                    self.rounds += 1
                    self._progress.notify_all()
                self._over.wait(0.05)
        finally:
            for each in (heidi, ivan, phone):
                each.close()
