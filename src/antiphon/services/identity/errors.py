"""Faults of identity."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

BAD_CREDENTIALS = Fault(
    "AP-ID-001",
    Kind.UNAUTHENTICATED,
    "The user name or the password is wrong.",
    "Check both; an administrator can set a new password.",
)
TOO_MANY_ATTEMPTS = Fault(
    "AP-ID-002",
    Kind.UNAVAILABLE,
    "Too many failed sign-ins.",
    "Wait the time that is given, then try again with the right password.",
)
BUSY = Fault(
    "AP-ID-003",
    Kind.UNAVAILABLE,
    "Too many people are signing in at this moment.",
    "Try again in a few seconds.",
)
BAD_TOKEN = Fault(
    "AP-ID-004",
    Kind.UNAUTHENTICATED,
    "The access token is not valid.",
    "Refresh it, or sign in again.",
)
BAD_PASSWORD = Fault(
    "AP-ID-005",
    Kind.INVALID,
    "This cannot be a password.",
    "Use at least the minimum number of characters and no control characters.",
)
UNKNOWN_USER = Fault(
    "AP-ID-006",
    Kind.NOT_FOUND,
    "There is no such user.",
    "List the users with `antiphon user list`.",
)
BAD_SETTING = Fault(
    "AP-ID-007",
    Kind.INVALID,
    "A setting of identity is out of its range.",
    "Give a value inside the range that the message names.",
)
BAD_SECRET = Fault(
    "AP-ID-008",
    Kind.INVALID,
    "What identity keeps in the store was sealed with another secret.",
    "Restore the identity secret file that belongs to this database.",
)
FORBIDDEN = Fault(
    "AP-ID-009",
    Kind.FORBIDDEN,
    "Only an administrator may do this.",
    "Sign in as an administrator, with a client that may administer.",
)
BAD_REQUEST = Fault(
    "AP-ID-020",
    Kind.INVALID,
    "The request is not complete or not consistent.",
    "Send the parameters that RFC 6749 and RFC 7636 ask for.",
)
UNKNOWN_CLIENT = Fault(
    "AP-ID-021",
    Kind.UNAUTHENTICATED,
    "The program that asks is not known here.",
    "Use a registered client id.",
)
BAD_REDIRECT = Fault(
    "AP-ID-022",
    Kind.INVALID,
    "The address to return to is not registered for this program.",
    "Use a registered redirect address, character by character.",
)
BAD_GRANT = Fault(
    "AP-ID-023",
    Kind.INVALID,
    "The code or the refresh token is not valid any more.",
    "Sign in again.",
)
GRANT_NOT_ALLOWED = Fault(
    "AP-ID-024",
    Kind.INVALID,
    "This program may not use that way to sign in.",
    "Use the authorization code with PKCE, or the device grant.",
)
UNSUPPORTED_GRANT = Fault(
    "AP-ID-025",
    Kind.INVALID,
    "This way to sign in is not supported or not switched on.",
    "See grant_types_supported in the server's metadata.",
)
BAD_SCOPE = Fault(
    "AP-ID-026",
    Kind.INVALID,
    "The scope is not known.",
    "Ask for UnifiedCommunications:readwrite.",
)
PENDING = Fault(
    "AP-ID-027",
    Kind.INVALID,
    "The sign-in has not been approved yet.",
    "Ask again after the interval.",
)
SLOW_DOWN = Fault(
    "AP-ID-028",
    Kind.INVALID,
    "The question came too early.",
    "Wait five seconds longer between questions.",
)
DENIED = Fault(
    "AP-ID-029",
    Kind.INVALID,
    "The sign-in was refused.",
    "Start again if that was not intended.",
)
EXPIRED = Fault(
    "AP-ID-030",
    Kind.INVALID,
    "The code has expired.",
    "Start again.",
)
REFRESH_REUSED = Fault(
    "AP-ID-031",
    Kind.UNAUTHENTICATED,
    "A refresh token was used twice, so the sign-in it belongs to was ended.",
    "Nothing, if the person signs in again; look for a stolen device if it happens to them often.",
)
SECRET_OPEN = Fault(
    "AP-ID-032",
    Kind.INVALID,
    "A secret file could be read by other accounts; it was closed to its owner.",
    "Replace the secret if somebody else may have read it.",
)
