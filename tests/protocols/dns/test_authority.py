"""The lab's authority, octets in, octets out."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.dns.authority import Authority, Record

RECORDS = [
    Record("cucm1.example.test", "A", "127.0.1.1"),
    Record("imp1.example.test", "AAAA", "::1"),
    Record("_cisco-uds._tcp.example.test", "SRV", "6 30 8443 cucm1.example.test."),
    Record("_cisco-uds._tcp.example.test", "SRV", "1 5 8443 imp1.example.test."),
]
AUTHORITY = Authority(["example.test"], RECORDS)


def ask(name: str, kind: str, authority: Authority = AUTHORITY) -> dns.message.Message:
    wire = authority.answer(dns.message.make_query(name, kind).to_wire())
    assert wire is not None
    return dns.message.from_wire(wire)


def test_srv_records_come_with_the_addresses_of_their_targets() -> None:
    answer = ask("_cisco-uds._tcp.example.test", "SRV")
    assert answer.flags & dns.flags.AA
    assert {(data.priority, data.port) for data in answer.answer[0]} == {(6, 8443), (1, 8443)}
    assert {str(data) for rrset in answer.additional for data in rrset} == {"127.0.1.1", "::1"}


def test_names_are_found_whatever_their_case() -> None:
    assert [str(data) for data in ask("CUCM1.Example.TEST", "A").answer[0]] == ["127.0.1.1"]


@pytest.mark.parametrize("name", ["_tcp.example.test", "example.test", "imp1.example.test"])
def test_a_name_without_records_of_the_type_is_no_error(name: str) -> None:
    answer = ask(name, "A")
    assert answer.rcode() == dns.rcode.NOERROR
    assert not answer.answer
    assert answer.authority[0].rdtype == dns.rdatatype.SOA


def test_a_name_that_is_not_there_is_nxdomain() -> None:
    assert ask("_cisco_uds._tcp.example.test", "SRV").rcode() == dns.rcode.NXDOMAIN


def test_a_foreign_name_is_refused() -> None:
    assert ask("example.org", "A").rcode() == dns.rcode.REFUSED
    assert ask("example.test", "AXFR").rcode() == dns.rcode.REFUSED


def test_any_lists_everything_at_the_name() -> None:
    assert {rrset.rdtype for rrset in ask("_cisco-uds._tcp.example.test", "ANY").answer} == {
        dns.rdatatype.SRV
    }


def test_what_does_not_fit_is_truncated_over_udp_and_whole_over_tcp() -> None:
    many = Authority(
        ["t"], [Record("_x._tcp.t", "SRV", f"0 0 {port} host{port}.long-name.t.") for port in range(60)]
    )
    query = dns.message.make_query("_x._tcp.t", "SRV").to_wire()
    over_udp, over_tcp = many.answer(query), many.answer(query, stream=True)
    assert over_udp is not None
    assert over_tcp is not None
    assert len(over_udp) <= 512
    assert dns.message.from_wire(over_udp).flags & dns.flags.TC
    assert len(dns.message.from_wire(over_tcp).answer[0]) == 60


def test_other_operations_and_other_edns_versions_are_not_implemented() -> None:
    update = dns.message.make_query("example.test", "SOA")
    update.set_opcode(dns.opcode.NOTIFY)
    assert dns.message.from_wire(AUTHORITY.answer(update.to_wire()) or b"").rcode() == dns.rcode.NOTIMP
    strange = dns.message.make_query("example.test", "SOA", use_edns=1)
    assert dns.message.from_wire(AUTHORITY.answer(strange.to_wire()) or b"").rcode() == dns.rcode.BADVERS


def test_an_answer_gets_no_answer() -> None:
    response = dns.message.make_response(dns.message.make_query("example.test", "A"))
    assert AUTHORITY.answer(response.to_wire()) is None


def test_a_question_cut_short_is_a_format_error_with_its_id() -> None:
    wire = dns.message.make_query("cucm1.example.test", "A").to_wire()
    answer = AUTHORITY.answer(wire[:20])
    assert answer is not None
    assert answer[:2] == wire[:2]
    assert answer[3] & 15 == dns.rcode.FORMERR


@pytest.mark.parametrize("wire", [b"", b"\0" * 11, b"\0" * 5000])
def test_fragments_and_floods_get_silence(wire: bytes) -> None:
    assert AUTHORITY.answer(wire) is None


@given(st.binary(max_size=300))
def test_arbitrary_octets_never_raise(wire: bytes) -> None:
    answer = AUTHORITY.answer(wire)
    assert answer is None or answer[:2] == wire[:2]


@given(st.data())
def test_damaged_questions_never_raise(data: st.DataObject) -> None:
    wire = bytearray(dns.message.make_query("_cisco-uds._tcp.example.test", "SRV", use_edns=0).to_wire())
    for _ in range(data.draw(st.integers(1, 6))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    AUTHORITY.answer(bytes(wire))


def test_a_record_outside_the_zones_is_refused_at_start() -> None:
    with pytest.raises(ValueError):
        Authority(["example.test"], [Record("a.example.org", "A", "127.0.0.1")])
