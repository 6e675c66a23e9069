"""Answering a server's challenge: Bearer with the sign-in's token, Digest with a password.

Source: RFC 3261 §22, RFC 7616, RFC 8760, RFC 8898; Cisco's Bearer form S3-54, S3-55.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from antiphon.kernel.random import Random
from antiphon.protocols.sip import digest
from antiphon.protocols.sip.auth import parse_credentials
from antiphon.protocols.sip.message import Request, Response

Token = Callable[[], Awaitable[str]]

_FIELDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


class Authenticator:
    """What one account can prove, and what its server has asked for so far.

    The answer to a challenge goes with every later request, so that the challenge comes once and not each time.
    """

    def __init__(
        self, random: Random, username: str = "", password: str | None = None, token: Token | None = None
    ) -> None:
        self._random = random
        self._username = username
        self._password = password
        self._token = token
        self._bearer = ""
        """The header field that a Bearer challenge asked for."""
        self._digest: tuple[str, dict[str, str], str] | None = None
        """Header field, challenge parameters, algorithm."""
        self._count = 0

    async def sign(self, request: Request) -> None:
        """Add what the server is known to ask for."""
        if self._bearer and self._token is not None:
            token = await self._token()
            cisco = self._bearer == "Proxy-Authorization"
            request.fields[self._bearer] = f'Bearer token="{token}"' if cisco else f"Bearer {token}"
        elif self._digest is not None and self._password is not None:
            field, challenge, algorithm = self._digest
            request.fields[field] = self._answer(request, challenge, algorithm, self._password)

    def learn(self, response: Response, sent: Request) -> bool:
        """Take in a 401 or 407. False where it cannot be answered, or was answered already and refused."""
        challenge_field, field = _FIELDS[response.status]
        challenges = response.values(challenge_field)
        if self._token is not None and any(_scheme(text) == "bearer" for text in challenges):
            self._bearer = field
            return field not in sent.fields
        if self._password is None:
            return False
        offered = [c for c in map(parse_credentials, challenges) if c is not None and c.scheme == "digest"]
        for algorithm in reversed(digest.ALGORITHMS):
            for challenge in offered:
                named = challenge.params.get("algorithm", "MD5").upper()
                if named == algorithm and {"realm", "nonce"} <= challenge.params.keys():
                    stale = challenge.params.get("stale", "").lower() == "true"
                    self._digest, self._count = (field, challenge.params, algorithm), 0
                    return stale or field not in sent.fields
        return False

    def _answer(self, request: Request, challenge: dict[str, str], algorithm: str, password: str) -> str:
        self._count += 1
        ha1 = digest.ha1(self._username, challenge["realm"], password, algorithm)
        values = {
            "username": self._username,
            "realm": challenge["realm"],
            "nonce": challenge["nonce"],
            "uri": request.uri,
            "qop": "auth",
            "nc": f"{self._count:08x}",
            "cnonce": self._random.token(12),
        }
        values["response"] = digest.response(ha1, request.method, values, algorithm)
        quoted = ", ".join(
            f"{name}={value}" if name in ("qop", "nc") else f'{name}="{value}"'
            for name, value in values.items()
        )
        opaque = f', opaque="{challenge["opaque"]}"' if "opaque" in challenge else ""
        return f"Digest {quoted}, algorithm={algorithm}{opaque}"


def _scheme(text: str) -> str:
    return text.strip().partition(" ")[0].lower()
