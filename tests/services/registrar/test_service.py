from __future__ import annotations

import pytest

from antiphon.kernel.bus import Event, LocalBus
from antiphon.kernel.core import Address
from antiphon.kernel.time import VirtualTime
from antiphon.services.registrar.binding import Change, ContactRequest, Outcome, RegisterRequest
from antiphon.services.registrar.events import BindingAdded, BindingRefreshed, BindingRemoved, Reason
from antiphon.services.registrar.service import Limits, Registrar

PHONE = "sip:phone@192.0.2.1:5060"


class Bench:
    """A registrar, and what it has said."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.time = VirtualTime()
        self.bus = LocalBus()
        self.facts: list[Event] = []
        for kind in (BindingAdded, BindingRefreshed, BindingRemoved):
            self.bus.subscribe(kind, self.facts.append)
        self.registrar = Registrar(self.time, self.bus, limits=limits)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def register(
    *contacts: ContactRequest,
    aor: str = "1001",
    call_id: str = "a",
    cseq: int = 1,
    flow: object | None = None,
    expires_s: int | None = None,
    token_expires: float | None = None,
    branch: str = "",
    star: bool = False,
    transport: str = "tls",
) -> RegisterRequest:
    return RegisterRequest(
        aor=aor,
        device="CSFALICE",
        contacts=contacts or (() if star else (ContactRequest(PHONE),)),
        call_id=call_id,
        cseq=cseq,
        flow=flow,
        transport=transport,
        received=Address("192.0.2.1", 5060),
        expires_s=expires_s,
        token_expires=token_expires,
        branch=branch,
        star=star,
    )


def test_a_registered_contact_is_found_by_its_address_of_record(bench: Bench) -> None:
    result = bench.registrar.register(register(expires_s=60))
    (binding,) = bench.registrar.bindings("1001")
    assert result.outcome is Outcome.OK
    assert result.changes == ((Change.NEW, binding),)
    assert (binding.contact, binding.device, binding.expires_in(bench.time.now())) == (PHONE, "CSFALICE", 60)
    assert bench.facts == [BindingAdded("1001", "CSFALICE", Reason.REGISTERED)]


def test_the_registrar_shortens_what_was_asked_to_its_keep_alive_interval(bench: Bench) -> None:
    result = bench.registrar.register(register(expires_s=3600))
    assert result.bindings[0].expires_in(bench.time.now()) == 120


def test_the_parameter_of_the_contact_wins_over_the_expires_header(bench: Bench) -> None:
    bench.registrar.register(register(ContactRequest(PHONE, expires_s=30), expires_s=90))
    assert bench.registrar.bindings("1001")[0].expires_in(bench.time.now()) == 30


def test_an_interval_below_the_minimum_is_refused_and_changes_nothing(bench: Bench) -> None:
    assert bench.registrar.register(register(expires_s=1)).outcome is Outcome.TOO_BRIEF
    bench.registrar.register(register(expires_s=100))
    assert bench.registrar.register(register(cseq=2, expires_s=1)).outcome is Outcome.TOO_BRIEF
    assert bench.registrar.bindings("1001")[0].expires_in(bench.time.now()) == 100


def test_a_binding_ends_when_it_was_not_refreshed(bench: Bench) -> None:
    bench.registrar.register(register(expires_s=60))
    bench.time.advance(59.9)
    assert len(bench.registrar.bindings("1001")) == 1
    bench.time.advance(0.1)
    assert bench.registrar.bindings("1001") == ()
    assert bench.facts[-1] == BindingRemoved("1001", "CSFALICE", Reason.EXPIRED)
    assert len(bench.registrar) == 0


def test_refreshes_keep_a_binding_for_as_long_as_they_come(bench: Bench) -> None:
    for cseq in range(1, 1000):
        bench.registrar.register(register(cseq=cseq, expires_s=60))
        bench.time.advance(50)
    assert len(bench.registrar.bindings("1001")) == 1
    bench.time.advance(10)
    assert bench.registrar.bindings("1001") == ()
    assert [type(fact) for fact in bench.facts] == [BindingAdded, BindingRemoved]


def test_a_refresh_may_also_shorten_the_interval(bench: Bench) -> None:
    bench.registrar.register(register(expires_s=100))
    bench.registrar.register(register(cseq=2, expires_s=20))
    bench.time.advance(20)
    assert bench.registrar.bindings("1001") == ()


def test_a_shortened_then_lengthened_binding_lives_to_its_last_promise(bench: Bench) -> None:
    bench.registrar.register(register(expires_s=100))
    bench.registrar.register(register(cseq=2, expires_s=20))
    bench.registrar.register(register(cseq=3, expires_s=110))
    bench.time.advance(109)
    assert len(bench.registrar.bindings("1001")) == 1
    bench.time.advance(1)
    assert bench.registrar.bindings("1001") == ()


def test_expires_zero_removes_the_binding(bench: Bench) -> None:
    bench.registrar.register(register())
    result = bench.registrar.register(register(cseq=2, expires_s=0))
    assert [change for change, _ in result.changes] == [Change.REMOVED]
    assert result.bindings == ()
    assert bench.facts[-1] == BindingRemoved("1001", "CSFALICE", Reason.UNREGISTERED)


def test_removing_what_was_never_there_is_fine(bench: Bench) -> None:
    assert bench.registrar.register(register(expires_s=0)).outcome is Outcome.OK
    assert len(bench.registrar) == 0


def test_a_request_without_contacts_is_a_query(bench: Bench) -> None:
    bench.registrar.register(register())
    query = RegisterRequest("1001", "CSFALICE", (), "q", 1, None, "tls")
    assert [binding.contact for binding in bench.registrar.register(query).bindings] == [PHONE]


# RFC 3261 §10.3 step 7


@pytest.mark.parametrize("cseq", [1, 4, 5])
def test_the_same_call_id_with_no_higher_cseq_changes_nothing(bench: Bench, cseq: int) -> None:
    bench.registrar.register(register(cseq=5))
    assert bench.registrar.register(register(cseq=cseq, expires_s=0)).outcome is Outcome.STALE
    assert len(bench.registrar.bindings("1001")) == 1


def test_another_call_id_may_start_with_a_lower_cseq(bench: Bench) -> None:
    bench.registrar.register(register(cseq=50))
    assert bench.registrar.register(register(call_id="b", cseq=1)).outcome is Outcome.OK


def test_one_stale_contact_refuses_the_whole_request(bench: Bench) -> None:
    bench.registrar.register(register(cseq=5))
    other = ContactRequest("sip:other@192.0.2.9")
    result = bench.registrar.register(register(other, ContactRequest(PHONE), cseq=4))
    assert result.outcome is Outcome.STALE
    assert [binding.contact for binding in bench.registrar.bindings("1001")] == [PHONE]


def test_a_retransmission_is_answered_with_what_was_answered_before(bench: Bench) -> None:
    ((_, binding),) = bench.registrar.register(register(cseq=7)).changes
    binding.branch, binding.response = "z9hG4bK1", b"SIP/2.0 200 OK\r\n\r\n"
    result = bench.registrar.register(register(cseq=7, branch="z9hG4bK1"))
    assert result.outcome is Outcome.REPEATED
    assert result.changes[0][1].response == b"SIP/2.0 200 OK\r\n\r\n"
    assert bench.registrar.register(register(cseq=7, branch="z9hG4bK2")).outcome is Outcome.STALE


# Contact: *


def test_star_with_expires_zero_removes_all_bindings(bench: Bench) -> None:
    bench.registrar.register(register(ContactRequest("sip:a@192.0.2.1"), ContactRequest("sip:b@192.0.2.2")))
    result = bench.registrar.register(register(star=True, cseq=2, expires_s=0))
    assert result.outcome is Outcome.OK
    assert bench.registrar.bindings("1001") == ()


@pytest.mark.parametrize("expires_s", [None, 60])
def test_star_without_expires_zero_is_malformed(bench: Bench, expires_s: int | None) -> None:
    bench.registrar.register(register())
    assert (
        bench.registrar.register(register(star=True, cseq=2, expires_s=expires_s)).outcome
        is Outcome.MALFORMED
    )
    assert len(bench.registrar.bindings("1001")) == 1


def test_star_beside_another_contact_is_malformed(bench: Bench) -> None:
    request = register(ContactRequest(PHONE), star=True, expires_s=0)
    assert bench.registrar.register(request).outcome is Outcome.MALFORMED


def test_star_of_an_older_cseq_removes_nothing(bench: Bench) -> None:
    bench.registrar.register(register(cseq=5))
    assert bench.registrar.register(register(star=True, cseq=3, expires_s=0)).outcome is Outcome.STALE
    assert len(bench.registrar.bindings("1001")) == 1


# Several bindings, RFC 5626


def test_two_phones_of_a_line_have_a_binding_each(bench: Bench) -> None:
    bench.registrar.register(register(ContactRequest("sip:a@192.0.2.1", "<urn:uuid:1>"), call_id="a"))
    bench.registrar.register(register(ContactRequest("sip:b@192.0.2.2", "<urn:uuid:2>"), call_id="b"))
    assert [binding.contact for binding in bench.registrar.bindings("1001")] == [
        "sip:a@192.0.2.1",
        "sip:b@192.0.2.2",
    ]


def test_an_instance_that_comes_back_from_elsewhere_replaces_its_binding(bench: Bench) -> None:
    old, new = object(), object()
    bench.registrar.register(register(ContactRequest("sip:a@192.0.2.1:40000", "<urn:uuid:1>"), flow=old))
    bench.registrar.register(
        register(ContactRequest("sip:a@192.0.2.1:50000", "<urn:uuid:1>"), call_id="b", flow=new)
    )
    (binding,) = bench.registrar.bindings("1001")
    assert (binding.contact, binding.flow) == ("sip:a@192.0.2.1:50000", new)
    assert bench.facts[-1] == BindingRefreshed("1001", "CSFALICE", Reason.REFRESHED)
    bench.registrar.remove_flow(old)
    assert len(bench.registrar.bindings("1001")) == 1


def test_two_flows_of_one_instance_are_two_bindings_by_their_reg_id(bench: Bench) -> None:
    bench.registrar.register(register(ContactRequest("sip:a@192.0.2.1", "<urn:uuid:1>", 1), call_id="a"))
    bench.registrar.register(register(ContactRequest("sip:a@192.0.2.1", "<urn:uuid:1>", 2), call_id="b"))
    assert [binding.reg_id for binding in bench.registrar.bindings("1001")] == [1, 2]


def test_a_lost_connection_takes_its_bindings_and_no_others(bench: Bench) -> None:
    one, other = object(), object()
    bench.registrar.register(register(ContactRequest("sip:a@192.0.2.1"), aor="1001", flow=one))
    bench.registrar.register(register(ContactRequest("sip:a@192.0.2.1"), aor="1002", flow=one))
    bench.registrar.register(register(ContactRequest("sip:b@192.0.2.2"), aor="1002", call_id="b", flow=other))
    bench.registrar.remove_flow(one)
    assert bench.registrar.bindings("1001") == ()
    assert [binding.flow for binding in bench.registrar.bindings("1002")] == [other]
    assert {fact.aor for fact in bench.facts if isinstance(fact, BindingRemoved)} == {"1001", "1002"}
    bench.registrar.remove_flow(one)


def test_an_administrator_ends_the_bindings_of_one_device(bench: Bench) -> None:
    bench.registrar.register(register())
    bench.registrar.remove("1001", "CSFBOB")
    assert len(bench.registrar.bindings("1001")) == 1
    bench.registrar.remove("1001", "CSFALICE")
    assert bench.facts[-1] == BindingRemoved("1001", "CSFALICE", Reason.REJECTED)


def test_a_registration_ends_with_the_token_that_was_shown(bench: Bench) -> None:
    bench.registrar.register(register(token_expires=bench.time.wall() + 45))
    assert bench.registrar.bindings("1001")[0].expires_in(bench.time.now()) == 45
    bench.time.advance(30)
    bench.registrar.register(register(cseq=2, token_expires=bench.time.wall() + 15))
    assert bench.registrar.bindings("1001")[0].expires_in(bench.time.now()) == 15
    bench.registrar.register(register(cseq=3, token_expires=bench.time.wall() + 4000))
    assert bench.registrar.bindings("1001")[0].expires_in(bench.time.now()) == 120


# Bounds


def test_no_more_contacts_than_the_limit_are_kept_for_a_line() -> None:
    bench = Bench(Limits(contacts_per_aor=2))
    for name in "ab":
        bench.registrar.register(register(ContactRequest(f"sip:{name}@192.0.2.1"), call_id=name))
    third = register(ContactRequest("sip:c@192.0.2.1"), call_id="c")
    assert bench.registrar.register(third).outcome is Outcome.TOO_MANY
    swap = register(
        ContactRequest("sip:a@192.0.2.1", expires_s=0), ContactRequest("sip:c@192.0.2.1"), call_id="d"
    )
    assert bench.registrar.register(swap).outcome is Outcome.OK
    assert len(bench.registrar.bindings("1001")) == 2


def test_no_more_lines_than_the_limit_are_kept() -> None:
    bench = Bench(Limits(aors=1))
    assert bench.registrar.register(register(aor="1001")).outcome is Outcome.OK
    assert bench.registrar.register(register(aor="1002")).outcome is Outcome.FULL
    assert bench.registrar.register(register(aor="1001", cseq=2)).outcome is Outcome.OK


def test_the_expiry_heap_does_not_grow_with_refreshes(bench: Bench) -> None:
    for cseq in range(1, 5001):
        bench.registrar.register(register(cseq=cseq, expires_s=60))
    assert len(bench.registrar._expiry._heap) == 1
