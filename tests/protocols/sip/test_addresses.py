from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.protocols.sip.grammar import Malformed, quote, unquote
from antiphon.protocols.sip.name_addr import NameAddr, parse_name_addr, parse_name_addrs
from antiphon.protocols.sip.uri import SipUri, parse_uri
from antiphon.protocols.sip.via import parse_via, parse_vias

CISCO_CONTACT = (
    "<sip:c3b6a0de-1111-4222-8333-944445555666@10.0.0.5:62162;transport=tls>"
    ';+sip.instance="<urn:uuid:00000000-0000-0000-0000-0123456789ab>"'
    ';+u.sip!devicename.ccm.cisco.com="CSFALICE";+u.sip!model.ccm.cisco.com="503";video'
)


@pytest.mark.parametrize(
    "text",
    [
        "sip:1001@cucm1.example.test",
        "sips:alice:secret@example.test:5061;transport=tcp;lr",
        "sip:[2001:db8::1]:5060",
        "sip:+1-212-555;ext=5@gw;user=phone?Subject=x&Priority=urgent",
        "sip:user%20name@example.test;maddr=192.0.2.1",
    ],
)
def test_a_uri_prints_as_it_was_parsed(text: str) -> None:
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "tel:+1", "sip:", "sip:a@", "sip:@b", "sip:a b@c", "sip:a@b:99999", "sip:a@b;x=1;x=2", "sip:%zz@b", "sip:a@[::1",
        "sip:a@b;=x", "sip:a@b?", "<sip:a@b>",
    ],
)  # fmt: skip
def test_what_is_no_sip_uri_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_uri(text)


_UNRESERVED = st.text("abcXYZ019-_.!~*'()", min_size=1, max_size=10)


@given(
    st.builds(
        SipUri,
        host=st.from_regex(r"[a-z]([a-z0-9]|[a-z0-9]\.[a-z]){0,5}", fullmatch=True),
        user=st.one_of(st.just(""), _UNRESERVED),
        port=st.one_of(st.none(), st.integers(0, 65535)),
        params=st.dictionaries(st.text("abc-", min_size=1), st.one_of(st.none(), _UNRESERVED), max_size=3),
        scheme=st.sampled_from(["sip", "sips"]),
    )
)
@settings(max_examples=200, deadline=None)
def test_parse_after_print_is_identity_for_uris(uri: SipUri) -> None:
    assert parse_uri(str(uri)) == uri


def test_the_contact_of_a_softphone_gives_its_device() -> None:
    contact = parse_name_addr(CISCO_CONTACT)
    assert contact.parameter("+u.sip!devicename.ccm.cisco.com") == "CSFALICE"
    assert contact.parameter("+sip.instance") == "<urn:uuid:00000000-0000-0000-0000-0123456789ab>"
    assert "video" in contact.params
    assert contact.sip.params["transport"] == "tls"
    assert str(contact) == CISCO_CONTACT


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("sip:a@b;tag=1", "", "sip:a@b", {"tag": "1"}),
        ("<sip:a@b;x=1>;tag=1", "", "sip:a@b;x=1", {"tag": "1"}),
        ('"A, \\"B\\" <c>" <sip:a@b> ; q = 0.1', 'A, "B" <c>', "sip:a@b", {"q": "0.1"}),
        ("A B  <sip:a@b>", "A B", "sip:a@b", {}),
        ("<tel:+1212>", "", "tel:+1212", {}),
        ('sip:a@b;x="<"', "", "sip:a@b", {"x": '"<"'}),
    ],
)
def test_an_address_gives_its_parts(text: str, display: str, uri: str, params: dict[str, str]) -> None:
    address = parse_name_addr(text)
    assert (address.name, address.uri, address.params) == (display, uri, params)


@pytest.mark.parametrize(
    "text",
    ['"a <sip:a@b>', "a, b <sip:a@b>", "< sip:a@b >", "<sip:a@b", "<sip:a@b>x", "<sip:a@b>;;", "sip:a@b?x=y", "", "<>",
     "<sip:a@b>;tag=1;tag=2", '"x" sip:a@b'],
)  # fmt: skip
def test_what_is_no_address_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_name_addr(text)


def test_commas_in_quotes_and_brackets_separate_nothing() -> None:
    first, second = parse_name_addrs('"a,b" <sip:c,d@e>, <sip:f@g>;x="1,2"')
    assert (first.name, first.uri) == ("a,b", "sip:c,d@e")
    assert second.parameter("x") == "1,2"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x3FF, exclude_characters="\x7f"), max_size=20))
@settings(max_examples=150, deadline=None)
def test_any_display_name_survives_quoting(name: str) -> None:
    assert unquote(quote(name)) == name
    assert parse_name_addr(str(NameAddr("sip:a@b", {"tag": "1"}, quote(name)))).name == name


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_address_parsers_raise_only_malformed(text: str) -> None:
    for parse in (parse_uri, parse_name_addr, parse_name_addrs, parse_via, parse_vias):
        try:
            parse(text)
        except Malformed:
            continue


def test_received_and_rport_come_from_the_socket() -> None:
    asked = parse_via("SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;rport")
    assert asked.stamped("192.0.2.7", 1024) == (
        "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;rport=1024;received=192.0.2.7"
    )
    forged = parse_via("SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;received=198.51.100.1")
    assert forged.stamped("10.0.0.5", 5060) == "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1"
    plain = parse_via("SIP/2.0/TCP 10.0.0.5;branch=z9hG4bK1")
    assert plain.stamped("10.0.0.5", 5060) is plain.raw


@pytest.mark.parametrize(
    "text",
    [
        "SIP/2.0/UDP",
        "SIP/3.0/UDP a",
        "HTTP/2.0/UDP a",
        "SIP/2.0/UDP a;;",
        "SIP/2.0/UDP a:70000",
        "SIP/2.0/UDP a b",
    ],
)
def test_what_is_no_via_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_via(text)
