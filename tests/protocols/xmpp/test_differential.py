"""What the tokeniser lets through means the same to libxml2: to the byte that is forwarded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.xmpp.lxml_reader import Refused, read_stream
from tests.protocols.xmpp.test_tokeniser import FRAGMENTS, HEADER, HOSTILE, feed_all, opened

from antiphon.protocols.xmpp.element import Element, serialise
from antiphon.protocols.xmpp.names import CLIENT
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Failure

END = b"</stream:stream>"


def read_by_both(data: bytes) -> tuple[list[Stanza], list[Element] | None]:
    """The stanzas the tokeniser lets through, and libxml2's reading of what would be forwarded (None: refused)."""
    stanzas = [event for event in feed_all(opened(), [data]) if isinstance(event, Stanza)]
    forwarded = HEADER + b"".join(stanza.stamped(b"me@x/y") for stanza in stanzas) + END
    try:
        return stanzas, read_stream(forwarded)
    except Refused:
        return stanzas, None


def assert_same(stanzas: list[Stanza], elements: list[Element] | None) -> None:
    assert elements is not None
    assert len(elements) == len(stanzas)
    for stanza, element in zip(stanzas, elements, strict=True):
        assert element.attrs.pop("from") == "me@x/y"
        assert element == stanza.tree()
        assert tuple(child.name for child in element.elements()) == stanza.children
        assert (element.local, element.get("type"), element.get("id")) == (
            stanza.kind,
            stanza.type,
            stanza.id,
        )


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=6)), max_size=20))
@settings(max_examples=300)
def test_arbitrary_bytes_are_refused_or_read_alike(chunks: list[bytes]) -> None:
    assert_same(*read_by_both(b"".join(chunks)))


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    max_size=12,
)
NAMES = st.sampled_from(["body", "x", "b-c", "d.e", "message", "é"])
SPACES = st.sampled_from(["jabber:client", "urn:x", "", "http://jabber.org/protocol/chatstates", "urn:ü&'<"])
KEYS = st.sampled_from(["a", "to", "{urn:y}k", "{http://www.w3.org/XML/1998/namespace}lang", "type"])
ELEMENTS: st.SearchStrategy[Element] = st.recursive(
    st.builds(
        lambda ns, local, attrs, text: Element(ns, local, attrs, text),
        SPACES,
        NAMES,
        st.dictionaries(KEYS, TEXT),
        TEXT,
    ),
    lambda inner: st.builds(
        lambda ns, local, attrs, children: Element(ns, local, attrs, *children),
        SPACES,
        NAMES,
        st.dictionaries(KEYS, TEXT),
        st.lists(st.one_of(inner, TEXT), max_size=4),
    ),
    max_leaves=12,
)


@given(st.lists(ELEMENTS, max_size=4))
def test_what_we_write_is_read_alike_and_back(children: list[Element]) -> None:
    message = Element(CLIENT, "message", {}, *children)
    stanzas, elements = read_by_both(serialise(message))
    assert_same(stanzas, elements)
    assert stanzas[0].tree() == message


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_hostile_is_never_forwarded(case: str) -> None:
    data, _ = HOSTILE[case]
    stanzas, elements = read_by_both(data)
    assert_same(stanzas, elements)


SMUGGLING = {
    "two headers in one": b"<message to='a@b'><body>]]&gt;</body></message>",
    "char references": b"<message><body>&#60;message&#62;&#38;lt;</body></message>",
    "cdata that looks like an end": b"<message><body><![CDATA[</body></message>]]></body></message>",
    "quotes in quotes": b"<message a='\">' b=\"'>\"><body/></message>",
    "prefix bound twice": b"<message xmlns:a='u'><a:x xmlns:a='v'><a:y/></a:x><a:z/></message>",
    "default namespace and back": b"<message><x xmlns='u'><message xmlns='jabber:client'/></x></message>",
    "no namespace": b"<message><body xmlns=''>x</body></message>",
    "namespace with references": b"<message><body xmlns='jabber:&#99;lient'>x</body></message>",
    "stanza namespace with references": b"<message xmlns='jabber&#58;client'><body>x</body></message>",
    "line ends": b"<message a='1\r\n2\t3'><body>x\r\ny\rz&#13;</body></message>",
    "c1 and specials": "<message><body>\x85\u2028\ufeff\U0010fffd</body></message>".encode(),
    "from in another namespace": b"<message xmlns:f='u' f:from='x'><body/></message>",
    "from twice by reference": b"<message from='a&#64;b'><body/></message>",
    "unicode names": "<message><ßß é='1'/></message>".encode(),
}


@pytest.mark.parametrize("case", SMUGGLING)
def test_tricks_that_fool_lax_parsers_are_read_alike(case: str) -> None:
    stanzas, elements = read_by_both(SMUGGLING[case])
    assert len(stanzas) == 1
    assert_same(stanzas, elements)


def test_the_reader_itself_refuses_what_it_should() -> None:
    for inside in (b"<!-- -->", b"<?a b?>", b"<a>", b"&undefined;", b"<!DOCTYPE a>"):
        with pytest.raises(Refused):
            read_stream(HEADER + inside + END)
    # What libxml2 lets pass with a shrug, the tokeniser does not.
    assert read_stream(HEADER + b"<a:b/>" + END)
    assert isinstance(feed_all(opened(), [b"<a:b/>"])[-1], Failure)
