"""Errors of messaging, and the stanza errors that peers see."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

RESOURCE_RESERVED = Fault(
    "AP-IM-001",
    Kind.CONFLICT,
    "This resource name is reserved for the server.",
    "Sign in with another resource, or let the server choose one.",
)
NO_SUCH_USER = Fault(
    "AP-IM-002",
    Kind.FORBIDDEN,
    "This user may not use instant messaging.",
    "Enable the user and instant messaging for the user in the directory.",
)
TOO_MANY_SESSIONS = Fault(
    "AP-IM-003",
    Kind.UNAVAILABLE,
    "This user has too many sessions.",
    "Sign out of clients that are not in use.",
)
NOT_STORED = Fault(
    "AP-IM-004",
    Kind.UNAVAILABLE,
    "The change could not be stored.",
    "Try again later; if it persists, the administrator should look at the database.",
)
NOT_HANDLED = Fault(
    "AP-IM-005",
    Kind.UNAVAILABLE,
    "A stanza could not be handled because of a fault in this program.",
    "Report it with the traceback in the log; the sender has been told, the session goes on.",
)
NOT_DELIVERED = Fault(
    "AP-IM-006",
    Kind.UNAVAILABLE,
    "Waiting messages could not be read from the store.",
    "Look at the database; the messages are delivered when the user signs in again.",
)
NOT_BOUND = Fault(
    "AP-IM-007",
    Kind.CONFLICT,
    "A stanza came from a session that is not bound.",
    "Nothing: it came in the moment the session ended. If it is frequent, report it.",
)


class StanzaError(Exception):
    """The answer to a stanza is this error. `condition` is defined in RFC 6120 §8.3.3."""

    def __init__(self, condition: str, text: str = "", extra: bytes = b"") -> None:
        self.condition = condition
        self.text = text
        self.extra = extra
        """An application-specific condition (RFC 6120 §8.3.4), serialised."""
        super().__init__(f"{condition}: {text}" if text else condition)
