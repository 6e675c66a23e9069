"""Browsers that have signed in, and the tokens that tie a form to the browser it was shown in.

In memory: after a restart a browser signs in again; the clients' refresh tokens are not touched by it.
"""

from __future__ import annotations

import base64
import hmac
from collections import OrderedDict

from antiphon.kernel.random import Random

_CAPACITY = 100_000


class Browsers:
    def __init__(self, random: Random, form_key: bytes) -> None:
        self._random = random
        self._form_key = form_key
        self._signed_in: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def sign_in(self, userid: str, until: float) -> str:
        """The value of the session cookie."""
        value = self._random.token(32)
        self._signed_in[value] = (userid, until)
        if len(self._signed_in) > _CAPACITY:
            self._signed_in.popitem(last=False)
        return value

    def userid(self, cookie: str, now: float) -> str | None:
        found = self._signed_in.get(cookie)
        if found is None or found[1] <= now:
            self._signed_in.pop(cookie, None)
            return None
        return found[0]

    def sign_out(self, cookie: str) -> None:
        self._signed_in.pop(cookie, None)

    def sign_out_user(self, userid: str) -> None:
        for cookie in [cookie for cookie, (owner, _) in self._signed_in.items() if owner == userid]:
            del self._signed_in[cookie]

    def prune(self, now: float) -> None:
        for cookie in [cookie for cookie, (_, until) in self._signed_in.items() if until <= now]:
            del self._signed_in[cookie]

    def new_form_cookie(self) -> str:
        return self._random.token(16)

    def form_token(self, cookie: str) -> str:
        """What the hidden field of a form must say when it comes back with this form cookie (signed double submit)."""
        mac = hmac.digest(self._form_key, cookie.encode(), "sha256")
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    def form_matches(self, cookie: str, token: str) -> bool:
        return bool(cookie) and hmac.compare_digest(self.form_token(cookie).encode(), token.encode())
