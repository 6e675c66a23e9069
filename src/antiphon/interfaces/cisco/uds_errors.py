"""Faults of User Data Services."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

NO_QUESTION = Fault(
    "AP-UDS-001",
    Kind.INVALID,
    "The request does not say whose cluster is wanted.",
    "Ask with username=, email= or useridentifier=.",
)
BAD_PAGE = Fault(
    "AP-UDS-002",
    Kind.INVALID,
    "A page of the search was asked for that cannot be.",
    "Give start= and max= as whole numbers from 0.",
)
NOT_YOURS = Fault(
    "AP-UDS-003",
    Kind.FORBIDDEN,
    "Only the user's own resources can be read.",
    "Ask for the resources of the user who signed in.",
)
NO_SUCH_RESOURCE = Fault(
    "AP-UDS-004",
    Kind.NOT_FOUND,
    "There is no such resource.",
    "Follow the addresses in the user's own document.",
)
