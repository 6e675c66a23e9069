"""Errors of the store."""

from antiphon.kernel.errors import Fault, Kind

BAD_URL = Fault(
    "AP-DB-001",
    Kind.INVALID,
    "The database URL names no store that Antiphon can use.",
    "Use sqlite:///path/to/file.db (optionally ?synchronous=full) or postgresql://user@host/name.",
)
NEWER = Fault(
    "AP-DB-002",
    Kind.CONFLICT,
    "The database was written by a newer version of Antiphon.",
    "Install the version that wrote it, or restore the backup made before that upgrade.",
)
DIFFERENT = Fault(
    "AP-DB-003",
    Kind.CONFLICT,
    "The tables in the database are not those this version declares.",
    "Restore the last backup; if nobody changed the tables by hand, report this with the detail.",
)
INCOMPLETE = Fault(
    "AP-DB-004",
    Kind.CONFLICT,
    "The database has tables of this service but no record of their version.",
    "Use an empty database, or restore the last backup.",
)
CANNOT_OPEN = Fault(
    "AP-DB-005",
    Kind.UNAVAILABLE,
    "The database file cannot be opened for writing.",
    "Check that the directory exists and that this user may write to it.",
)
OPEN_TO_OTHERS = Fault(
    "AP-DB-006",
    Kind.FORBIDDEN,
    "The file of the store could be read by other accounts; it was closed to them.",
    "Find out who changed its mode, and whether somebody read it: it holds password hashes.",
)
