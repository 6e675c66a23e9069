"""Write-through of bindings in batches: a refresh marks, one task writes."""

from __future__ import annotations

import logging
from typing import TypeAlias

from antiphon.kernel.core import Address
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Timers
from antiphon.services.registrar.binding import Binding
from antiphon.services.registrar.errors import NOT_STORED
from antiphon.services.registrar.ports import BindingStore, StoredBinding

log = logging.getLogger(__name__)

RowKey: TypeAlias = tuple[str, str, int]


def row_key(binding: Binding) -> RowKey:
    return (binding.aor, binding.instance or binding.contact, binding.reg_id)


class Journal:
    """What has changed since the last write. New and removed bindings are written at once, a refresh that changes what is
    kept (the address, the token) after `delay_s`; one that only lasts longer is not written."""

    def __init__(self, store: BindingStore, timers: Timers, tasks: Tasks, delay_s: float = 0.5) -> None:
        self._store = store
        self._timers = timers
        self._tasks = tasks
        self._delay_s = delay_s
        self._refreshed: set[Binding] = set()
        self._changed: dict[RowKey, Binding | None] = {}
        self._armed = False
        self._writing = False

    def refreshed(self, binding: Binding) -> None:
        self._refreshed.add(binding)
        if not self._armed:
            self._arm(self._delay_s)

    def changed(self, key: RowKey, binding: Binding | None) -> None:
        """None: the binding is gone."""
        self._changed[key] = binding
        self._start()

    def _arm(self, delay_s: float) -> None:
        self._armed = True
        self._timers.at(self._timers.now() + delay_s, self._due)

    def _due(self) -> None:
        self._armed = False
        self._start()

    def _start(self) -> None:
        if not self._writing and (self._changed or self._refreshed):
            self._writing = True
            self._tasks.spawn(self._write(), "registrar: write bindings")

    async def _write(self) -> None:
        try:
            while self._changed or self._refreshed:
                changed, refreshed = self._changed, self._refreshed
                self._changed, self._refreshed = {}, set()
                for binding in refreshed:
                    changed.setdefault(row_key(binding), binding)
                try:
                    await self._store.write(*self._rows(changed))
                except Exception:
                    # The bindings stay in memory and are written with the next change; calls go on.
                    log.exception("bindings not written", extra={"code": NOT_STORED.code})
                    self._keep(changed)
                    return
        finally:
            self._writing = False

    def _keep(self, changed: dict[RowKey, Binding | None]) -> None:
        self._changed = {**changed, **self._changed}
        if not self._armed:
            self._arm(5.0)

    def _rows(self, changed: dict[RowKey, Binding | None]) -> tuple[list[StoredBinding], list[RowKey]]:
        offset = self._timers.wall() - self._timers.now()
        upserts = [stored(binding, offset) for binding in changed.values() if binding is not None]
        return upserts, [key for key, binding in changed.items() if binding is None]


def stored(binding: Binding, wall_offset: float) -> StoredBinding:
    """`wall_offset` is wall minus monotonic seconds."""
    host, port = binding.received or ("", 0)
    return StoredBinding(
        aor=binding.aor,
        contact=binding.contact,
        instance=binding.instance,
        reg_id=binding.reg_id,
        device=binding.device,
        transport=binding.transport,
        host=host,
        port=port,
        call_id=binding.call_id,
        cseq=binding.cseq,
        expires_wall=binding.expires_at + wall_offset,
        path=binding.path,
        token_expires=binding.token_expires,
        q=binding.q,
    )


def restored(row: StoredBinding, wall_offset: float) -> Binding:
    binding = Binding(row.aor, row.contact, device=row.device, instance=row.instance, reg_id=row.reg_id)
    binding.transport = row.transport
    if row.host:
        binding.received = Address(row.host, row.port)
    binding.call_id, binding.cseq = row.call_id, row.cseq
    binding.expires_at = row.expires_wall - wall_offset
    binding.registered_at = binding.expires_at
    binding.path, binding.token_expires, binding.q = row.path, row.token_expires, row.q
    return binding
