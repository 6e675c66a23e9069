"""What can go wrong on the way of a person to a chat or a call."""

from __future__ import annotations

from antiphon.kernel.errors import NOT_REACHABLE, Fault, Kind

NOT_SIGNED_IN = Fault(
    "AP-CLIENT-001",
    Kind.UNAUTHENTICATED,
    "You are not signed in.",
    "Sign in with `antiphon login ADDRESS`.",
)
SIGN_IN_REFUSED = Fault(
    "AP-CLIENT-002",
    Kind.UNAUTHENTICATED,
    "The server did not accept this address and password.",
    "Check both; if you sign in elsewhere with them, ask your administrator.",
)
SIGN_IN_EXPIRED = Fault(
    "AP-CLIENT-003",
    Kind.UNAUTHENTICATED,
    "Your sign-in has ended.",
    "Sign in again with `antiphon login ADDRESS`.",
)
SERVER_UNREACHABLE = Fault(
    "AP-CLIENT-004",
    Kind.UNAVAILABLE,
    "The server does not answer.",
    "Check your network; `antiphon doctor DOMAIN` says which part is missing.",
    exit_code=NOT_REACHABLE,
)
NOT_FOUND_BY_DISCOVERY = Fault(
    "AP-CLIENT-005",
    Kind.NOT_FOUND,
    "No service was found for this address.",
    "Check the part after the @; `antiphon discover ADDRESS` prints each step.",
)
UNEXPECTED_ANSWER = Fault(
    "AP-CLIENT-006",
    Kind.UNAVAILABLE,
    "The server's answer was not understood.",
    "Try again; if it stays, give this code to your administrator.",
)
DEVICE_GRANT_DENIED = Fault(
    "AP-CLIENT-007",
    Kind.FORBIDDEN,
    "The sign-in was refused in the browser.",
    "Start again with `antiphon login ADDRESS`.",
)
DEVICE_GRANT_EXPIRED = Fault(
    "AP-CLIENT-008",
    Kind.UNAUTHENTICATED,
    "The code was not entered in time.",
    "Start again with `antiphon login ADDRESS`.",
)
STORE_UNREADABLE = Fault(
    "AP-CLIENT-009",
    Kind.UNAUTHENTICATED,
    "The stored sign-in cannot be read.",
    "Sign in again with `antiphon login ADDRESS`.",
)
INSECURE_ADDRESS = Fault(
    "AP-CLIENT-010",
    Kind.INVALID,
    "Secrets are sent over HTTPS only.",
    "Correct the address.",
)
NO_PASSWORD_GRANT = Fault(
    "AP-CLIENT-012",
    Kind.FORBIDDEN,
    "This deployment takes no passwords from programs.",
    "Leave the password out and sign in with the browser.",
)
WRONG_PERSON = Fault(
    "AP-CLIENT-011",
    Kind.FORBIDDEN,
    "Somebody else signed in in the browser.",
    "Sign out there, and start again with `antiphon login ADDRESS`.",
)

CHAT_REFUSED = Fault(
    "AP-CLIENT-020",
    Kind.UNAUTHENTICATED,
    "The chat service did not accept the sign-in.",
    "Sign in again with `antiphon login ADDRESS`.",
)
CHAT_LOST = Fault(
    "AP-CLIENT-021",
    Kind.UNAVAILABLE,
    "The connection to the chat service was lost.",
    "Try again; messages that were not confirmed may have to be sent again.",
)
CHAT_TIMEOUT = Fault(
    "AP-CLIENT-022",
    Kind.UNAVAILABLE,
    "The chat service did not answer in time.",
    "Try again.",
    exit_code=NOT_REACHABLE,
)
CHAT_ERROR = Fault(
    "AP-CLIENT-023",
    Kind.INVALID,
    "The chat service refused this.",
    "Check the address of the person you write to.",
)

NOT_A_WAV = Fault(
    "AP-CLIENT-030",
    Kind.INVALID,
    "The file cannot be used as sound.",
    "Give a WAV file with 8, 16, 24 or 32-bit PCM.",
)
NO_DEVICE = Fault(
    "AP-CLIENT-031",
    Kind.NOT_FOUND,
    "You have no softphone to call with.",
    "Ask your administrator for a device (its name begins with CSF).",
)
REGISTRATION_REFUSED = Fault(
    "AP-CLIENT-032",
    Kind.FORBIDDEN,
    "The call service did not accept your softphone.",
    "`antiphon doctor DOMAIN` says what is missing.",
)
CALL_FAILED = Fault(
    "AP-CLIENT-033",
    Kind.UNAVAILABLE,
    "The call did not come about.",
    "Check the number and try again.",
)
NO_COMMON_CODEC = Fault(
    "AP-CLIENT-034",
    Kind.INVALID,
    "The two ends have no way of sending sound in common.",
    "Allow PCMU on both ends; encryption must be possible on both, or optional.",
)
OPUS_MISSING = Fault(
    "AP-CLIENT-035",
    Kind.INVALID,
    "Opus is not installed.",
    "Install the extra `antiphon[opus]`, or use PCMU.",
)
PHONE_LOST = Fault(
    "AP-CLIENT-036",
    Kind.UNAVAILABLE,
    "The connection to the call service was lost.",
    "Try again.",
)
DEMO_FAILED = Fault(
    "AP-CLIENT-040",
    Kind.UNAVAILABLE,
    "The deployment did not do what it should.",
    "`antiphon doctor DOMAIN` says which part is missing; the node's log has the details.",
)
