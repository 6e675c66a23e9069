"""The registrar: address of record → bindings, in memory, written through to a store.

Source: RFC 3261 §10.3, RFC 5626 §6, S3-54 (Expires 120).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from antiphon.kernel.bus import Bus
from antiphon.kernel.time import Timers
from antiphon.services.registrar.binding import (
    Binding,
    Change,
    ContactRequest,
    Key,
    Outcome,
    RegisterRequest,
    RegisterResult,
    binding_key,
)
from antiphon.services.registrar.events import BindingAdded, BindingRefreshed, BindingRemoved, Reason
from antiphon.services.registrar.expiry import Expiry
from antiphon.services.registrar.journal import Journal, restored, row_key
from antiphon.services.registrar.ports import BindingStore


@dataclass(frozen=True, slots=True)
class Limits:
    """What a REGISTER may ask for."""

    contacts_per_aor: int = 10
    aors: int = 100_000
    min_expires_s: int = 15
    default_expires_s: int = 120
    max_expires_s: int = 120
    """Also the time after which a phone notices a lost server: the keep-alive interval of its device pool."""


class _Aor:
    """The bindings of one address of record, by key and as what is handed out."""

    __slots__ = ("all", "by_key", "refreshed")

    def __init__(self) -> None:
        self.by_key: dict[Key, Binding] = {}
        self.all: tuple[Binding, ...] = ()
        self.refreshed: dict[Binding, RegisterResult] = {}

    def put(self, binding: Binding) -> None:
        self.by_key[binding.key] = binding
        self._publish()

    def drop(self, binding: Binding) -> None:
        del self.by_key[binding.key]
        self._publish()

    def _publish(self) -> None:
        # Made here, once per change, so that a refresh has nothing to build.
        self.all = tuple(self.by_key.values())
        self.refreshed = {
            binding: RegisterResult(Outcome.OK, ((Change.REFRESHED, binding),), self.all)
            for binding in self.all
        }


class Registrar:
    """Synchronous and in memory; `journal` (None: forget at exit) carries every change to the store."""

    def __init__(
        self, timers: Timers, bus: Bus, journal: Journal | None = None, limits: Limits | None = None
    ) -> None:
        self._timers = timers
        self._bus = bus
        self._journal = journal
        self.limits = limits or Limits()
        self._aors: dict[str, _Aor] = {}
        self._by_flow: dict[object, set[Binding]] = {}
        self._expiry = Expiry(timers, lambda binding: self._drop(binding, Reason.EXPIRED))

    def __len__(self) -> int:
        """Addresses of record with at least one binding."""
        return len(self._aors)

    def bindings(self, aor: str) -> tuple[Binding, ...]:
        """Most recently added last; also those that are not reachable (`Binding.reachable`) for now."""
        known = self._aors.get(aor)
        return known.all if known is not None else ()

    def all(self) -> Iterator[Binding]:
        for known in tuple(self._aors.values()):
            yield from known.all

    def register(self, request: RegisterRequest) -> RegisterResult:
        """Serve a REGISTER: all of it or nothing. Without contacts it is a query."""
        known = self._aors.get(request.aor)
        contacts = request.contacts
        if known is not None and len(contacts) == 1 and not request.star:
            contact = contacts[0]
            binding = known.by_key.get(
                (contact.instance, contact.reg_id) if contact.instance else contact.uri
            )
            if binding is not None and binding.flow is request.flow and binding.contact == contact.uri:
                result = self._refresh(binding, contact, request, known)
                if result is not None:
                    return result
        if request.star:
            return self._unregister_all(request, known)
        if not contacts:
            return RegisterResult(Outcome.OK, (), known.all if known is not None else ())
        return self._apply(request, known)

    def remove_flow(self, flow: object) -> None:
        """The connection is gone, and with it every binding over it (RFC 5626 §5.3)."""
        for binding in self._by_flow.pop(flow, ()):
            self._drop(binding, Reason.FLOW_LOST)

    def remove(self, aor: str, device: str | None = None, reason: Reason = Reason.REJECTED) -> None:
        """End the bindings of a line, or of one device on it: by an administrator, or when a sign-in is revoked."""
        for binding in self.bindings(aor):
            if device is None or binding.device == device:
                self._drop(binding, reason)

    async def restore(self, store: BindingStore) -> int:
        """Read what a former process has left; returns how many bindings still stand.

        A binding in the store was alive when that process ended: ends are written at once. How often it was refreshed
        since is not known, so it gets a whole interval from now, in which its device comes back or does not.
        """
        now = self._timers.now()
        offset = self._timers.wall() - now
        count = 0
        for row in await store.load():
            binding = restored(row, offset)
            known = self._aors.get(binding.aor)
            if known is not None and binding.key in known.by_key:
                continue  # it registered while the store was being read
            token_expires = binding.token_expires
            if token_expires is not None and token_expires <= self._timers.wall():
                if self._journal is not None:
                    self._journal.changed(row.row_key, None)
                continue
            binding.expires_at = now + self._granted(self.limits.max_expires_s, token_expires)
            self._enter(known or self._aors.setdefault(binding.aor, _Aor()), binding)
            self._expiry.watch(binding)
            self._bus.publish(BindingAdded(binding.aor, binding.device, Reason.CREATED))
            count += 1
        return count

    def _refresh(
        self, binding: Binding, contact: ContactRequest, request: RegisterRequest, known: _Aor
    ) -> RegisterResult | None:
        """The hot path: a device says again what it said before. None: it is not that simple."""
        if binding.call_id == request.call_id and request.cseq <= binding.cseq:
            return self._not_newer(binding, request)
        asked = contact.expires_s
        if asked is None:
            asked = request.expires_s
        limits = self.limits
        if asked is None:
            asked = limits.default_expires_s
        elif asked < limits.min_expires_s:
            return None
        elif asked > limits.max_expires_s:
            asked = limits.max_expires_s
        if request.path != binding.path:
            return None
        granted: float = asked
        token_expires = request.token_expires
        if token_expires is not None and token_expires - self._timers.wall() < asked:
            granted = self._granted(asked, token_expires)
        # A later end alone is not written: `restore` gives every binding that was there a whole interval.
        changed = binding.received != request.received or binding.token_expires != token_expires
        binding.call_id = request.call_id
        binding.cseq = request.cseq
        binding.received = request.received
        binding.token_expires = token_expires
        binding.expires_at = expires_at = self._timers.now() + granted
        if expires_at < binding.due:
            self._expiry.watch(binding)
        if changed and self._journal is not None:
            self._journal.refreshed(binding)
        return known.refreshed[binding]

    def _not_newer(self, binding: Binding, request: RegisterRequest) -> RegisterResult:
        repeated = request.cseq == binding.cseq and request.branch == binding.branch != ""
        outcome = Outcome.REPEATED if repeated and binding.response else Outcome.STALE
        return RegisterResult(outcome, ((Change.REFRESHED, binding),), self.bindings(binding.aor))

    def _unregister_all(self, request: RegisterRequest, known: _Aor | None) -> RegisterResult:
        if request.contacts or request.expires_s != 0:
            return RegisterResult(Outcome.MALFORMED)
        if known is None:
            return RegisterResult(Outcome.OK)
        for binding in known.all:
            if binding.call_id == request.call_id and request.cseq <= binding.cseq:
                return self._not_newer(binding, request)
        gone = known.all
        for binding in gone:
            self._drop(binding, Reason.UNREGISTERED)
        return RegisterResult(Outcome.OK, tuple((Change.REMOVED, binding) for binding in gone))

    def _apply(self, request: RegisterRequest, known: _Aor | None) -> RegisterResult:
        refusal = self._refusal(request, known)
        if refusal is not None:
            return refusal
        changes = tuple(
            change
            for contact in request.contacts
            if (change := self._apply_one(request, contact)) is not None
        )
        return RegisterResult(Outcome.OK, changes, self.bindings(request.aor))

    def _refusal(self, request: RegisterRequest, known: _Aor | None) -> RegisterResult | None:
        """Why nothing of this REGISTER may be applied, or None."""
        by_key = known.by_key if known is not None else {}
        keys = set(by_key)
        for contact in request.contacts:
            key = binding_key(contact.uri, contact.instance, contact.reg_id)
            binding = by_key.get(key)
            if binding is not None and binding.call_id == request.call_id and request.cseq <= binding.cseq:
                return self._not_newer(binding, request)
            asked = self._asked(request, contact)
            if 0 < asked < self.limits.min_expires_s:
                return RegisterResult(Outcome.TOO_BRIEF)
            if asked:
                keys.add(key)
            else:
                keys.discard(key)
        if len(keys) > self.limits.contacts_per_aor:
            return RegisterResult(Outcome.TOO_MANY)
        if known is None and keys and len(self._aors) >= self.limits.aors:
            return RegisterResult(Outcome.FULL)
        return None

    def _asked(self, request: RegisterRequest, contact: ContactRequest) -> int:
        if contact.expires_s is not None:
            return contact.expires_s
        return self.limits.default_expires_s if request.expires_s is None else request.expires_s

    def _apply_one(self, request: RegisterRequest, contact: ContactRequest) -> tuple[Change, Binding] | None:
        known = self._aors.get(request.aor)
        key = binding_key(contact.uri, contact.instance, contact.reg_id)
        old = known.by_key.get(key) if known is not None else None
        asked = self._asked(request, contact)
        if asked <= 0:
            if old is None:
                return None
            self._drop(old, Reason.UNREGISTERED)
            return (Change.REMOVED, old)
        binding = old or Binding(request.aor, contact.uri)
        moved = binding.flow is not request.flow or binding.contact != contact.uri
        if moved and old is not None:
            self._forget_flow(old)
        self._write(binding, request, contact, self._granted(asked, request.token_expires))
        self._enter(known or self._aors.setdefault(request.aor, _Aor()), binding)
        if old is None or binding.expires_at < binding.due:
            self._expiry.watch(binding)
        if self._journal is not None:
            self._journal.changed(row_key(binding), binding)
        if old is None:
            self._bus.publish(BindingAdded(binding.aor, binding.device, Reason.REGISTERED))
            return (Change.NEW, binding)
        if moved:
            self._bus.publish(BindingRefreshed(binding.aor, binding.device, Reason.REFRESHED))
        return (Change.REFRESHED, binding)

    def _granted(self, asked: int, token_expires: float | None) -> float:
        """Seconds: no longer than the limit, nor than the token that was shown; at least one."""
        granted = float(min(asked, self.limits.max_expires_s))
        if token_expires is not None:
            granted = min(granted, token_expires - self._timers.wall())
        return max(1.0, granted)

    def _write(
        self, binding: Binding, request: RegisterRequest, contact: ContactRequest, granted_s: float
    ) -> None:
        now = self._timers.now()
        binding.contact = contact.uri
        binding.instance, binding.reg_id = contact.instance, contact.reg_id
        binding.device = request.device
        binding.flow, binding.transport, binding.received = request.flow, request.transport, request.received
        binding.call_id, binding.cseq = request.call_id, request.cseq
        binding.path, binding.token_expires, binding.q = request.path, request.token_expires, contact.q
        binding.registered_at = binding.registered_at or now
        binding.expires_at = now + granted_s

    def _enter(self, known: _Aor, binding: Binding) -> None:
        known.put(binding)
        if binding.flow is not None:
            self._by_flow.setdefault(binding.flow, set()).add(binding)

    def _drop(self, binding: Binding, reason: Reason) -> None:
        known = self._aors.get(binding.aor)
        if known is None or known.by_key.get(binding.key) is not binding:
            return
        known.drop(binding)
        if not known.all:
            del self._aors[binding.aor]
        self._forget_flow(binding)
        if self._journal is not None:
            self._journal.changed(row_key(binding), None)
        self._bus.publish(BindingRemoved(binding.aor, binding.device, reason))

    def _forget_flow(self, binding: Binding) -> None:
        over = self._by_flow.get(binding.flow)
        if over is not None:
            over.discard(binding)
            if not over:
                del self._by_flow[binding.flow]
