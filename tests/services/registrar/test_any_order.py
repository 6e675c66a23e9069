"""The registrar against a model that says the rules in the plainest way."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from antiphon.kernel.bus import LocalBus
from antiphon.kernel.time import VirtualTime
from antiphon.services.registrar.binding import ContactRequest, Outcome, RegisterRequest
from antiphon.services.registrar.events import BindingAdded, BindingRemoved
from antiphon.services.registrar.service import Limits, Registrar

AORS = st.sampled_from(["1001", "1002"])
CONTACTS = st.builds(
    ContactRequest,
    st.sampled_from(["sip:a@h", "sip:b@h", "sip:c@h"]),
    st.sampled_from(["", "<urn:uuid:1>"]),
    st.sampled_from([0, 1]),
    st.sampled_from([None, 0, 5, 30, 90, 500]),
)
LIMITS = Limits(contacts_per_aor=3, aors=1, min_expires_s=10, default_expires_s=60, max_expires_s=100)


@dataclass
class Kept:
    contact: str
    call_id: str
    cseq: int
    until: float
    flow: object


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.time = VirtualTime()
        self.bus = LocalBus()
        self.count = 0
        self.bus.subscribe(BindingAdded, lambda event: self.change(1))
        self.bus.subscribe(BindingRemoved, lambda event: self.change(-1))
        self.registrar = Registrar(self.time, self.bus, limits=LIMITS)
        self.model: dict[str, dict[object, Kept]] = {}
        self.flows = [object(), object()]

    def change(self, by: int) -> None:
        self.count += by

    def forget(self) -> None:
        now = self.time.now()
        for aor in list(self.model):
            left = {key: kept for key, kept in self.model[aor].items() if kept.until > now}
            self.model[aor] = left
            if not left:
                del self.model[aor]

    @rule(
        aor=AORS,
        contacts=st.lists(
            CONTACTS, max_size=3, unique_by=lambda c: (c.instance, c.reg_id) if c.instance else c.uri
        ),
        call_id=st.sampled_from(["x", "y"]),
        cseq=st.integers(1, 9),
        flow=st.sampled_from([0, 1]),
        star=st.sampled_from([False, False, False, True]),
        header=st.sampled_from([None, 0, 40]),
    )
    def register(
        self,
        aor: str,
        contacts: list[ContactRequest],
        call_id: str,
        cseq: int,
        flow: int,
        star: bool,
        header: int | None,
    ) -> None:
        request = RegisterRequest(
            aor, "d", tuple(contacts), call_id, cseq, self.flows[flow], "tls", expires_s=header, star=star
        )
        result = self.registrar.register(request)
        expected, after = self.expected(request)
        assert result.outcome is expected
        if expected is Outcome.OK:
            self.model[aor] = after
            self.forget()

    def expected(self, request: RegisterRequest) -> tuple[Outcome, dict[object, Kept]]:
        now, known = self.time.now(), dict(self.model.get(request.aor, {}))
        if request.star:
            if request.contacts or request.expires_s != 0:
                return Outcome.MALFORMED, known
            stale = any(
                kept.call_id == request.call_id and request.cseq <= kept.cseq for kept in known.values()
            )
            return (Outcome.STALE, known) if stale else (Outcome.OK, {})
        for contact in request.contacts:
            key: object = (contact.instance, contact.reg_id) if contact.instance else contact.uri
            old = self.model.get(request.aor, {}).get(key)
            if old is not None and old.call_id == request.call_id and request.cseq <= old.cseq:
                return Outcome.STALE, known
            asked = contact.expires_s if contact.expires_s is not None else request.expires_s
            asked = LIMITS.default_expires_s if asked is None else asked
            if 0 < asked < LIMITS.min_expires_s:
                return Outcome.TOO_BRIEF, known
            if asked == 0:
                known.pop(key, None)
                continue
            until = now + min(asked, LIMITS.max_expires_s)
            known[key] = Kept(contact.uri, request.call_id, request.cseq, until, request.flow)
        if request.contacts and len(known) > LIMITS.contacts_per_aor:
            return Outcome.TOO_MANY, known
        if request.aor not in self.model and known and len(self.model) >= LIMITS.aors:
            return Outcome.FULL, known
        return Outcome.OK, known

    @rule(seconds=st.sampled_from([1, 9, 30, 60, 100]))
    def wait(self, seconds: int) -> None:
        self.time.advance(seconds)
        self.forget()

    @rule(flow=st.sampled_from([0, 1]))
    def lose(self, flow: int) -> None:
        self.registrar.remove_flow(self.flows[flow])
        for aor in self.model:
            self.model[aor] = {
                key: kept for key, kept in self.model[aor].items() if kept.flow is not self.flows[flow]
            }
        self.forget()

    @invariant()
    def both_have_the_same(self) -> None:
        for aor in ("1001", "1002"):
            real = {
                binding.key: (
                    binding.contact,
                    binding.call_id,
                    binding.cseq,
                    binding.expires_at,
                    binding.flow,
                )
                for binding in self.registrar.bindings(aor)
            }
            model = {
                key: (kept.contact, kept.call_id, kept.cseq, kept.until, kept.flow)
                for key, kept in self.model.get(aor, {}).items()
            }
            assert real == model

    @invariant()
    def events_add_up(self) -> None:
        assert self.count == sum(1 for _ in self.registrar.all())
        assert len(self.registrar) == len(self.model)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase
