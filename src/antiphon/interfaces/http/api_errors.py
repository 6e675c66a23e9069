"""Errors of the administration API itself; those of the entries are the directory's."""

from antiphon.kernel.errors import Fault, Kind

BAD_REQUEST = Fault(
    "AP-API-001",
    Kind.INVALID,
    "The request does not have the form that this resource takes.",
    "Compare it with the OpenAPI document at /api/v1/openapi.json; the detail names the place.",
)
CHANGED_SINCE = Fault(
    "AP-API-002",
    Kind.CONFLICT,
    "The entry is not as the request expects it.",
    "Read it again and repeat the change with its new ETag.",
)
TOO_LARGE = Fault(
    "AP-API-003",
    Kind.INVALID,
    "The request body is too large.",
    "Send less at once; the detail names the limit.",
)
NO_RESOURCE = Fault(
    "AP-API-004",
    Kind.NOT_FOUND,
    "There is no such resource.",
    "The OpenAPI document lists them: /api/v1/openapi.json.",
)
TOO_SLOW = Fault(
    "AP-API-005",
    Kind.INVALID,
    "The request body did not arrive in time.",
    "Send it again over a better connection.",
)
NOT_ALLOWED = Fault(
    "AP-API-006",
    Kind.FORBIDDEN,
    "This needs an administrator.",
    "Sign in as one; everybody may read their own user, lines and devices.",
)
NO_TOKEN = Fault(
    "AP-API-007",
    Kind.UNAUTHENTICATED,
    "The request has no Bearer token.",
    "Sign in (antiphon login) and send the access token as Authorization: Bearer.",
)
INTERNAL = Fault(
    "AP-API-008",
    Kind.UNAVAILABLE,
    "The server failed to answer this request.",
    "Try again; the server's log has the cause under this code.",
)
NOT_READY = Fault(
    "AP-HTTP-010",
    Kind.UNAVAILABLE,
    "The node is not ready: something it depends on does not work.",
    "Ask `/readyz?verbose` which check fails, and look at what the log line says of it.",
)
