"""Elements and their serialisation: what is written is read back, whatever the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.xmpp.test_differential import ELEMENTS

from antiphon.protocols.xmpp.element import Element, serialise
from antiphon.protocols.xmpp.names import CLIENT, XML_LANG
from antiphon.protocols.xmpp.tree import parse_element, read_again


@given(ELEMENTS)
def test_what_is_written_is_read_back(element: Element) -> None:
    assert parse_element(serialise(element)) == element
    assert read_again(serialise(element)) == element


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_written_and_what_xml_cannot_carry_is_replaced(attribute: str, text: str) -> None:
    again = parse_element(serialise(Element(CLIENT, "body", {"a": attribute}, text)))
    for sent, got in ((attribute, again.get("a")), (text, again.text)):
        assert len(got) == len(sent)
        assert all(a == b or b == "\ufffd" for a, b in zip(sent, got, strict=True))


def test_elements_have_no_prefix_and_attributes_get_one() -> None:
    element = Element(
        "urn:a", "x", {"{urn:b}k": "1", XML_LANG: "en"}, Element("urn:a", "y"), Element(CLIENT, "z")
    )
    assert serialise(element) == (
        b"<x xmlns='urn:a' xmlns:n0='urn:b' n0:k='1' xml:lang='en'><y/><z xmlns='jabber:client'/></x>"
    )


def test_children_are_found_by_name() -> None:
    element = Element(
        CLIENT, "x", {}, "a", Element("urn:a", "y", {}, "1"), "b", Element("urn:b", "y", {}, "2")
    )
    assert element.text == "ab"
    assert element.child_text("urn:b", "y") == "2"
    assert element.child_text("urn:c", "y", "none") == "none"
    assert [child.ns for child in element.elements(local="y")] == ["urn:a", "urn:b"]
