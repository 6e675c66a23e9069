"""Who is on a connection: what the SASL mechanisms claim is checked with identity here."""

from __future__ import annotations

import logging

from antiphon.interfaces.xmpp.counters import Counters
from antiphon.interfaces.xmpp.errors import SIGN_IN_REFUSED
from antiphon.interfaces.xmpp.ports import Identity
from antiphon.kernel.errors import DomainError, Kind
from antiphon.model.principal import Principal
from antiphon.protocols.scram import HashName, ScramKeys
from antiphon.protocols.xmpp.negotiation_events import Denied, LoginDone, Verified
from antiphon.protocols.xmpp.scram import ScramRefused

log = logging.getLogger(__name__)


class SignIn:
    """One connection's. `principal` is who has signed in, None before."""

    __slots__ = ("_counters", "_identity", "principal", "source")

    def __init__(self, identity: Identity, counters: Counters, source: str) -> None:
        """`source` is the peer's address."""
        self._identity = identity
        self._counters = counters
        self.source = source
        self.principal: Principal | None = None

    def keys(self, username: str, hash_name: HashName) -> ScramKeys:
        """Raises `ScramRefused` where too many have guessed."""
        try:
            self._identity.attempt(username, self.source)
            return self._identity.scram_keys(username, hash_name)
        except DomainError:
            raise ScramRefused("temporary-auth-failure") from None

    async def verify_secret(self, username: str, secret: str) -> Verified | Denied:
        try:
            principal = await self._identity.verify_secret(username, secret, self.source)
        except DomainError as error:
            return _denied(error)
        except Exception:
            log.exception("secret not verified", extra={"code": SIGN_IN_REFUSED.code, "peer": self.source})
            return Denied("temporary-auth-failure")
        return self._admit(principal.userid, principal)

    def verify_token(self, token: str) -> Verified | Denied:
        try:
            principal = self._identity.verify_token(token)
        except DomainError as error:
            return _denied(error)
        return self._admit(principal.userid, principal)

    def proved(self, username: str) -> Verified | Denied:
        """SCRAM's proof is right."""
        return self._admit(username, None)

    def _admit(self, username: str, principal: Principal | None) -> Verified | Denied:
        """Whoever it is, may that user come in?"""
        user = self._identity.account(username)
        if user is None or not user.enabled:
            return Denied()
        if not user.im_enabled:
            return Denied("account-disabled")
        self.principal = principal or Principal(user.userid, "scram", admin=user.admin)
        return Verified(user.userid)

    def done(self, login: LoginDone) -> bool:
        """One attempt is over; whether it succeeded."""
        self._counters.logins[(login.mechanism, login.condition or "success")] += 1
        if not login.condition:
            if login.mechanism.startswith("SCRAM"):
                self._identity.sign_in_succeeded(login.username, self.source)
            return True
        self.principal = None
        if login.guess and login.username:
            self._identity.sign_in_failed(login.username, self.source)
        about = {"peer": self.source, "mechanism": login.mechanism, "condition": login.condition}
        log.info("sign-in refused", extra={"code": SIGN_IN_REFUSED.code, **about})
        return False


def _denied(error: DomainError) -> Denied:
    return Denied("temporary-auth-failure" if error.kind is Kind.UNAVAILABLE else "not-authorized")
