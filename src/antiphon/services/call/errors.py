"""Faults of the call service."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

TOO_MANY_DIVERSIONS = Fault(
    "AP-CALL-001",
    Kind.UNAVAILABLE,
    "The call was diverted too often, or back to a number that has diverted it.",
    "Look at the forward settings of the numbers it went through; one of them leads back.",
)
UNSAYABLE = Fault(
    "AP-CALL-002",
    Kind.UNAVAILABLE,
    "The call core was about to say something to a leg that its dialog cannot carry; it was not said.",
    "Report it with the log line: a transition or a feature is wrong.",
)
BROKEN_HANDLER = Fault(
    "AP-CALL-003",
    Kind.UNAVAILABLE,
    "Handling a leg's event failed; the call it belonged to was ended.",
    "Report it with the log line and its traceback.",
)
FULL = Fault(
    "AP-CALL-004",
    Kind.UNAVAILABLE,
    "As many calls as this node takes are under way; the next one was refused.",
    "Wait, or raise the limit `max_calls`, or add a node.",
)
CALL_NOT_FOUND = Fault(
    "AP-CALL-005",
    Kind.NOT_FOUND,
    "There is no such call under way.",
    "It may have ended meanwhile; look: antiphon calls list.",
)
