from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.x509.identity import Expected, Field, match
from antiphon.protocols.x509.issue import make_authority, make_certificate, new_key
from antiphon.protocols.x509.names import Names, names_of

WALL = 1_800_000_000.0
XMPP = Expected.for_xmpp("example.test")
HTTP = Expected("cucm1.example.test")
ALL = Names(
    xmpp_addrs=("example.test",),
    srv_names=("_xmpp-client.example.test", "_xmpp-server.example.test"),
    dns_names=("example.test", "imp1.example.test"),
    common_names=("example.test",),
)


def field(names: Names, expected: Expected) -> Field | None:
    found = match(names, expected)
    return None if found is None else found.field


def test_xmpp_fields_are_tried_in_the_documented_order() -> None:
    """S4-35 … S4-38."""
    srv = Names(srv_names=ALL.srv_names, dns_names=ALL.dns_names, common_names=ALL.common_names)
    dns = Names(dns_names=ALL.dns_names, common_names=ALL.common_names)
    common = Names(common_names=ALL.common_names)
    assert [field(names, XMPP) for names in (ALL, srv, dns, common)] == [
        Field.XMPP_ADDR,
        Field.SRV_NAME,
        Field.DNS_NAME,
        Field.COMMON_NAME,
    ]


def test_http_looks_at_dns_names_and_then_at_the_common_name() -> None:
    """S4-39, S4-40."""
    host = "example.test"
    assert field(ALL, Expected(host)) is Field.DNS_NAME
    assert field(Names(common_names=(host,)), Expected(host)) is Field.COMMON_NAME
    assert field(Names(xmpp_addrs=(host,), srv_names=(f"_xmpp-client.{host}",)), Expected(host)) is None


def test_an_xmpp_certificate_must_name_the_domain_and_not_only_the_server() -> None:
    """S4-62."""
    assert field(Names(dns_names=("imp1.example.test",)), XMPP) is None


def test_the_service_in_a_srv_name_counts() -> None:
    names = Names(srv_names=("_xmpp-server.example.test",))
    assert field(names, XMPP) is None
    assert field(names, Expected.for_xmpp("example.test", server_to_server=True)) is Field.SRV_NAME


def test_the_common_name_counts_beside_others_only_when_asked_for() -> None:
    names = Names(dns_names=("other.example.test",), common_names=("cucm1.example.test",))
    assert field(names, HTTP) is None
    found = match(names, HTTP, common_name_beside_others=True)
    assert found is not None
    assert found.field is Field.COMMON_NAME


@pytest.mark.parametrize("place", ["dns_names", "common_names"])
@pytest.mark.parametrize(
    ("presented", "host", "matches"),
    [
        ("*.example.test", "cucm1.example.test", True),
        ("*.Example.TEST", "CUCM1.example.test.", True),
        ("*.example.test", "example.test", False),
        ("*.example.test", "a.b.example.test", False),
        ("*.test", "example.test", False),
        ("*", "example", False),
        ("c*.example.test", "cucm1.example.test", False),
        ("*1.example.test", "cucm1.example.test", False),
        ("cucm1.*.test", "cucm1.example.test", False),
        ("*.*.test", "cucm1.example.test", False),
        ("*.example.test", ".example.test", False),
        ("cucm1.example.test\0.evil.test", "cucm1.example.test", False),
        ("", "cucm1.example.test", False),
    ],
)
def test_a_wildcard_is_the_whole_left_most_label(
    place: str, presented: str, host: str, matches: bool
) -> None:
    """S4-41."""
    names = Names(**{place: (presented,)})
    assert (match(names, Expected(host)) is not None) is matches


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "[2001:db8::1]"])
def test_an_address_is_compared_with_addresses_only(host: str) -> None:
    """S4-43."""
    text = host.strip("[]")
    assert field(Names(dns_names=(text,), common_names=(text,)), Expected(host)) is None
    assert field(Names(common_names=(text,)), Expected(host)) is None
    assert field(Names(ip_addresses=(text,)), Expected(host)) is Field.IP_ADDRESS
    assert field(Names(dns_names=("cucm1.example.test",)), Expected(host)) is None


def test_an_international_name_is_the_same_in_both_forms() -> None:
    names = Names(xmpp_addrs=("bücher.example",), dns_names=("xn--bcher-kva.example",))
    assert field(names, Expected.for_xmpp("xn--bcher-kva.example")) is Field.XMPP_ADDR
    assert field(names, Expected("Bücher.example")) is Field.DNS_NAME


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_name_raises_and_only_equal_names_match(presented: str, host: str) -> None:
    found = match(Names(dns_names=(presented,)), Expected(host))
    if found is not None and "*" not in presented:
        assert (
            presented.lower().rstrip(".") == (host.strip().lower().rstrip(".") or None) or not host.isascii()
        )


def test_names_survive_being_written_into_a_certificate() -> None:
    authority = make_authority("Test", WALL, 10)
    names = Names(
        xmpp_addrs=("example.test", "a" * 60 + "." + "b" * 60 + "." + "c" * 60 + ".test"),
        srv_names=ALL.srv_names,
        dns_names=ALL.dns_names,
        ip_addresses=("192.0.2.1", "2001:db8::1"),
        common_names=("imp1.example.test",),
    )
    assert names_of(make_certificate(authority, new_key(), names, WALL, 1)) == names
