"""What the registrar needs of its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredBinding:
    """A binding as the store keeps it. `expires_wall` and `token_expires` are wall seconds."""

    aor: str
    contact: str
    instance: str
    reg_id: int
    device: str
    transport: str
    host: str
    port: int
    call_id: str
    cseq: int
    expires_wall: float
    path: tuple[str, ...] = ()
    token_expires: float | None = None
    q: float = 1.0

    @property
    def row_key(self) -> tuple[str, str, int]:
        """Primary key: aor, instance or contact, reg-id."""
        return (self.aor, self.instance or self.contact, self.reg_id)


class BindingStore(Protocol):
    """Where bindings outlive the process."""

    async def load(self) -> Sequence[StoredBinding]: ...

    async def write(self, upserts: Sequence[StoredBinding], removals: Sequence[tuple[str, str, int]]) -> None:
        """One transaction. A key is in one of the two only."""
        ...
