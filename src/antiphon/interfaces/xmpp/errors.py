"""Codes of the XMPP door's log lines."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

STREAM_ENDED = Fault(
    "AP-XMPP-001",
    Kind.INVALID,
    "A stream was ended with an error.",
    "The line has the condition (RFC 6120 §4.9.3) and the address; a client that repeats this is faulty or hostile.",
)
SIGN_IN_REFUSED = Fault(
    "AP-XMPP-002",
    Kind.UNAUTHENTICATED,
    "A client could not sign in.",
    "The line says with which mechanism and why; check the user name, the password or the token.",
)
TOO_SLOW = Fault(
    "AP-XMPP-003",
    Kind.UNAVAILABLE,
    "A client does not read what it is sent.",
    "Nothing is lost where stream management is on; look for a network that stalls.",
)
NOT_CONFIRMED = Fault(
    "AP-XMPP-004",
    Kind.UNAVAILABLE,
    "A client does not confirm what it is sent.",
    "Its session was ended and its messages stored; look for a client that stopped in the background.",
)
ROUTING_FAILED = Fault(
    "AP-XMPP-005",
    Kind.UNAVAILABLE,
    "A stanza could not be handled.",
    "The traceback beside this line says why; report it.",
)
