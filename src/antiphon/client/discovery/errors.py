"""Faults of discovery on the client's side."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

BAD_ADDRESS = Fault(
    "AP-DISC-001",
    Kind.INVALID,
    "This is no address of the form user@domain.",
    "Type the address your organisation gave you, for example alice@example.org.",
)
BAD_BOOTSTRAP = Fault(
    "AP-DISC-002",
    Kind.INVALID,
    "The configuration link or file cannot be used.",
    "Correct what the message names, or leave the parameter out.",
)
BAD_HOME = Fault(
    "AP-DISC-003",
    Kind.UNAVAILABLE,
    "The directory named a home cluster that is no host name.",
    "Correct the user's home cluster in the directory.",
)
