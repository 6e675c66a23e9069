"""Faults of the registrar."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

NOT_STORED = Fault(
    "AP-REG-001",
    Kind.UNAVAILABLE,
    "Registrations could not be written to the store; they are kept in memory and written later.",
    "Look at the state of the database; until it works again a restart would lose these registrations.",
)
