"""Facts that the directory publishes.

An event names what changed, not its new state: a listener asks the directory, and finds None for what was removed. Only
`EntryAudited` travels between processes: each directory (or mirror) reads again what that names, and then publishes the
others itself, so that whoever hears them finds the new state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antiphon.kernel.bus import Event


@dataclass(frozen=True, slots=True)
class UserChanged(Event):
    """A user was added or changed."""

    carried: ClassVar[bool] = False
    userid: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class UserRemoved(Event):
    carried: ClassVar[bool] = False
    userid: str


@dataclass(frozen=True, slots=True)
class LineChanged(Event):
    """A line was added, changed or removed."""

    carried: ClassVar[bool] = False
    number: str


@dataclass(frozen=True, slots=True)
class DeviceChanged(Event):
    """A device was added, changed or removed."""

    carried: ClassVar[bool] = False
    name: str


@dataclass(frozen=True, slots=True)
class ProfileChanged(Event):
    """A service profile was added, changed or removed."""

    carried: ClassVar[bool] = False
    name: str


@dataclass(frozen=True, slots=True)
class UcServiceChanged(Event):
    """A UC service was added, changed or removed."""

    carried: ClassVar[bool] = False
    name: str


@dataclass(frozen=True, slots=True)
class EdgeNodeChanged(Event):
    """An edge node was added, changed or removed."""

    carried: ClassVar[bool] = False
    name: str


@dataclass(frozen=True, slots=True)
class EntryAudited(Event):
    """Who changed what: one for each entry written. Values are not told, only which fields differ."""

    actor: str
    """userid, or empty for the system itself."""
    action: str
    """`add`, `change` or `remove`."""
    kind: str
    """`user`, `line`, `device`, `service profile`, `UC service` or `edge node`."""
    key: str
    fields: tuple[str, ...] = ()
