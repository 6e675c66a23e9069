"""Faults of starting and running a deployment."""

from __future__ import annotations

from antiphon.kernel.errors import NOT_REACHABLE, Fault, Kind

BROKEN_TOPOLOGY = Fault(
    "AP-LAB-001",
    Kind.INVALID,
    "The topology file cannot be used.",
    "Mend the place the message names; `antiphon lab topology` prints a complete example.",
)
LAB_RUNNING = Fault(
    "AP-LAB-002",
    Kind.CONFLICT,
    "The lab is running already.",
    "Use it (`antiphon lab env`), or stop it first: `antiphon lab down`.",
)
LAB_NOT_RUNNING = Fault(
    "AP-LAB-003",
    Kind.UNAVAILABLE,
    "The lab is not running.",
    "Start it: `antiphon lab up`.",
    exit_code=NOT_REACHABLE,
)
LAB_DIED = Fault(
    "AP-LAB-004",
    Kind.UNAVAILABLE,
    "The lab ended while it was starting.",
    "Read the last lines of its log, which the message names.",
)
NO_LAB = Fault(
    "AP-LAB-005",
    Kind.NOT_FOUND,
    "There is no lab in this directory.",
    "Start one: `antiphon lab up`, with the same --dir.",
)
RECORD_LOST = Fault(
    "AP-CDR-001",
    Kind.UNAVAILABLE,
    "A call detail record could not be written.",
    "Make room on the disk and see that the lab's directory can be written; the log line holds the record's call.",
)
