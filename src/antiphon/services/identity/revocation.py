"""Ending sign-ins: on request, with the user, and when another node says so."""

from __future__ import annotations

from collections.abc import Callable

from antiphon.kernel.bus import Bus
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Clock
from antiphon.services.directory.events import UserChanged, UserRemoved
from antiphon.services.identity import store
from antiphon.services.identity.browser import Browsers
from antiphon.services.identity.config import RANGES
from antiphon.services.identity.credentials import Credentials
from antiphon.services.identity.events import SessionRevoked, SessionsRevoked
from antiphon.services.identity.onetime import OneTimePasswords
from antiphon.services.identity.sessions import Sessions
from antiphon.services.identity.store import IdentityStore
from antiphon.services.identity.verification import Verification

# Whatever the setting was when a token was issued, it has expired after the longest lifetime there can be.
LONGEST_TOKEN_S = RANGES["access_token_minutes"][1] * 60.0


class Revocation:
    """What is revoked is refused in memory first, then in the store, then the others hear of it."""

    def __init__(
        self,
        *,
        identity_store: IdentityStore,
        sessions: Sessions,
        verification: Verification,
        credentials: Credentials,
        browsers: Browsers,
        onetime: OneTimePasswords,
        clock: Clock,
        bus: Bus,
        tasks: Tasks,
    ) -> None:
        self._store = identity_store
        self._sessions = sessions
        self._verification = verification
        self._credentials = credentials
        self._browsers = browsers
        self._onetime = onetime
        self._clock = clock
        self._bus = bus
        self._tasks = tasks

    async def load(self) -> None:
        for row in await self._store.rows(store.revocations):
            self._verification.deny(row["kind"], row["value"], row["until"], "")

    def listen(self) -> list[Callable[[], None]]:
        bus = self._bus
        return [
            bus.subscribe(UserChanged, self._user_changed),
            bus.subscribe(UserRemoved, self._user_removed),
            bus.subscribe(SessionsRevoked, lambda event: self._cut_off(event.userid, event.session_ids)),
            bus.subscribe(SessionRevoked, lambda event: self._drop(event.session_id, event.userid)),
        ]

    async def revoke(self, userid: str, session_id: str, client_id: str) -> int:
        if session_id:
            return await self._revoke_one(session_id)
        if client_id:
            chosen = [s.session_id for s in self._sessions.of(userid) if s.client_id == client_id]
            return sum([await self._revoke_one(each) for each in chosen])
        return await self._revoke_all(userid)

    async def revoke_token(self, token: str, client_id: str) -> None:
        session = await self._sessions.session_of(token)
        if session is not None:
            if session.client_id == client_id:
                await self._revoke_one(session.session_id)
            return
        claims = self._verification.claims(token)
        if claims is not None and claims.client_id == client_id:
            until = float(claims.expires_at)
            self._verification.deny("jti", claims.token_id, until, claims.subject)
            await self._store.put(store.revocations, kind="jti", value=claims.token_id, until=until)

    async def _revoke_all(self, userid: str) -> int:
        self._cut_off(userid, ())
        found = await self._store.end_sessions(userid, (), self._until())
        self._bus.publish(SessionsRevoked(userid, found))
        return len(found)

    async def _revoke_one(self, session_id: str) -> int:
        session = self._sessions.get(session_id)
        userid = session.userid if session is not None else ""
        self._drop(session_id, userid)
        found = await self._store.end_sessions(userid, (session_id,), self._until())
        if session is not None:
            self._bus.publish(SessionRevoked(userid, session_id))
        return len(found)

    def _cut_off(self, userid: str, session_ids: tuple[str, ...]) -> None:
        """The part that takes effect at once, in memory."""
        for session_id in {*session_ids, *(session.session_id for session in self._sessions.of(userid))}:
            self._drop(session_id, userid)
        self._verification.forget_user(userid)
        self._browsers.sign_out_user(userid)
        self._onetime.drop(userid)

    def _drop(self, session_id: str, userid: str) -> None:
        self._sessions.drop(session_id)
        self._verification.deny("sid", session_id, self._until(), userid)

    def _until(self) -> float:
        return self._clock.wall() + LONGEST_TOKEN_S

    def _user_changed(self, event: UserChanged) -> None:
        self._verification.forget_user(event.userid)
        if not event.enabled:
            self._cut_off(event.userid, ())
            self._tasks.spawn(self._end(event.userid, forget=False), "identity: end sign-ins")

    def _user_removed(self, event: UserRemoved) -> None:
        self._cut_off(event.userid, ())
        self._tasks.spawn(self._end(event.userid, forget=True), "identity: forget user")

    async def _end(self, userid: str, *, forget: bool) -> None:
        if forget:
            await self._credentials.remove(userid)
        await self._revoke_all(userid)
