"""Sign-ins and their refresh tokens: each is used once, and a second use ends the sign-in. Source: RFC 9700 §4.14.2.

A refresh token is `session.generation.mac`. The mac proves that it was ours without any row for spent ones, so that a
stranger's guess ends nobody's sign-in while every spent token does.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from typing import Any

from antiphon.services.identity import store
from antiphon.services.identity.errors import BAD_GRANT
from antiphon.services.identity.store import IdentityStore

_MAX_TOKEN_LENGTH = 256


@dataclass(slots=True)
class Session:
    """One sign-in of one user with one client: a family of refresh tokens."""

    session_id: str
    userid: str
    client_id: str
    scope: str
    method: str
    created_at: float
    expires_at: float
    """Wall seconds; refreshing does not move it."""
    generation: int = 0
    rotated_at: float = 0.0


class Reused(Exception):
    """A spent refresh token came back: it or its successor is in the wrong hands."""

    def __init__(self, session: Session) -> None:
        self.session = session
        super().__init__(session.session_id)


class Sessions:
    """`load` before use. Another node's sign-ins are read from the store when their token comes here."""

    def __init__(self, sessions: IdentityStore, key: bytes) -> None:
        self._store = sessions
        self._key = key
        self._by_id: dict[str, Session] = {}
        self._by_user: dict[str, set[str]] = {}

    async def load(self, now: float) -> None:
        self._by_id, self._by_user = {}, {}
        for row in await self._store.rows(store.sessions):
            if row["expires_at"] > now:
                self._keep(Session(**row))

    def of(self, userid: str) -> tuple[Session, ...]:
        return tuple(self._by_id[session_id] for session_id in self._by_user.get(userid, ()))

    def all(self) -> tuple[Session, ...]:
        return tuple(self._by_id.values())

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id)

    async def start(self, session: Session) -> None:
        await self._store.put(store.sessions, **_row(session))
        self._keep(session)

    def refresh_token(self, session: Session) -> str:
        return self._token(session.session_id, session.generation)

    async def session_of(self, token: str) -> Session | None:
        """The sign-in that an authentic refresh token, spent or not, belongs to."""
        parsed = self._parse(token)
        return None if parsed is None else await self._find(parsed[0])

    async def rotate(self, token: str, client_id: str, now: float, leeway_s: float) -> Session:
        """Spend a refresh token. Raises AP-ID-023, or `Reused` for one that is spent already."""
        parsed = self._parse(token)
        if parsed is None:
            raise BAD_GRANT.error()
        session_id, generation = parsed
        session = await self._find(session_id)
        if session is not None and generation > session.generation:
            session = await self._read(session_id)  # another node has rotated meanwhile
        if session is None or session.client_id != client_id or session.expires_at <= now:
            raise BAD_GRANT.error()
        if generation == session.generation - 1 and now - session.rotated_at < leeway_s:
            return session
        if generation != session.generation:
            raise Reused(session)
        # Moved on before the first await, so that of two requests at once only one gets through.
        session.generation += 1
        previous, session.rotated_at = session.rotated_at, now
        try:
            done = await self._store.rotate_session(session_id, generation)
        except BaseException:
            session.generation, session.rotated_at = generation, previous
            raise
        if not done:
            raise Reused(session)
        return session

    def drop(self, session_id: str) -> Session | None:
        session = self._by_id.pop(session_id, None)
        if session is not None:
            siblings = self._by_user[session.userid]
            siblings.discard(session_id)
            if not siblings:
                del self._by_user[session.userid]
        return session

    def prune(self, now: float) -> None:
        for session in self.all():
            if session.expires_at <= now:
                self.drop(session.session_id)

    def _keep(self, session: Session) -> None:
        self._by_id[session.session_id] = session
        self._by_user.setdefault(session.userid, set()).add(session.session_id)

    async def _find(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id) or await self._read(session_id)

    async def _read(self, session_id: str) -> Session | None:
        row = await self._store.session(session_id)
        if row is None:
            self.drop(session_id)
            return None
        session = Session(**row)
        self._keep(session)
        return session

    def _token(self, session_id: str, generation: int) -> str:
        mac = hmac.digest(self._key, f"{session_id}.{generation}".encode(), "sha256")
        return f"{session_id}.{generation}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def _parse(self, token: str) -> tuple[str, int] | None:
        if len(token) > _MAX_TOKEN_LENGTH or not token.isascii():
            return None
        session_id, _, rest = token.partition(".")
        number = rest.partition(".")[0]
        if not number.isdecimal() or len(number) > 9:
            return None
        generation = int(number)
        if not hmac.compare_digest(token, self._token(session_id, generation)):
            return None
        return session_id, generation


def _row(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "userid": session.userid,
        "client_id": session.client_id,
        "scope": session.scope,
        "method": session.method,
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "generation": session.generation,
    }
