"""Session timers: a call whose parties have vanished ends by itself.

Source: RFC 4028
"""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.protocols.sip.grammar import LWS, Malformed, number, parameters
from antiphon.protocols.sip.message import Message, Request, Response

MIN_SE_S = 90
"""§5: no Min-SE may be lower."""
DEFAULT_S = 1800
"""§4: the recommended interval."""


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """The header's value."""

    interval_s: int
    refresher: str = ""
    """`uac`, `uas` or empty."""

    def __str__(self) -> str:
        return f"{self.interval_s};refresher={self.refresher}" if self.refresher else str(self.interval_s)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the two sides agreed on."""

    interval_s: int
    ours: bool
    """Does this side send the refreshes?"""

    @property
    def next_s(self) -> float:
        """Seconds after a refresh until this side acts: sends the next one, or gives the session up (§10)."""
        if self.ours:
            return self.interval_s / 2
        return self.interval_s - min(32.0, self.interval_s / 3)


class TooSmall(ValueError):
    """The interval asked for is below our minimum: answer 422 with Min-SE."""


def session_expires(message: Message) -> SessionExpires | None:
    """The parsed header; None when absent or unreadable."""
    text, semicolon, params = message.get("Session-Expires").partition(";")
    if not text:
        return None
    try:
        return SessionExpires(number(text.strip(LWS)), parameters(semicolon + params).get("refresher") or "")
    except Malformed:
        return None


def answer(request: Request, minimum_s: int = MIN_SE_S) -> tuple[SessionExpires | None, Agreement | None]:
    """What a server puts into its 2xx, and what holds from then on.

    Raises `TooSmall` for a client that knows timers and asks for less than `minimum_s`. A client that does not know them
    (no `timer` in Supported) gets no header; the server then refreshes for both (table 2).
    """
    asked = session_expires(request)
    supported = "timer" in request.tokens("Supported") or "timer" in request.tokens("Require")
    if not supported:
        return None, Agreement(max(asked.interval_s if asked else DEFAULT_S, minimum_s), ours=True)
    if asked is None:
        return SessionExpires(DEFAULT_S, "uac"), Agreement(DEFAULT_S, ours=False)
    if asked.interval_s < minimum_s:
        raise TooSmall
    refresher = asked.refresher if asked.refresher in ("uac", "uas") else "uac"
    return SessionExpires(asked.interval_s, refresher), Agreement(asked.interval_s, ours=refresher == "uas")


def outcome(response: Response, asked_s: int) -> Agreement:
    """What a client has to do after a 2xx to its request with Session-Expires (§7.2).

    A server that does not answer the header does not know timers: the client refreshes.
    """
    answered = session_expires(response)
    if answered is None:
        return Agreement(asked_s, ours=True)
    return Agreement(max(answered.interval_s, MIN_SE_S), ours=answered.refresher != "uas")


def larger_minimum(response: Response) -> int | None:
    """The Min-SE of a 422: the interval to try again with."""
    text = response.get("Min-SE").partition(";")[0].strip(LWS)
    try:
        return number(text, 86_400) if text else None
    except Malformed:
        return None
