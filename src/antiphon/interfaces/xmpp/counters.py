"""What the door counts, for the metrics of its role."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Plain numbers, read by whoever exports them."""

    __slots__ = (
        "connections", "expired", "iqs", "logins", "messages", "presences", "resumed", "sent", "sessions",
        "stream_errors", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.connections = 0
        """Open now."""
        self.sessions = 0
        """Bound now, the waiting ones included."""
        self.waiting = 0
        """Without a connection now, to be resumed."""
        self.resumed = 0
        """Sessions taken up again, since the start."""
        self.expired = 0
        """Waiting sessions that nobody came back for, since the start."""
        self.messages = 0
        """Received since the start; likewise the next two."""
        self.presences = 0
        self.iqs = 0
        self.sent = 0
        """Stanzas sent to clients since the start."""
        self.logins: Counter[tuple[str, str]] = Counter()
        """By mechanism and result: `success` or the SASL failure."""
        self.stream_errors: Counter[str] = Counter()
        """By condition."""
