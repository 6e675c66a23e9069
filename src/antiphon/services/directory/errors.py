"""Errors of the directory."""

from antiphon.kernel.errors import Fault, Kind

BAD_USERID = Fault(
    "AP-DIR-001",
    Kind.INVALID,
    "This is not a valid user id.",
    "Use 1 to 128 lower-case letters, digits and . _ - + ~ without spaces; it is also the local part of the address.",
)
BAD_FIELD = Fault(
    "AP-DIR-002",
    Kind.INVALID,
    "A field has a value that cannot be kept.",
    "Use at most 255 characters without control characters, in the form the detail names.",
)
BAD_MAIL = Fault("AP-DIR-003", Kind.INVALID, "This is not a mail address.", "Use the form name@example.com.")
BAD_NUMBER = Fault(
    "AP-DIR-004",
    Kind.INVALID,
    "This is not a valid directory number.",
    "Use 1 to 24 of the digits 0-9, * and #, optionally with a + in front.",
)
BAD_DEVICE_NAME = Fault(
    "AP-DIR-005",
    Kind.INVALID,
    "This is not a valid device name.",
    "Begin with the kind (CSF, TCT, BOT, TAB, or SEP and 12 hexadecimal digits), then letters, digits and . _ -.",
)
UNKNOWN_LINE = Fault(
    "AP-DIR-006",
    Kind.INVALID,
    "There is no line with this number.",
    "Add the line first: antiphon line add NUMBER.",
)
BAD_APPEARANCE = Fault(
    "AP-DIR-007",
    Kind.INVALID,
    "The lines of this device contradict each other.",
    "Give every line its own index from 1 and name each number once.",
)
UNKNOWN_OWNER = Fault(
    "AP-DIR-008",
    Kind.INVALID,
    "There is no user with this id to own it.",
    "Add the user first: antiphon user add USERID.",
)
UNKNOWN_PROFILE = Fault(
    "AP-DIR-009",
    Kind.INVALID,
    "There is no service profile with this name.",
    "Name one of `antiphon profile list`, or leave it empty for the default one.",
)
USER_NOT_FOUND = Fault(
    "AP-DIR-010", Kind.NOT_FOUND, "There is no such user.", "Look it up: antiphon user list."
)
LINE_NOT_FOUND = Fault(
    "AP-DIR-011", Kind.NOT_FOUND, "There is no such line.", "Look it up: antiphon line list."
)
DEVICE_NOT_FOUND = Fault(
    "AP-DIR-012",
    Kind.NOT_FOUND,
    "There is no such device.",
    "Look it up: antiphon device list. Names are case-sensitive.",
)
PROFILE_NOT_FOUND = Fault(
    "AP-DIR-013", Kind.NOT_FOUND, "There is no such service profile.", "Look it up: antiphon profile list."
)
UC_SERVICE_NOT_FOUND = Fault(
    "AP-DIR-014", Kind.NOT_FOUND, "There is no such UC service.", "Look it up: antiphon profile service list."
)
UNKNOWN_UC_SERVICE = Fault(
    "AP-DIR-015",
    Kind.INVALID,
    "The profile names a UC service that does not exist or is of another kind.",
    "Add the UC service first, and list it under its own kind: one primary and at most two backups.",
)
IN_USE = Fault(
    "AP-DIR-016",
    Kind.CONFLICT,
    "It is still in use.",
    "Change or remove what the detail names, then try again.",
)
PKID_CHANGED = Fault(
    "AP-DIR-017",
    Kind.CONFLICT,
    "The pkid of an entry never changes, and no two entries share one.",
    "Leave pkid out; it is assigned when the entry is added.",
)
MAIL_TAKEN = Fault(
    "AP-DIR-018",
    Kind.CONFLICT,
    "Another user has this mail address.",
    "Use another address: sign-in finds the user by it, so it belongs to one.",
)
EXISTS = Fault(
    "AP-DIR-019", Kind.CONFLICT, "There is one with this name already.", "Change it, or choose another name."
)
BAD_HUNT = Fault(
    "AP-DIR-020",
    Kind.INVALID,
    "A hunt group's members are other, existing lines, each named once.",
    "Correct the list of members.",
)
DEFAULT_PROFILE = Fault(
    "AP-DIR-021",
    Kind.CONFLICT,
    "There is always exactly one default service profile.",
    "Make another profile the default first.",
)
BAD_UC_SERVICE = Fault(
    "AP-DIR-022",
    Kind.INVALID,
    "This UC service cannot be reached as described.",
    "Give a name, a host name or address, and a port from 0 (none) to 65535.",
)
BAD_FORWARD = Fault(
    "AP-DIR-023",
    Kind.INVALID,
    "Calls cannot be forwarded there.",
    "Use a number, or an address of the form name@example.com; not the line itself.",
)
BAD_SEARCH = Fault(
    "AP-DIR-024",
    Kind.INVALID,
    "The directory cannot be searched by this field.",
    "Use name, first, last, displayname, userid, number or email.",
)
CHANGED_ELSEWHERE = Fault(
    "AP-DIR-025",
    Kind.CONFLICT,
    "Another node has changed the directory at the same moment.",
    "Look at the entry again and repeat the change.",
)
STORE_DOWN = Fault(
    "AP-DIR-026",
    Kind.UNAVAILABLE,
    "The directory cannot be changed at the moment; it can be read.",
    "Check that the database is running and has room, then try again.",
)
EDGE_NODE_NOT_FOUND = Fault(
    "AP-DIR-027", Kind.NOT_FOUND, "There is no such edge node.", "Look it up: antiphon edge list."
)
BAD_EDGE_NODE = Fault(
    "AP-DIR-028",
    Kind.INVALID,
    "This edge node cannot be recognised as described.",
    "Give its host name or address in lower case, and the names in its certificate without wildcards.",
)
BAD_CSV = Fault(
    "AP-DIR-030",
    Kind.INVALID,
    "This is not a table of directory entries.",
    "Use UTF-8 CSV with a header row; `antiphon user import --help` lists the columns.",
)
