"""Errors of the presence service."""

from antiphon.kernel.errors import Fault, Kind

TOO_MANY_CLAIMS = Fault(
    "AP-PRS-001",
    Kind.UNAVAILABLE,
    "Too many sources claim a presence for this user.",
    "Withdraw claims that are no longer needed, or sign out of unused clients.",
)
UNKNOWN_SHOW = Fault(
    "AP-PRS-002",
    Kind.INVALID,
    "This is not a presence state.",
    "Use one of: empty (available), chat, away, xa, dnd, busy.",
)
