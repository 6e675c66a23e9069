"""Faults of provisioning."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

NO_SUCH_FILE = Fault(
    "AP-PRV-001",
    Kind.NOT_FOUND,
    "There is no configuration file of this name.",
    "Names are case-sensitive; check the device name, and that the device has been added.",
)
UNKNOWN_PARAMETER = Fault(
    "AP-PRV-002",
    Kind.INVALID,
    "A client configuration file sets a parameter that does not exist.",
    "Correct its spelling; the nearest known name is given.",
)
TOO_MANY_TRANSFERS = Fault(
    "AP-PRV-010",
    Kind.UNAVAILABLE,
    "The TFTP server has as many transfers running as it may; new requests are dropped.",
    "Phones ask again by themselves; if it lasts, look for a client that asks without end.",
)
ILLEGAL_REQUEST = Fault(
    "AP-PRV-011",
    Kind.INVALID,
    "A TFTP request was refused: not a read, not a file name, or not TFTP at all.",
    "The log line names the asker; files can only be read, and only by their plain name.",
)
