"""One-time passwords that a client gets over SOAP and spends in XMPP (`CISCO-VTG-TOKEN`)."""

from __future__ import annotations

import hmac
from collections import OrderedDict

from antiphon.kernel.random import Random

VALID_S = 300.0
_CAPACITY = 50_000


class OneTimePasswords:
    """One at a time for each user; the latest counts."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._valid: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def make(self, userid: str, now: float) -> str:
        password = self._random.token(24)
        self._valid[userid] = (password, now + VALID_S)
        self._valid.move_to_end(userid)
        if len(self._valid) > _CAPACITY:
            self._valid.popitem(last=False)
        return password

    def spend(self, userid: str, password: str, now: float) -> bool:
        found = self._valid.get(userid)
        if found is None or found[1] <= now or not hmac.compare_digest(found[0].encode(), password.encode()):
            return False
        del self._valid[userid]
        return True

    def drop(self, userid: str) -> None:
        self._valid.pop(userid, None)
