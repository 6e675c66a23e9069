"""Legs and the calls they are part of, as the core keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from antiphon.services.call.description import Thread
from antiphon.services.call.legs import Diversion, LegId, Party
from antiphon.services.call.table import State

if TYPE_CHECKING:
    from antiphon.services.call.hunt import Hunt


class Leg:
    """One party's dialog. Features read it and name it to `Calls`; only the core changes it."""

    __slots__ = (
        "asked_transfer",
        "call",
        "device",
        "heard",
        "holding",
        "id",
        "inbound",
        "left",
        "off_hook",
        "party",
        "peer",
        "rang",
        "source",
        "state",
        "thread",
        "unsent",
    )

    def __init__(
        self, leg_id: LegId, call: Call, party: Party, device: str, state: State, inbound: bool
    ) -> None:
        self.id = leg_id
        self.call = call
        self.party = party
        self.device = device
        self.state = state
        self.inbound = inbound
        self.peer: Leg | None = None
        """The leg it talks to. Both or neither: `leg.peer.peer is leg`."""
        self.heard: bytes | None = None
        """Its last description."""
        self.thread = Thread()
        """What it has been told."""
        self.unsent: bytes | None = None
        """An offer of it that its peer has not been told yet."""
        self.source: Leg | None = None
        """Whose offer, or wish for an offer, it is to answer."""
        self.holding = False
        self.off_hook = False
        self.rang = False
        """Said to be ringing already."""
        self.asked_transfer = False
        """It waits for a TransferResult."""
        self.left: Left | None = None
        """Told once when a leg that was kept alone leaves that state."""

    @property
    def number(self) -> str:
        return self.party.number

    @property
    def answered(self) -> bool:
        return self.state not in _UNANSWERED

    def __repr__(self) -> str:
        return f"<Leg {self.id} {self.number} {self.state.name}>"


Left: TypeAlias = Callable[["Leg | None"], None]
"""Called with the leg that has taken the place of the kept one, or None when it talks again or is gone."""

_UNANSWERED = (State.OFFERED, State.OFFERED_EMPTY, State.CALLING, State.CALLING_EMPTY, State.GONE)


class Call:
    """What belongs together: two legs that talk, or one that waits while others are rung."""

    __slots__ = (
        "answered_at",
        "answered_by",
        "bridge",
        "called",
        "calling",
        "diversions",
        "hunt",
        "id",
        "legs",
        "origin",
        "parties",
        "retries",
        "retry",
        "started_at",
    )

    def __init__(self, call_id: str, calling: str, called: str, started_at: float) -> None:
        self.id = call_id
        self.calling = calling
        self.called = called
        self.started_at = started_at
        self.answered_at: float | None = None
        self.answered_by = ""
        self.origin: Leg | None = None
        """The leg that waits while `hunt` rings for it."""
        self.hunt: Hunt | None = None
        self.legs: dict[LegId, Leg] = {}
        self.bridge = False
        """Two settled legs are to be told about each other."""
        self.retries = 0
        self.retry = False
        """A timer for another attempt after glare is running."""
        self.diversions: tuple[Diversion, ...] = ()
        self.parties: list[str] = []

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.calling}→{self.called} {list(self.legs.values())}>"
