"""Who somebody is: passwords, tokens and sign-ins of one deployment.

Questions are answered from memory; what must survive is in the store before the caller hears that it is done.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from antiphon.kernel.bus import Bus, EventsMissed
from antiphon.kernel.database import Database
from antiphon.kernel.errors import DomainError
from antiphon.kernel.random import Random
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Cancel, Timers
from antiphon.model import Principal, User
from antiphon.protocols.oauth.tokens import Claims, sign
from antiphon.protocols.scram import HashName, ScramKeys
from antiphon.services.identity import store
from antiphon.services.identity.browser import Browsers
from antiphon.services.identity.config import IdentitySettings
from antiphon.services.identity.credentials import REALM, Credentials
from antiphon.services.identity.errors import BAD_CREDENTIALS, BAD_GRANT, BAD_PASSWORD, UNKNOWN_USER
from antiphon.services.identity.events import (
    CredentialsChanged,
    SettingsChanged,
    SignedIn,
    SignInFailed,
    SigningKeysRotated,
)
from antiphon.services.identity.grants import Codes, DeviceGrants
from antiphon.services.identity.keys import KeyRing
from antiphon.services.identity.limiter import Limiter
from antiphon.services.identity.onetime import OneTimePasswords
from antiphon.services.identity.ports import PasswordHash, Users
from antiphon.services.identity.revocation import LONGEST_TOKEN_S, Revocation
from antiphon.services.identity.sealing import Sealing
from antiphon.services.identity.sessions import Reused, Session, Sessions
from antiphon.services.identity.store import IdentityStore
from antiphon.services.identity.verification import Verification

log = logging.getLogger(__name__)

PRUNE_EVERY_S = 600.0
_MAX_NAME_LENGTH = 320
MAX_SESSIONS = 200
"""Of one user; a further sign-in ends the oldest."""


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What a client gets."""

    access_token: str
    expires_in: int
    """Seconds."""
    refresh_token: str
    """Empty when the grant gives none."""
    refresh_token_expires_in: int
    scope: str
    session_id: str
    userid: str


class Identity:
    """`await start()` before anything else; `stop()` at the end.

    `secret` seals what is kept (see `sealing.py`); `issuer` is the OAuth issuer, e.g. `https://cucm1.example.test:8443`;
    `audience` is what tokens are good for: the services domain, because SIP, XMPP and HTTP accept the same token.
    """

    def __init__(
        self,
        *,
        database: Database,
        users: Users,
        hashing: PasswordHash,
        timers: Timers,
        random: Random,
        bus: Bus,
        tasks: Tasks,
        secret: bytes,
        issuer: str,
        audience: str,
        settings: IdentitySettings | None = None,
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self._settings = settings or IdentitySettings()
        self._users = users
        self._timers = timers
        self._random = random
        self._bus = bus
        self._tasks = tasks
        sealing = Sealing(secret, random)
        self._store = IdentityStore(database)
        self._credentials = Credentials(self._store, sealing, hashing, random)
        self.keys = KeyRing(self._store, sealing)
        self._sessions = Sessions(self._store, sealing.subkey("refresh tokens"))
        self._verification = Verification(self.keys, users.user, timers.wall, issuer, audience)
        self.limiter = Limiter()
        self.browsers = Browsers(random, sealing.subkey("forms"))
        self.codes = Codes(random)
        self.devices = DeviceGrants(random)
        self._onetime = OneTimePasswords(random)
        self._revocation = Revocation(
            identity_store=self._store,
            sessions=self._sessions,
            verification=self._verification,
            credentials=self._credentials,
            browsers=self.browsers,
            onetime=self._onetime,
            clock=timers,
            bus=bus,
            tasks=tasks,
        )
        self._pruning: Cancel | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        # A bound method of the inner part: the hot path pays for one call, not two.
        self.verify_token: Callable[[str], Principal] = self._verification.verify

    async def start(self) -> None:
        """Read the store. Raises AP-ID-008 when it was sealed with another secret."""
        await self._load()
        self._unsubscribe = [
            *self._revocation.listen(),
            self._bus.subscribe(SigningKeysRotated, lambda _: self._again(self._load_keys())),
            self._bus.subscribe(SettingsChanged, lambda _: self._again(self._load_settings())),
            self._bus.subscribe(
                CredentialsChanged, lambda event: self._again(self._credentials.reload(event.userid))
            ),
            self._bus.subscribe(EventsMissed, lambda _: self._again(self._load())),
        ]
        self._pruning = self._timers.at(self._timers.now() + PRUNE_EVERY_S, self._prune_due)

    def stop(self) -> None:
        if self._pruning is not None:
            self._pruning.cancel()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []

    # --- who is it -------------------------------------------------------------------------------------------------

    def account(self, name: str) -> User | None:
        """By what a person types: the userid, the mail address, or userid@domain."""
        name = name.strip().lower()
        if not name or len(name) > _MAX_NAME_LENGTH:
            return None
        user = self._users.user(name)
        if user is None and "@" in name:
            local, _, domain = name.rpartition("@")
            user = self._users.user_by_mail(name) or (
                self._users.user(local) if domain == self.audience else None
            )
        return user

    async def verify_password(self, userid: str, password: str, source: str = "") -> Principal:
        """`source` is the peer's address, for the limit on guesses. Raises AP-ID-001, AP-ID-002, AP-ID-003.

        An unknown user, a disabled one and a wrong password get the same answer after the same time.
        """
        user = self.account(userid)
        name = user.userid if user is not None else userid.strip().lower()[:_MAX_NAME_LENGTH]
        self.limiter.attempt(name, source, self._timers.now())
        try:
            matched = await self._credentials.matches(name, password, self._timers.now())
        except DomainError:
            self.limiter.withdraw(name, source)
            raise
        if not matched or user is None or not user.enabled:
            self.sign_in_failed(name, source)
            raise BAD_CREDENTIALS.error()
        self.limiter.succeeded(name, source)
        return Principal(userid=user.userid, method="password", admin=user.admin)

    async def verify_secret(self, userid: str, secret: str, source: str = "") -> Principal:
        """For wires with one field for a secret (SASL PLAIN, SOAP login): an access token, a one-time password, a password.

        Source: wire format of the IM and Presence sign-in; RFC 4616.
        """
        user = self.account(userid)
        if user is not None and user.enabled and self._onetime.spend(user.userid, secret, self._timers.now()):
            return Principal(userid=user.userid, method="password", admin=user.admin)
        if secret.count(".") == 2:
            try:
                principal = self.verify_token(secret)
            except DomainError:
                pass  # a password may look like a token
            else:
                if user is None or principal.userid != user.userid:
                    raise BAD_CREDENTIALS.error()
                return principal
        return await self.verify_password(userid, secret, source)

    def one_time_password(self, userid: str) -> str:
        """Valid for five minutes and one use, by `verify_secret`."""
        return self._onetime.make(userid, self._timers.now())

    def scram_keys(self, userid: str, hash_name: HashName) -> ScramKeys:
        """For an unknown or disabled user: keys that no proof fits, under a salt that stays the same."""
        user = self.account(userid)
        usable = user is not None and user.enabled
        return self._credentials.scram_keys(user.userid if user else userid, hash_name, usable)

    def digest_ha1(self, userid: str, realm: str = REALM, algorithm: str = "MD5") -> str | None:
        """H(A1) in hex; None for an unknown or disabled user, another realm or algorithm. `userid` as in the directory."""
        user = self._users.user(userid)
        return self._credentials.ha1(userid, realm, algorithm) if user is not None and user.enabled else None

    def attempt(self, userid: str, source: str) -> None:
        """For doors that check a proof themselves (SCRAM, digest): before it. Raises AP-ID-002."""
        self.limiter.attempt(userid, source, self._timers.now())

    def sign_in_succeeded(self, userid: str, source: str) -> None:
        self.limiter.succeeded(userid, source)

    def sign_in_failed(self, userid: str, source: str) -> None:
        log.warning("sign-in failed", extra={"code": "AP-ID-001", "userid": userid, "peer": source})
        self._bus.publish(SignInFailed(userid, source))

    # --- passwords -------------------------------------------------------------------------------------------------

    def has_password(self, userid: str) -> bool:
        return self._credentials.knows(userid)

    async def set_password(self, userid: str, password: str) -> None:
        """A changed password ends every sign-in that was made with the old one. Raises AP-ID-005, AP-ID-006, AP-ID-003."""
        if self._users.user(userid) is None:
            raise UNKNOWN_USER.error(userid)
        if len(password) < self._settings.min_password_length:
            raise BAD_PASSWORD.error(f"at least {self._settings.min_password_length} characters")
        changed = self._credentials.knows(userid)
        await self._credentials.put(userid, password, self._timers.wall())
        self._bus.publish(CredentialsChanged(userid))
        if changed:
            await self.revoke(userid=userid)

    # --- tokens ----------------------------------------------------------------------------------------------------

    async def issue(
        self,
        userid: str,
        client_id: str,
        scope: str,
        method: str = "password",
        *,
        refresh: bool = True,
        session_id: str = "",
    ) -> TokenSet:
        """Begin a sign-in. Raises AP-ID-023 for a user who is gone or disabled."""
        user = self._users.user(userid)
        if user is None or not user.enabled:
            raise BAD_GRANT.error()
        now = self._timers.wall()
        lifetime_s = self._settings.refresh_token_s if refresh else self._settings.access_token_s
        session = Session(
            session_id or self.new_session_id(), userid, client_id, scope, method, now, now + lifetime_s
        )
        await self._sessions.start(session)
        for oldest in self.sessions(userid)[:-MAX_SESSIONS]:
            await self.revoke(session_id=oldest.session_id)
        log.info("signed in", extra={"userid": userid, "client_id": client_id, "session": session.session_id})
        self._bus.publish(SignedIn(userid, client_id, session.session_id, method))
        return self._tokens(session, refresh=refresh)

    async def refresh(self, refresh_token: str, client_id: str) -> TokenSet:
        """The next tokens of a sign-in. Raises AP-ID-023; a spent token also ends the sign-in it belongs to."""
        leeway_s = self._settings.refresh_reuse_leeway_s
        try:
            session = await self._sessions.rotate(refresh_token, client_id, self._timers.wall(), leeway_s)
        except Reused as reused:
            log.warning(
                "refresh token used twice, sign-in ended",
                extra={
                    "code": "AP-ID-031",
                    "userid": reused.session.userid,
                    "session": reused.session.session_id,
                },
            )
            await self.revoke(session_id=reused.session.session_id)
            raise BAD_GRANT.error("refresh token used twice") from None
        user = self._users.user(session.userid)
        if user is None or not user.enabled:
            raise BAD_GRANT.error()
        return self._tokens(session)

    def new_session_id(self) -> str:
        return self._random.token(9)

    def _tokens(self, session: Session, *, refresh: bool = True) -> TokenSet:
        now = self._timers.wall()
        lifetime_s = min(self._settings.access_token_s, max(1, int(session.expires_at - now)))
        claims = Claims(
            issuer=self.issuer,
            subject=session.userid,
            audience=self.audience,
            issued_at=int(now),
            expires_at=int(now) + lifetime_s,
            token_id=self._random.token(9),
            session_id=session.session_id,
            client_id=session.client_id,
            scope=session.scope,
        )
        return TokenSet(
            access_token=sign(claims, self.keys.signing),
            expires_in=lifetime_s,
            refresh_token=self._sessions.refresh_token(session) if refresh else "",
            refresh_token_expires_in=int(session.expires_at - now) if refresh else 0,
            scope=session.scope,
            session_id=session.session_id,
            userid=session.userid,
        )

    def sessions(self, userid: str = "") -> tuple[Session, ...]:
        """The sign-ins of a user, or all; oldest first."""
        found = self._sessions.of(userid) if userid else self._sessions.all()
        return tuple(sorted(found, key=lambda session: session.created_at))

    # --- revocation ------------------------------------------------------------------------------------------------

    async def revoke(self, *, userid: str = "", session_id: str = "", client_id: str = "") -> int:
        """End one sign-in, or all of a user (of one client, if given); how many. Effective before it returns."""
        return await self._revocation.revoke(userid, session_id, client_id)

    async def revoke_token(self, token: str, client_id: str) -> None:
        """RFC 7009: a refresh token ends its sign-in, an access token itself. An unknown one is no error."""
        await self._revocation.revoke_token(token, client_id)

    # --- keys and settings -----------------------------------------------------------------------------------------

    async def rotate_keys(self, *, at_once: bool = False) -> None:
        """Sign with a new key from now on. `at_once`: the old key is compromised; what it signed is refused now."""
        now = self._timers.wall()
        await self.keys.rotate(now, now - 1 if at_once else now + LONGEST_TOKEN_S)
        self._verification.forget_all()
        log.info("signing key rotated", extra={"at_once": at_once})
        self._bus.publish(SigningKeysRotated())

    @property
    def settings(self) -> IdentitySettings:
        return self._settings

    async def change_settings(self, **values: Any) -> IdentitySettings:
        """Effective at once and kept. Raises AP-ID-007."""
        changed = self._settings.changed(values)
        await self._store.put_all(
            *((store.settings, {"name": name, "value": json.dumps(value)}) for name, value in values.items())
        )
        self._settings = changed
        self._bus.publish(SettingsChanged())
        return changed

    # --- what the store says, at the start and when another node has changed it ------------------------------------

    async def _load(self) -> None:
        await self._load_settings()
        await self._credentials.load()
        await self._sessions.load(self._timers.wall())
        await self._revocation.load()
        await self._load_keys()

    async def _load_settings(self) -> None:
        kept = {row["name"]: json.loads(row["value"]) for row in await self._store.rows(store.settings)}
        self._settings = self._settings.changed(kept)

    async def _load_keys(self) -> None:
        await self.keys.load(self._timers.wall())
        # What was verified with a key that is gone is not remembered any longer.
        self._verification.forget_all()

    def _again(self, loading: Coroutine[Any, Any, None]) -> None:
        self._tasks.spawn(loading, "identity: read the store again")

    # --- housekeeping ----------------------------------------------------------------------------------------------

    def _prune_due(self) -> None:
        self._pruning = self._timers.at(self._timers.now() + PRUNE_EVERY_S, self._prune_due)
        now = self._timers.wall()
        self._sessions.prune(now)
        self._verification.prune(now)
        self.browsers.prune(now)
        self.codes.prune(now)
        self.devices.prune(now)
        self._tasks.spawn(self._store.prune(now), "identity: prune")
