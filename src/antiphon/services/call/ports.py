"""What the call needs of the directory, and what features may do with a call."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from antiphon.kernel.time import Cancel
from antiphon.model import Device, Line
from antiphon.services.call.legs import Cause, LegId

if TYPE_CHECKING:
    from antiphon.services.call.call import Left, Leg

M = TypeVar("M")


class Demand(enum.Enum):
    """What a party may ask of the call it is in; route table `demand`, handler(calls, leg, event)."""

    TRANSFER = "connect my peer to a number"
    TRANSFER_REPLACES = "connect my peer to the peer of my other leg"
    DIGITS = "digits were pressed"


class Later(Protocol):
    """Calls back within a turn of the core."""

    def __call__(self, seconds: float, callback: Callable[[], None], /) -> Cancel: ...


class Directory(Protocol):
    """The directory, as the call reads it."""

    def line(self, number: str) -> Line | None: ...

    def devices_with_line(self, number: str) -> Iterable[Device]: ...


class Calls(Protocol):
    """The verbs of the call core. None of them raises; a leg that is gone is refused with False."""

    @property
    def directory(self) -> Directory: ...

    def leg(self, leg_id: LegId | None) -> Leg | None: ...

    def setting(self, name: str) -> Any: ...

    def memory(self, kind: type[M]) -> M:
        """The one instance of `kind` that belongs to this call service; made at the first asking."""
        ...

    def after(self, seconds: float, callback: Callable[[], None]) -> Cancel:
        """What the callback makes the core say leaves at once."""
        ...

    def place(
        self, waiting: Leg, target: str, by: Leg | None = None, failed: Callable[[Cause], None] | None = None
    ) -> bool:
        """Ring `target` for an answered leg. `by` gets the TransferResult and is let go when it has worked.

        Without success the leg and its peer stay as they are; a leg left alone is ended, or `failed` decides.
        """
        ...

    def replace(self, old: Leg, new: Leg) -> bool:
        """The answered leg `new` takes the place of `old`, talking, still calling or kept; `old` is let go."""
        ...

    def retrieve(self, new: Leg, kept: Leg) -> bool:
        """`new`, answered or not, talks to a kept leg."""
        ...

    def keep(self, leg: Leg, left: Left) -> bool:
        """Leave a leg, answered by now if it was not, alone in its call and on hold."""
        ...

    def transferred(self, leg: Leg, cause: Cause | None) -> None:
        """Say how the transfer that `leg` asked for went; None when it was carried out."""
        ...

    def refuse(self, leg: Leg, cause: Cause) -> None:
        """End a leg in the way its state asks for, and its call with it."""
        ...
