"""What is in memory of one user: sessions, roster, block list. Decisions are made from this, synchronously."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from antiphon.protocols.xmpp.element import attribute_value
from antiphon.protocols.xmpp.jid import Jid
from antiphon.services.messaging.ports import ConfirmingSession, Session
from antiphon.services.messaging.roster import Roster
from antiphon.services.messaging.subscription import FROM

if TYPE_CHECKING:
    from antiphon.services.messaging.live import InFlight


class Bound:
    """One connected resource of an account."""

    __slots__ = (
        "account", "address", "blocklist", "carbons", "deliver", "deliver_then", "directed", "drain", "interested", "jid",
        "priority", "resource", "session", "tail", "unconfirmed",
    )  # fmt: skip

    def __init__(self, session: Session, account: Account) -> None:
        self.session = session
        self.account = account
        self.jid = session.jid
        self.resource = session.jid.resource
        self.address = attribute_value(session.jid)
        self.deliver: Callable[[bytes], None] = session.deliver
        self.deliver_then: Callable[[bytes, Callable[[], None]], None] | None = None
        """Set while its peer confirms what it was handed, and wants to know what becomes of what it sends."""
        self.unconfirmed: dict[InFlight, None] = {}
        """Live messages handed to it that it has not confirmed, in order; see `live.py`."""
        self.priority = 0
        self.tail: bytes | None = None
        """The available presence behind `<presence from='…' to='…'`; None while unavailable. Shared by all its copies."""
        self.directed: dict[str, Jid] = {}
        """Who got presence without being subscribed, and must hear of its end (RFC 6121 §4.6)."""
        self.interested = False
        self.carbons = False
        self.blocklist = False
        """It has asked for the block list and gets its changes (XEP-0191 §3)."""
        self.drain: Drain | None = None
        """Stored messages are on their way to it; live ones queue behind them."""

    def hand_over(self, data: bytes, taken: Callable[[], None]) -> None:
        """Deliver, and call `taken` when the peer has it, as far as the session can know."""
        if isinstance(self.session, ConfirmingSession):
            self.session.deliver_then(data, taken)
        else:
            self.session.deliver(data)
            taken()


class Drain:
    """How far the delivery of stored messages to a session has come."""

    __slots__ = ("after", "again", "busy", "outstanding", "outstanding_bytes")

    def __init__(self) -> None:
        self.again = False
        """Messages with lower numbers have come back meanwhile."""
        self.after = 0
        """The sequence number handed over last."""
        self.outstanding = 0
        """Handed over and not confirmed."""
        self.outstanding_bytes = 0
        self.busy = False
        """Rows are being read."""


class ServerPresence:
    """What the server itself says of a user, see `composed.py`."""

    __slots__ = ("activity", "availability", "note")

    def __init__(self, availability: str, activity: str, note: str) -> None:
        self.availability = availability
        self.activity = activity
        self.note = note


class Account:
    """One local user who may use messaging."""

    __slots__ = (
        "_watchers", "address", "available", "bare", "blocked", "carbons", "chat", "confirming", "enabled", "in_flight",
        "key", "last", "locale", "pending", "receiving", "roster", "sequence", "server_presence", "sessions", "stored",
        "stored_bytes", "userid",
    )  # fmt: skip

    def __init__(self, userid: str, domain: str) -> None:
        self.userid = userid
        self.bare = Jid(userid, domain)
        self.key = str(self.bare)
        self.address = attribute_value(self.bare)
        self.enabled = True
        self.locale = "en"
        self.roster = Roster()
        self.blocked: frozenset[str] = frozenset()
        self.sessions: dict[str, Bound] = {}
        self.available: tuple[Bound, ...] = ()
        self.receiving: tuple[Bound, ...] = ()
        """Available with a priority that is not negative."""
        self.chat: tuple[Bound, ...] = ()
        """Of `receiving` those of the highest priority: where a chat message to the bare JID goes."""
        self.confirming = False
        """All of `chat` confirm what they were handed."""
        self.carbons: tuple[Bound, ...] = ()
        self.pending = 0
        """Unanswered requests of others."""
        self.stored = 0
        """Offline messages in the store."""
        self.stored_bytes = 0
        self.sequence = 0
        """The highest sequence number of an offline message so far."""
        self.in_flight: dict[int, Bound] = {}
        """Stored messages handed to a session that has not confirmed them, by sequence number."""
        self.last: tuple[float, str] | None = None
        """When the last resource left (wall seconds), and the status it left with."""
        self.server_presence: ServerPresence | None = None
        self._watchers: tuple[str, ...] | None = None

    @property
    def watchers(self) -> tuple[str, ...]:
        """Contacts who may see this user's presence, as bare JIDs."""
        if self._watchers is None:
            self._watchers = tuple([item.contact for item in self.roster if item.state & FROM])
        return self._watchers

    def roster_changed(self) -> None:
        self._watchers = None

    def refresh(self) -> None:
        """Recompute who gets what, after a session or its presence has changed."""
        sessions = tuple(self.sessions.values())
        self.available = tuple([bound for bound in sessions if bound.tail is not None])
        self.receiving = tuple([b for b in self.available if b.priority >= 0 and b.drain is None])
        if self.receiving:
            highest = max([bound.priority for bound in self.receiving])
            self.chat = tuple([bound for bound in self.receiving if bound.priority == highest])
        else:
            self.chat = ()
        self.confirming = bool(self.chat) and all(b.deliver_then is not None for b in self.chat)
        self.carbons = tuple([bound for bound in sessions if bound.carbons])

    def blocks(self, jid: Jid) -> bool:
        """Source: XEP-0191 §2 and the matching order of RFC 3921 §10.1."""
        blocked = self.blocked
        if not blocked:
            return False
        return (
            str(jid) in blocked
            or str(jid.bare) in blocked
            or jid.domain in blocked
            or (bool(jid.resource) and f"{jid.domain}/{jid.resource}" in blocked)
        )
