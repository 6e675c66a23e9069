"""The presence engine: one presence per user, computed by the server from what sources claim."""

from __future__ import annotations

import itertools
from dataclasses import replace

from antiphon.kernel.bus import Bus
from antiphon.kernel.time import Cancel, Timers
from antiphon.services.presence.claims import OFFLINE, SHOWS, Claim, Composed, compose
from antiphon.services.presence.errors import TOO_MANY_CLAIMS, UNKNOWN_SHOW
from antiphon.services.presence.events import PresenceChanged

MAX_CLAIMS_PER_USER = 64


class PresenceEngine:
    """Holds the claims in memory; they are facts of this moment and made again by their sources after a restart."""

    def __init__(self, timers: Timers, bus: Bus) -> None:
        self._timers = timers
        self._bus = bus
        self._claims: dict[str, dict[str, Claim]] = {}
        self._composed: dict[str, Composed] = {}
        self._expiries: dict[tuple[str, str], Cancel] = {}
        self._order = itertools.count()

    def claim(
        self,
        userid: str,
        source: str,
        show: str = "",
        activity: str = "",
        note: str = "",
        priority: int = 0,
        expires_at: float | None = None,
    ) -> None:
        """Say, or say anew, what `source` knows of the user. `expires_at` is in seconds of `Timers.now`.

        Raises AP-PRS-001, AP-PRS-002.
        """
        if show not in SHOWS:
            raise UNKNOWN_SHOW.error(show)
        claims = self._claims.get(userid, {})
        if source not in claims and len(claims) >= MAX_CLAIMS_PER_USER:
            raise TOO_MANY_CLAIMS.error(userid)
        self._forget_expiry(userid, source)
        known = claims.get(source)
        said = Claim(source, show, activity, note, priority, next(self._order))
        # Saying the same again is not news: the claim keeps its age, so that it does not overtake its equals.
        if known is None or replace(known, order=said.order) != said:
            self._claims.setdefault(userid, claims)[source] = said
        if expires_at is not None:
            self._expiries[userid, source] = self._timers.at(
                expires_at, lambda: self.withdraw(userid, source)
            )
        self._recompose(userid)

    def withdraw(self, userid: str, source: str) -> None:
        """The source has nothing to say any more. Withdrawing what was never claimed does nothing."""
        claims = self._claims.get(userid)
        if claims is None or claims.pop(source, None) is None:
            return
        self._forget_expiry(userid, source)
        if not claims:
            del self._claims[userid]
        self._recompose(userid)

    def withdraw_all(self, userid: str) -> None:
        """The user is gone from the system."""
        for source in tuple(self._claims.get(userid, ())):
            self._forget_expiry(userid, source)
        if self._claims.pop(userid, None) is not None:
            self._recompose(userid)

    def composed(self, userid: str) -> Composed:
        return self._composed.get(userid, OFFLINE)

    def claims(self, userid: str) -> tuple[Claim, ...]:
        """What was said, for whoever asks why (diagnostics)."""
        return tuple(self._claims.get(userid, {}).values())

    def _recompose(self, userid: str) -> None:
        now = compose(tuple(self._claims.get(userid, {}).values()))
        before = self._composed.get(userid, OFFLINE)
        if now == before:
            return
        if now == OFFLINE:
            self._composed.pop(userid, None)
        else:
            self._composed[userid] = now
        self._bus.publish(PresenceChanged(userid, now.availability, now.activity, now.note, now.source))

    def _forget_expiry(self, userid: str, source: str) -> None:
        if (expiry := self._expiries.pop((userid, source), None)) is not None:
            expiry.cancel()
