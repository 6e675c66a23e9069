"""Where a call goes: the subject of the chain, and its stages.

A step gets a `Placement` and returns it, changed or not; or it raises `DomainError`, and the call is refused. A step
that diverts makes the whole chain run again for the new target, so that screening and translation see it too.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from antiphon.services.call.errors import TOO_MANY_DIVERSIONS
from antiphon.services.call.legs import Cause, Diversion, DiversionReason, Party
from antiphon.services.call.ports import Directory


class Stage(enum.Enum):
    """What happens to a call before anything rings, in this order."""

    SCREEN = "may it be made at all"
    TRANSLATE = "which number is meant"
    DIVERT = "does it go somewhere else"
    EXPAND = "which lines ring, in which rounds"


class Recovery(enum.Enum):
    """What happens when nobody took it."""

    RECOVER = "where it goes instead"


@dataclass(frozen=True, slots=True)
class Placement:
    """One call on its way. `called` is where it goes now, `dialled` what was asked for at first."""

    call_id: str
    calling: Party
    called: str
    dialled: str
    directory: Directory
    max_diversions: int
    origin_device: str = ""
    requested_by: str = ""
    """The number that asked for this way: the caller, or the one who transfers. Its rights count."""
    diverted: tuple[Diversion, ...] = ()
    """The way it came, first diversion first."""
    rounds: tuple[tuple[str, ...], ...] = ()
    """Numbers that ring together, round after round. Empty: the called line alone."""
    ring_s: float | None = None
    """How long a round rings. None: as the called line says."""
    failed: Cause | None = None
    """In `Recovery`: why nobody took it."""
    contact: str = ""
    """In `Recovery`, with REDIRECTED: the number that was named."""

    def diverted_to(self, number: str, reason: DiversionReason) -> Placement:
        """Send it to `number` on behalf of `called`. Raises AP-CALL-001."""
        been = {self.called, *(diversion.number for diversion in self.diverted)}
        if number in been or len(self.diverted) >= self.max_diversions:
            raise TOO_MANY_DIVERSIONS.error(f"{self.called} to {number}")
        return replace(
            self,
            called=number,
            requested_by=self.called,
            diverted=(*self.diverted, Diversion(self.called, reason)),
            rounds=(),
            ring_s=None,
            failed=None,
            contact="",
        )
