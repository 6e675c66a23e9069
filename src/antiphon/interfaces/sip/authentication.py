"""Who is asking? The policy of a port, applied to one request.

Digest ports challenge with the device's list of algorithms in its order, or the port's where no device is known: somebody
who guesses numbers gets the same challenge for all that do not exist. Token ports know one answer only. A proof that
belongs to another kind of port is answered with the mismatch that administrators look for (S3-60).

Source: RFC 3261 §22, RFC 8760, RFC 8898, S3-54, S3-55, S3-60
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from antiphon.interfaces.sip import errors
from antiphon.interfaces.sip.listener import Scheme
from antiphon.interfaces.sip.peer import Caller, Peer
from antiphon.interfaces.sip.ports import Credentials, Directory, Tokens
from antiphon.interfaces.sip.replies import warning
from antiphon.kernel.errors import WIRE, DomainError
from antiphon.model import Device
from antiphon.protocols.sip import auth, digest
from antiphon.protocols.sip.digest import Nonce, Nonces
from antiphon.protocols.sip.message import Request

log = logging.getLogger(__name__)

MISMATCH = "SIP OAuth Registration port Mismatch"
RETRY_AFTER_S = 35
"""S3-60."""
MAX_FAILING = 10_000
_SERVED = frozenset({("SHA-256", "MD5"), ("MD5", "SHA-256"), ("MD5",), ("SHA-256",)})


class Refusal(NamedTuple):
    """The answer for somebody who has not proved who they are, or may not do this."""

    status: int
    headers: str = ""


class Proved(NamedTuple):
    userid: str
    until: float | None
    """Wall seconds; None where the proof has no end of its own."""
    session_id: str = ""
    """The sign-in that the token came from; empty for a password."""


class Authenticator:
    """Judges requests. It remembers which nonces were used and which pairs of user and address have failed lately."""

    def __init__(
        self, directory: Directory, credentials: Credentials, tokens: Tokens, nonces: Nonces
    ) -> None:
        self._directory = directory
        self._credentials = credentials
        self._tokens = tokens
        self._nonces = nonces
        self._failing: dict[tuple[str, str], None] = {}

    def register(self, request: Request, peer: Peer, number: str, now: float) -> Proved | Refusal:
        """A REGISTER for `number`: 401 on digest ports, 407 (or RFC 8898's 401) on token ports."""
        proxy = peer.listener.scheme is Scheme.BEARER and not peer.listener.authz_server
        return self._judge(request, peer, number, now, 407 if proxy else 401)

    def request(self, request: Request, peer: Peer, number: str, now: float) -> Proved | Refusal:
        """Any other request that speaks for `number`: always 407, as calls are passed on."""
        return self._judge(request, peer, number, now, 407)

    def _mismatch(self, peer: Peer, why: str) -> Refusal:
        log.warning(
            errors.PORT_MISMATCH.what,
            extra={
                "code": errors.PORT_MISMATCH.code,
                "peer": str(peer.address),
                "port": peer.listener.port,
                "why": why,
            },
        )
        return Refusal(403, f"Retry-After: {RETRY_AFTER_S}\r\n" + warning(peer.listener, 399, MISMATCH))

    def _judge(self, request: Request, peer: Peer, number: str, now: float, status: int) -> Proved | Refusal:
        bearer = peer.listener.scheme is Scheme.BEARER
        fields = request.fields
        text = fields.get("Authorization") or fields.get("Proxy-Authorization")
        if text is None:
            return self._challenge(peer, number, now, status)
        offered = auth.parse_credentials(text) if "\n" not in text else None
        if offered is None:
            return Refusal(400)
        if offered.scheme == "bearer":
            if not bearer:
                return self._mismatch(peer, "token on a digest port")
            return self._token(offered.token, peer, number, now, status)
        if offered.scheme == "digest":
            if bearer:
                return self._mismatch(peer, "digest on a token port")
            return self._digest(request.method, offered.params, peer, number, now, status, request.uri)
        return self._challenge(peer, number, now, status)

    def _challenge(self, peer: Peer, number: str, now: float, status: int, stale: bool = False) -> Refusal:
        listener = peer.listener
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        if listener.scheme is Scheme.BEARER:
            return Refusal(
                status, f"{name}: {auth.bearer_challenge(listener.realm, listener.authz_server)}\r\n"
            )
        nonce = self._nonces.issue(peer.address.host, now)
        lines = [
            f"{name}: {auth.digest_challenge(listener.realm, nonce, algorithm, stale)}\r\n"
            for algorithm in self._algorithms(peer, number)
        ]
        return Refusal(status, "".join(lines))

    def _algorithms(self, peer: Peer, number: str) -> tuple[str, ...]:
        for device in self._directory.devices_with_line(number):
            if not device.sip_oauth:
                known = device.digest_algorithms
                if known in _SERVED:
                    return known
                # Names that only a newer or a wrong configuration has are left out; the port's list if nothing remains.
                known = tuple([name for name in known if name in digest.ALGORITHMS])
                return known or peer.listener.digest_algorithms
        return peer.listener.digest_algorithms

    def _digest(
        self, method: str, params: dict[str, str], peer: Peer, number: str, now: float, status: int, uri: str
    ) -> Proved | Refusal:
        source = peer.address.host
        realm = peer.listener.realm
        if not digest.complete(params) or params["realm"] != realm:
            return self._challenge(peer, number, now, status)
        algorithm = params.get("algorithm", "MD5").upper()
        worth = self._nonces.judge(params["nonce"], params["nc"], source, now)
        if worth is not Nonce.GOOD:
            # Whoever holds the password is asked again at once (stale); others learn nothing from it.
            return self._challenge(peer, number, now, status, stale=worth is Nonce.STALE)
        username = params["username"]
        if (username, source) in self._failing and (delayed := self._delayed(username, source)) is not None:
            return delayed
        if algorithm not in self._algorithms(peer, number):
            return self._challenge(peer, number, now, status)
        secret = self._credentials.digest_ha1(username, realm, algorithm)
        # An unknown user costs the same work as a known one with a wrong password.
        right = digest.matches(secret or "0" * 32, method, params, algorithm)
        if secret is None or not right or not _same_target(params["uri"], uri):
            return self._failed(username, peer, number, now, status)
        self._nonces.use(params["nonce"], params["nc"], source)
        if self._failing and (username, source) in self._failing:
            del self._failing[username, source]
            self._credentials.sign_in_succeeded(username, source)
        return Proved(username, None)

    def proves_again(self, params: dict[str, str], peer: Peer, number: str, now: float) -> bool:
        """A digest proof of a REGISTER whose parameters were complete before. Changes nothing unless it is right."""
        username, source, algorithm = (
            params["username"],
            peer.address.host,
            params.get("algorithm", "MD5").upper(),
        )
        if self._nonces.judge(params["nonce"], params["nc"], source, now) is not Nonce.GOOD:
            return False
        if self._failing and (username, source) in self._failing:
            return False
        secret = self._credentials.digest_ha1(username, params["realm"], algorithm)
        if secret is None or algorithm not in self._algorithms(peer, number):
            return False
        if not digest.matches(secret, "REGISTER", params, algorithm):
            return False
        self._nonces.use(params["nonce"], params["nc"], source)
        return True

    def principal(self, token: str) -> Proved | None:
        """Whose token this is; None when it proves nothing (any more)."""
        try:
            principal = self._tokens.verify_token(token)
        except DomainError:
            return None
        return Proved(principal.userid, principal.expires_at, principal.session_id)

    def _delayed(self, username: str, source: str) -> Refusal | None:
        try:
            self._credentials.attempt(username, source)
        except DomainError as error:
            return _refused(error)
        return None

    def _failed(self, username: str, peer: Peer, number: str, now: float, status: int) -> Refusal:
        """Only a wrong answer to a challenge counts, never the first request without one."""
        source = peer.address.host
        log.warning(errors.BAD_PROOF.what, extra={"code": errors.BAD_PROOF.code, "peer": str(peer.address)})
        known = (username, source) in self._failing
        if not known:
            if len(self._failing) >= MAX_FAILING:
                del self._failing[next(iter(self._failing))]
            self._failing[username, source] = None
            if (delayed := self._delayed(username, source)) is not None:
                return delayed
        self._credentials.sign_in_failed(username, source)
        return self._challenge(peer, number, now, status)

    def _token(self, token: str, peer: Peer, number: str, now: float, status: int) -> Proved | Refusal:
        try:
            principal = self._tokens.verify_token(token)
        except DomainError as error:
            log.info(
                errors.BAD_PROOF.what,
                extra={"code": errors.BAD_PROOF.code, "peer": str(peer.address), "reason": error.code},
            )
            return self._challenge(peer, number, now, status)
        return Proved(principal.userid, principal.expires_at, principal.session_id)

    def caller(self, proof: Proved, peer: Peer, number: str, name: str) -> Caller | Refusal:
        """May whoever has proved this speak for `number` on this port, and from which device?

        `name` is the device that the request itself names; without one it is the user's device on that line, preferably
        one that signs in as this port asks.
        """
        directory, userid = self._directory, proof.userid
        bearer = peer.listener.scheme is Scheme.BEARER
        device: Device | None = None
        if name:
            named = directory.device(name)
            if (
                named is not None
                and named.owner == userid
                and number in [line.number for line in named.lines]
            ):
                device = named
        else:
            for known in directory.devices_with_line(number):
                if known.owner == userid and (device is None or known.sip_oauth is bearer):
                    device = known
                    if known.sip_oauth is bearer:
                        break
        line = directory.line(number)
        if device is None or line is None or line.owner != userid:
            return self._not_the_owner(peer, userid, number, name)
        if device.sip_oauth is not bearer:
            why = (
                "device with OAuth on a digest port"
                if device.sip_oauth
                else "device without OAuth on a token port"
            )
            return self._mismatch(peer, why)
        return Caller(number, device.name, userid)

    def _not_the_owner(self, peer: Peer, userid: str, number: str, device: str) -> Refusal:
        log.warning(
            errors.NOT_THE_OWNER.what,
            extra={
                "code": errors.NOT_THE_OWNER.code,
                "peer": str(peer.address),
                "userid": userid,
                "number": number,
                "device": device,
            },
        )
        return Refusal(403)


def _same_target(claimed: str, uri: str) -> bool:
    """RFC 7616 §3.4.6: the uri of the proof is the Request-URI; case of scheme and host may differ between copies."""
    return claimed == uri or claimed.lower() == uri.lower()


def _refused(error: DomainError) -> Refusal:
    after = f"Retry-After: {max(1, round(error.retry_after_s))}\r\n" if error.retry_after_s else ""
    return Refusal(WIRE[error.kind].sip, after)
