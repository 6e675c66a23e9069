"""Authorization codes and device codes: in memory, short-lived, used once. Source: RFC 6749 §4.1, RFC 8628 §3."""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import dataclass

from antiphon.kernel.random import Random
from antiphon.services.identity.errors import BAD_GRANT, DENIED, EXPIRED, PENDING, SLOW_DOWN

CODE_VALID_S = 60.0
DEVICE_VALID_S = 600.0
DEVICE_INTERVAL_S = 5.0
_CAPACITY = 20_000
# No vowels and nothing that is mistaken for something else (RFC 8628 §6.1).
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_USER_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid request at the authorization endpoint."""

    client_id: str
    client_name: str
    redirect_uri: str
    scope: str
    state: str
    response_type: str
    code_challenge: str = ""


@dataclass(slots=True)
class _Code:
    request: AuthorizationRequest
    userid: str
    until: float
    session_id: str = ""
    """Of the sign-in it was exchanged for; a code that comes back ends that one (RFC 6749 §4.1.2)."""


class Replayed(Exception):
    """A code came a second time."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(session_id)


class Codes:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._codes: OrderedDict[str, _Code] = OrderedDict()

    def make(self, request: AuthorizationRequest, userid: str, now: float) -> str:
        code = self._random.token(32)
        self._codes[code] = _Code(request, userid, now + CODE_VALID_S)
        if len(self._codes) > _CAPACITY:
            self._codes.popitem(last=False)
        return code

    def spend(self, code: str, session_id: str, now: float) -> tuple[AuthorizationRequest, str]:
        """The request and the userid. Raises AP-ID-023, or `Replayed`."""
        found = self._codes.get(code)
        if found is None or found.until <= now:
            raise BAD_GRANT.error()
        if found.session_id:
            raise Replayed(found.session_id)
        found.session_id = session_id
        return found.request, found.userid

    def prune(self, now: float) -> None:
        for code in [code for code, found in self._codes.items() if found.until <= now]:
            del self._codes[code]


class DeviceState(enum.Enum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(slots=True)
class DeviceGrant:
    device_code: str
    user_code: str
    """Eight letters, without the hyphen that is shown."""
    client_id: str
    client_name: str
    scope: str
    until: float
    interval_s: float = DEVICE_INTERVAL_S
    asked_at: float = -1e9
    state: DeviceState = DeviceState.PENDING
    userid: str = ""


class DeviceGrants:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._by_device: OrderedDict[str, DeviceGrant] = OrderedDict()
        self._by_user: dict[str, DeviceGrant] = {}

    def start(self, client_id: str, client_name: str, scope: str, now: float) -> DeviceGrant:
        user_code = self._new_user_code()
        grant = DeviceGrant(
            self._random.token(32), user_code, client_id, client_name, scope, now + DEVICE_VALID_S
        )
        self._by_device[grant.device_code] = grant
        self._by_user[user_code] = grant
        if len(self._by_device) > _CAPACITY:
            self._remove(next(iter(self._by_device.values())))
        return grant

    def find(self, typed: str, now: float) -> DeviceGrant | None:
        """By what a person typed: lower case, with or without hyphens and spaces. Only one still to be decided."""
        if len(typed) > 64:
            return None
        grant = self._by_user.get("".join(letter for letter in typed.upper() if letter.isalpha()))
        if grant is None or grant.until <= now or grant.state is not DeviceState.PENDING:
            return None
        return grant

    def decide(self, grant: DeviceGrant, userid: str, approved: bool) -> None:
        grant.userid = userid
        grant.state = DeviceState.APPROVED if approved else DeviceState.DENIED

    def poll(self, device_code: str, client_id: str, now: float) -> DeviceGrant:
        """The approved grant, once. Raises AP-ID-023, 027 (pending), 028 (too early), 029 (refused), 030 (expired)."""
        grant = self._by_device.get(device_code)
        if grant is None or grant.client_id != client_id:
            raise BAD_GRANT.error()
        if grant.until <= now:
            self._remove(grant)
            raise EXPIRED.error()
        early = now - grant.asked_at < grant.interval_s
        grant.asked_at = now
        if grant.state is DeviceState.PENDING:
            if early:
                grant.interval_s += 5.0
                raise SLOW_DOWN.error()
            raise PENDING.error()
        self._remove(grant)
        if grant.state is DeviceState.DENIED:
            raise DENIED.error()
        return grant

    def prune(self, now: float) -> None:
        # A minute longer than valid, so that the device hears "expired" and not "unknown".
        for grant in [grant for grant in self._by_device.values() if grant.until + 60 <= now]:
            self._remove(grant)

    def _remove(self, grant: DeviceGrant) -> None:
        self._by_device.pop(grant.device_code, None)
        if self._by_user.get(grant.user_code) is grant:
            del self._by_user[grant.user_code]

    def _new_user_code(self) -> str:
        while True:
            code = ""
            while len(code) < _USER_CODE_LENGTH:
                # 240 is the largest multiple of 20 in a byte: above it letters would not be equally likely.
                code += "".join(_ALPHABET[byte % 20] for byte in self._random.raw(16) if byte < 240)
            code = code[-_USER_CODE_LENGTH:]
            if code not in self._by_user:
                return code
