"""What the SIP door refuses and logs."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

MALFORMED = Fault(
    "AP-SIP-001",
    Kind.INVALID,
    "A SIP message could not be read.",
    "Look at the sender: the log line names its address and what was wrong.",
)
TOO_MANY_ERRORS = Fault(
    "AP-SIP-002",
    Kind.INVALID,
    "A connection sent too many unreadable SIP messages and was closed.",
    "Look at the sender; it does not speak SIP, or something between changes what it says.",
)
SILENT = Fault(
    "AP-SIP-003",
    Kind.INVALID,
    "A connection stayed silent or left a message incomplete and was closed.",
    "Nothing, when it is a scanner; otherwise look for what holds the sender's bytes back.",
)
PORT_MISMATCH = Fault(
    "AP-SIP-004",
    Kind.FORBIDDEN,
    "A device came to a port that does not fit its sign-in: SIP OAuth Registration port Mismatch.",
    "Devices with OAuth register on sipOAuthPort (5090) over TLS, all others on 5060 or 5061: compare the device file.",
)
NOT_THE_OWNER = Fault(
    "AP-SIP-005",
    Kind.FORBIDDEN,
    "Somebody signed in correctly and asked for a line or a device that is not theirs.",
    "Make the user the owner of the device and the line, or let the device sign in as its owner.",
)
BAD_PROOF = Fault(
    "AP-SIP-006",
    Kind.UNAUTHENTICATED,
    "A sign-in over SIP failed.",
    "Check the password or the token's lifetime; repeated failures from one address are slowed down.",
)
EDGE_UNKNOWN = Fault(
    "AP-SIP-007",
    Kind.FORBIDDEN,
    "A peer on the mutual-TLS port showed a certificate whose names are not in the list of edge nodes.",
    "If it is an edge node of yours, add it with the names of the log line: antiphon edge add HOST --subject-name NAME.",
)
OVERLOADED = Fault(
    "AP-SIP-008",
    Kind.UNAVAILABLE,
    "A request was refused because too many SIP transactions are under way.",
    "Wait; when it stays, look for a flood or spread the load over more nodes.",
)
SERVING_FAILED = Fault(
    "AP-SIP-009",
    Kind.UNAVAILABLE,
    "A SIP request met a fault of ours.",
    "Report it with the traceback of the log.",
)
