"""Claims about a user's presence, and which of them wins.

The precedence stands in one table, `PRECEDENCE`, strongest first:

| source     | show                | composed          | because                                                      |
|------------|---------------------|-------------------|--------------------------------------------------------------|
| `manual`   | dnd                 | do not disturb    | the user said so and nothing overrides that                  |
| `xmpp`     | dnd                 | do not disturb    | the user said so in a client                                 |
| `call`     | any                 | busy              | a fact of the moment: on the phone                           |
| `calendar` | dnd, busy           | busy              | a fact of the plan: in a meeting                             |
| `manual`   | busy, away, xa, ""  | as claimed        | what the user chose beats what a client noticed              |
| `xmpp`     | chat, ""            | available         | one client in use is enough                                  |
| `xmpp`     | busy, away, xa      | as claimed        | every client is idle                                         |
| `calendar` | away, xa            | as claimed        | out of office, and no client says otherwise                  |

No claim at all is `offline`. A calendar that says "free" says nothing about presence and has no row: it is ignored.
Within a row the higher `priority` wins, then the newer claim. The kind of a source is what stands before its first
colon: `xmpp:<resource>`, `call:<number>`, `calendar`, `manual`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Availability(enum.Enum):
    """How reachable a person is."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"
    EXTENDED_AWAY = "xa"
    DO_NOT_DISTURB = "dnd"
    OFFLINE = "offline"


SHOWS: dict[str, Availability] = {
    "": Availability.AVAILABLE,
    "chat": Availability.AVAILABLE,
    "busy": Availability.BUSY,
    "away": Availability.AWAY,
    "xa": Availability.EXTENDED_AWAY,
    "dnd": Availability.DO_NOT_DISTURB,
}
"""`<show/>` of RFC 6121 §4.7.2.1, and `busy`, which people have and XMPP has not."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says. `order` counts claims of the engine: the newer one has the higher number."""

    source: str
    show: str
    activity: str
    note: str
    priority: int
    order: int


@dataclass(frozen=True, slots=True)
class Composed:
    """One person's one presence."""

    availability: Availability
    activity: str = ""
    note: str = ""
    source: str = ""


OFFLINE = Composed(Availability.OFFLINE)

_ANY = frozenset(SHOWS)

PRECEDENCE: tuple[tuple[str, frozenset[str], Availability | None], ...] = (
    ("manual", frozenset({"dnd"}), None),
    ("xmpp", frozenset({"dnd"}), None),
    ("call", _ANY, Availability.BUSY),
    ("calendar", frozenset({"dnd", "busy"}), Availability.BUSY),
    ("manual", frozenset({"", "chat", "busy", "away", "xa"}), None),
    ("xmpp", frozenset({"", "chat"}), None),
    ("xmpp", frozenset({"busy", "away", "xa"}), None),
    ("calendar", frozenset({"away", "xa"}), None),
)
"""(kind of source, shows, what it composes to; None: as claimed), strongest first."""

_RANK: dict[tuple[str, str], tuple[int, Availability]] = {
    (kind, show): (len(PRECEDENCE) - row, availability or SHOWS[show])
    for row, (kind, shows, availability) in enumerate(PRECEDENCE)
    for show in shows
}


def strength(claim: Claim) -> tuple[int, int, int] | None:
    """What claims are compared by; None for one that has no row in the table."""
    found = _RANK.get((claim.source.partition(":")[0], claim.show))
    return None if found is None else (found[0], claim.priority, claim.order)


def compose(claims: tuple[Claim, ...]) -> Composed:
    """The presence that these claims make together."""
    ranked = [(rank, claim) for claim in claims if (rank := strength(claim)) is not None]
    if not ranked:
        return OFFLINE
    _, winner = max(ranked, key=lambda pair: pair[0])
    _, availability = _RANK[winner.source.partition(":")[0], winner.show]
    return Composed(availability, winner.activity, winner.note, winner.source)
