"""Stanzas as bytes: stamping, addressing and changing children never make an ill-formed or ambiguous one."""

from __future__ import annotations

import pytest

from antiphon.protocols.xmpp.element import Element, attribute_value
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.names import CLIENT, QName
from antiphon.protocols.xmpp.stanza import Stanza, without_attributes
from antiphon.protocols.xmpp.tree import NotAnElement, parse_element

MESSAGE = (
    b"<message from='mallory@example.test' to='bob@example.test' type='chat' id='m1'>"
    b"<body>1 &lt; 2</body><delay xmlns='urn:xmpp:delay'/></message>"
)
DELAY = QName("urn:xmpp:delay", "delay")


def test_what_routing_needs_is_read() -> None:
    stanza = Stanza.parse(MESSAGE)
    assert (stanza.kind, stanza.type, stanza.id) == ("message", "chat", "m1")
    assert stanza.to == Jid("bob", "example.test")
    assert stanza.children == (QName(CLIENT, "body"), DELAY)
    assert stanza.has("urn:xmpp:delay", "delay")


def test_the_stamp_is_the_only_from() -> None:
    stamped = Stanza.parse(MESSAGE).stamped(b"alice@example.test/a")
    assert parse_element(stamped).attrs == {
        "from": "alice@example.test/a",
        "to": "bob@example.test",
        "type": "chat",
        "id": "m1",
    }


def test_a_new_to_replaces_the_old_one() -> None:
    stamped = Stanza.parse(MESSAGE).stamped(b"alice@example.test/a", b"carol@example.test")
    assert parse_element(stamped).get("to") == "carol@example.test"
    assert Stanza.parse(stamped).readdressed(Jid("dave", "example.test")).to == Jid("dave", "example.test")


def test_a_resource_with_quotes_is_escaped_in_the_stamp() -> None:
    jid = Jid.parse("alice@example.test/o'b&<\"")
    assert parse_element(Stanza.parse(MESSAGE).stamped(attribute_value(jid))).get("from") == str(jid)


def test_children_can_be_taken_away_and_added() -> None:
    stanza = Stanza.parse(MESSAGE)
    assert stanza.without({QName("urn:x", "y")}) is stanza
    bare = stanza.without({DELAY})
    assert bare.children == (QName(CLIENT, "body"),)
    assert bare.tree().child_text(CLIENT, "body") == "1 < 2"
    again = bare.appended(b"<delay xmlns='urn:xmpp:delay' stamp='x'/>", DELAY)
    assert again.children == stanza.children
    found = again.tree().child(*DELAY)
    assert found is not None
    assert found.get("stamp") == "x"


def test_an_empty_stanza_can_get_a_child() -> None:
    stanza = Stanza.parse(b"<presence/>").appended(b"<show>away</show>", QName(CLIENT, "show"))
    assert stanza.tree() == Element(CLIENT, "presence", {}, Element(CLIENT, "show", {}, "away"))


def test_attributes_are_taken_away_by_their_written_name_only() -> None:
    raw = b"<message to = \"from='x'\"\n from='a'  xfrom='b'><from from='c'/></message>"
    assert without_attributes(raw, b"from") == (
        b"<message to = \"from='x'\"  xfrom='b'><from from='c'/></message>"
    )


@pytest.mark.parametrize(
    "data", [b"<x/>", b"<message xmlns='urn:x'/>", b"<message/><message/>", b"", b"x", b"<message>"]
)
def test_what_is_not_one_stanza_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnElement):
        Stanza.parse(data)


def test_a_bad_address_is_noted_not_raised() -> None:
    stanza = Stanza.parse(b"<message to='@'/>")
    assert stanza.malformed
    assert stanza.to is None
