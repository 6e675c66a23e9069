"""Verifying access tokens: once with the signature, then from memory until they expire or are revoked."""

from __future__ import annotations

from collections.abc import Callable

from antiphon.model import Principal, User
from antiphon.protocols.oauth.clients import ADMIN_SCOPE
from antiphon.protocols.oauth.tokens import Claims, TokenRefused, verify
from antiphon.services.identity.errors import BAD_TOKEN
from antiphon.services.identity.keys import KeyRing


class Verification:
    """The cache is keyed by the token itself: a dict's own hash costs a sixth of SHA-256 and compares it whole."""

    def __init__(
        self,
        keys: KeyRing,
        user: Callable[[str], User | None],
        wall: Callable[[], float],
        issuer: str,
        audience: str,
        capacity: int = 65_536,
    ) -> None:
        self._keys = keys
        self._user = user
        self._wall = wall
        self._issuer = issuer
        self._audience = audience
        self._capacity = capacity
        self._cache: dict[str, tuple[float, Principal]] = {}
        self._tokens_of: dict[str, set[str]] = {}
        self._denied: dict[str, float] = {}

    def verify(self, token: str) -> Principal:
        """Raises AP-ID-004, whatever is wrong with the token; the log line of the door says no more than that."""
        found = self._cache.get(token)
        now = self._wall()
        if found is not None and found[0] > now:
            return found[1]
        if found is not None:
            self._forget(token)
        try:
            claims = verify(token, self._keys.verifying, self._issuer, self._audience, now)
        except TokenRefused as error:
            raise BAD_TOKEN.error(str(error)) from None
        if f"sid:{claims.session_id}" in self._denied or f"jti:{claims.token_id}" in self._denied:
            raise BAD_TOKEN.error("revoked")
        user = self._user(claims.subject)
        if user is None or not user.enabled:
            raise BAD_TOKEN.error("the user is gone or disabled")
        principal = _principal(claims, user)
        self._remember(token, claims, principal)
        return principal

    def claims(self, token: str) -> Claims | None:
        """What a token of ours says, expired or not; None for any other text. For revocation (RFC 7009)."""
        try:
            return verify(token, self._keys.verifying, self._issuer, self._audience, 0.0)
        except TokenRefused:
            return None

    def deny(self, kind: str, value: str, until: float, userid: str) -> None:
        """Refuse the tokens of a sign-in (`sid`) or one token (`jti`). `until`: when the last of them expires anyhow."""
        self._denied[f"{kind}:{value}"] = until
        for token in tuple(self._tokens_of.get(userid, ())):
            principal = self._cache[token][1]
            if value in (principal.session_id, principal.token_id):
                self._forget(token)

    def forget_user(self, userid: str) -> None:
        """Look at the user anew with the next token: enabled, administrator."""
        for token in tuple(self._tokens_of.get(userid, ())):
            self._forget(token)

    def forget_all(self) -> None:
        self._cache.clear()
        self._tokens_of.clear()

    def prune(self, now: float) -> None:
        self._denied = {name: until for name, until in self._denied.items() if until > now}
        for token in [token for token, (expires_at, _) in self._cache.items() if expires_at <= now]:
            self._forget(token)

    def _remember(self, token: str, claims: Claims, principal: Principal) -> None:
        if len(self._cache) >= self._capacity:
            self._forget(next(iter(self._cache)))
        self._cache[token] = (claims.expires_at, principal)
        self._tokens_of.setdefault(principal.userid, set()).add(token)

    def _forget(self, token: str) -> None:
        _, principal = self._cache.pop(token)
        tokens = self._tokens_of[principal.userid]
        tokens.discard(token)
        if not tokens:
            del self._tokens_of[principal.userid]


def _principal(claims: Claims, user: User) -> Principal:
    scopes = frozenset(claims.scope.split())
    return Principal(
        userid=user.userid,
        method="token",
        scopes=scopes,
        client_id=claims.client_id,
        expires_at=float(claims.expires_at),
        token_id=claims.token_id,
        session_id=claims.session_id,
        admin=user.admin and ADMIN_SCOPE in scopes,
    )
