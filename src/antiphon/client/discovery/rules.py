"""What the answers of DNS mean. Nothing here asks anything.

Source: S2-16, S2-44, S2-62 … S2-65, S2-75 … S2-79, S2-90; S0-3, S0-4.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

from antiphon.io.dns_client import Outcome, SrvAnswer
from antiphon.protocols.dns.names import srv_name
from antiphon.protocols.dns.srv import Srv


class Where(enum.Enum):
    """What a client knows about its place after DNS has answered."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    NOTHING = "nothing found"
    MANUAL = "manual"
    """Discovery was switched off; the person names the servers."""


class Source(NamedTuple):
    """One service record that is asked for."""

    service: str
    protocol: str
    excluded_by: frozenset[str]
    where: Where
    meaning: str


SOURCES = (
    Source("cisco-uds", "tcp", frozenset({"CUCM"}), Where.INSIDE, "the directory is here: inside"),
    Source("cuplogin", "tcp", frozenset({"CUCM", "CUP"}), Where.INSIDE, "a presence server is here: inside"),
    Source("collab-edge", "tls", frozenset({"CUCM"}), Where.OUTSIDE, "an edge is here: outside, through it"),
)
"""In order of precedence: the first that is found decides."""


class Conclusion(NamedTuple):
    where: Where
    source: Source | None
    servers: tuple[Srv, ...]
    """In the order in which they are to be tried."""


def questions(domain: str, excluded: frozenset[str]) -> tuple[tuple[Source, str], ...]:
    """What to ask of DNS, all at once (S2-61)."""
    return tuple(
        (source, srv_name(source.service, source.protocol, domain))
        for source in SOURCES
        if not source.excluded_by & excluded
    )


def conclude(answers: Mapping[Source, SrvAnswer]) -> Conclusion:
    """`_cisco-uds` before `_cuplogin` before `_collab-edge`, however fast each was answered."""
    for source in SOURCES:
        answer = answers.get(source)
        if answer is not None and answer.outcome is Outcome.FOUND and answer.records:
            return Conclusion(source.where, source, answer.records)
    return Conclusion(Where.NOTHING, None, ())


def authenticator(im_servers: int) -> str:
    """With a presence section in the profile it is IM and Presence, without one the call manager."""
    return "IM and Presence" if im_servers else "CUCM"


def product_mode(im_servers: int, devices: int) -> str:
    if im_servers and devices:
        return "full UC"
    if im_servers:
        return "IM only"
    return "phone mode" if devices else "none"
