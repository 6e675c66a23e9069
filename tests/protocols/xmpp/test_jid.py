"""Addresses. The valid and invalid examples are RFC 7622 §3.5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.xmpp.jid import Jid, MalformedJid

VALID = {
    "juliet@example.com": ("juliet", "example.com", ""),
    "juliet@example.com/foo": ("juliet", "example.com", "foo"),
    "juliet@example.com/foo bar": ("juliet", "example.com", "foo bar"),
    "juliet@example.com/foo@bar": ("juliet", "example.com", "foo@bar"),
    "foo\\20bar@example.com": ("foo\\20bar", "example.com", ""),
    "fussball@example.com": ("fussball", "example.com", ""),
    "fußball@example.com": ("fußball", "example.com", ""),
    "π@example.com": ("π", "example.com", ""),
    "Σ@example.com/foo": ("σ", "example.com", "foo"),
    "σ@example.com/foo": ("σ", "example.com", "foo"),
    "ς@example.com/foo": ("ς", "example.com", "foo"),
    "king@example.com/♚": ("king", "example.com", "♚"),
    "example.com": ("", "example.com", ""),
    "example.com/foobar": ("", "example.com", "foobar"),
    "a.example.com/b@example.net": ("", "a.example.com", "b@example.net"),
    "ALICE@EXAMPLE.TEST./Phone": ("alice", "example.test", "Phone"),
    "juliet@bücher.example": ("juliet", "bücher.example", ""),
    "juliet@xn--bcher-kva.example": ("juliet", "bücher.example", ""),
    "a@192.0.2.7": ("a", "192.0.2.7", ""),
    "a@[2001:db8:0::1]/x": ("a", "[2001:db8::1]", "x"),
}

INVALID = [
    '"juliet"@example.com',
    "foo bar@example.com",
    "juliet@example.com/",
    "@example.com/",
    "henryⅣ@example.com",
    "♚@example.com",
    "juliet@",
    "/foobar",
    "",
    "@",
    "a@b@c",
    "a@-b.example",
    "a@b..example",
    "a@[::1",
    "a@[x]",
    "a&b@example.com",
    "a\x00@example.com",
    "a@example.com/\x07",
    "a" * 1024 + "@example.com",
    "a@example.com/" + "r" * 1024,
    "a@example.com/" + "é" * 600,
    "＠x@example.com",
]


@pytest.mark.parametrize("text", VALID)
def test_the_valid_addresses_of_the_rfc_are_prepared(text: str) -> None:
    assert Jid.parse(text) == VALID[text]


@pytest.mark.parametrize("text", INVALID)
def test_the_invalid_addresses_of_the_rfc_are_refused(text: str) -> None:
    with pytest.raises(MalformedJid):
        Jid.parse(text)


@given(st.text(max_size=40))
def test_whatever_is_accepted_is_stable_when_printed_and_parsed_again(text: str) -> None:
    try:
        jid = Jid.parse(text)
    except MalformedJid:
        return
    assert Jid.parse(str(jid)) == jid


def test_bare_and_full() -> None:
    jid = Jid.parse("alice@example.test/phone")
    assert jid.bare == Jid("alice", "example.test")
    assert jid.bare.is_bare
    assert jid.bare.with_resource("phone") == jid
    assert Jid.prepared("Alice", "Example.Test", "phone") == jid
