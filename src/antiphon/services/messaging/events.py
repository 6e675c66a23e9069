"""Facts of messaging."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.kernel.bus import Event


@dataclass(frozen=True, slots=True)
class SessionBound(Event):
    """A resource has signed in. `jid` is the full JID."""

    userid: str
    jid: str


@dataclass(frozen=True, slots=True)
class SessionUnbound(Event):
    userid: str
    jid: str


@dataclass(frozen=True, slots=True)
class MessageStored(Event):
    """A message waits for a user who is not there. Told when it was accepted; the row may still be on its way."""

    userid: str
    sender: str
    """Bare JID."""
