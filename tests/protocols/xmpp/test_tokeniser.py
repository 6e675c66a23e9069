"""The tokeniser: chunking changes nothing, nothing makes it raise, hostile input gets the right stream error."""

from __future__ import annotations

import itertools
import resource

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from antiphon.protocols.xmpp.element import Element, serialise
from antiphon.protocols.xmpp.limits import C2S, PRE_AUTH, Limits
from antiphon.protocols.xmpp.names import CLIENT, STREAMS, TLS, XML_LANG, QName
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Failure, Nonza, StreamClosed, StreamOpened, Token, Tokeniser
from antiphon.protocols.xmpp.tree import parse_element

HEADER = (
    b"<?xml version='1.0'?><stream:stream to='example.test' version='1.0' xml:lang='en' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
MESSAGE = b"<message to='bob@example.test' type='chat' id='1'><body>a &gt; b \xc3\xa9</body><x xmlns='u:x'/></message>"


def opened(limits: Limits = C2S, header: bytes = HEADER) -> Tokeniser:
    tokeniser = Tokeniser(limits, single=False)
    events = tokeniser.feed(header)
    assert isinstance(events[0], StreamOpened), events
    return tokeniser


def shape(events: list[Token]) -> list[object]:
    """Events in a form that compares."""
    shaped: list[object] = []
    for event in events:
        if isinstance(event, Stanza):
            shaped.append(
                (event.kind, event.type, event.id, event.to, event.claimed, event.children, event.raw)
            )
        elif isinstance(event, Nonza):
            shaped.append((event.name, event.attrs, event.raw))
        else:
            shaped.append(event)
    return shaped


def feed_all(tokeniser: Tokeniser, chunks: list[bytes]) -> list[Token]:
    events: list[Token] = []
    for chunk in chunks:
        events += tokeniser.feed(chunk)
        while tokeniser.pending:
            events += tokeniser.feed(b"")
    return events


def failure(data: bytes, limits: Limits = C2S) -> str:
    """The condition that ends a stream in which `data` follows the header."""
    last = feed_all(opened(limits), [data])[-1]
    assert isinstance(last, Failure), last
    return last.condition


def test_the_header_is_read() -> None:
    assert list(Tokeniser().feed(HEADER)) == [
        StreamOpened({"to": "example.test", "version": "1.0", XML_LANG: "en"})
    ]


def test_a_stanza_keeps_its_bytes_and_shows_what_routing_needs() -> None:
    [stanza] = opened().feed(MESSAGE)
    assert isinstance(stanza, Stanza)
    assert stanza.raw == MESSAGE
    assert stanza.children == (QName(CLIENT, "body"), QName("u:x", "x"))
    assert str(stanza.to) == "bob@example.test"


def test_an_empty_stanza_ends_where_its_tag_ends() -> None:
    events = opened().feed(b"<presence/><presence /><presence></presence ></stream:stream>")
    assert shape(list(events)) == [
        ("presence", "", "", None, "", (), b"<presence/>"),
        ("presence", "", "", None, "", (), b"<presence />"),
        ("presence", "", "", None, "", (), b"<presence></presence >"),
        StreamClosed(),
    ]


@pytest.mark.parametrize(
    ("written", "raw"),
    [
        (b"<message from='m@x' to='a@b'><body/></message>", b"<message to='a@b'><body/></message>"),
        (b'<message\nfrom = "m@x"/>', b"<message/>"),
        (b"<iq xmlns='jabber:client' id='1'/>", b"<iq id='1'/>"),
        (b"<c:iq xmlns:c='jabber:client' from='m@x' id='1'><c:x/></c:iq>", b"<iq id='1'><x/></iq>"),
        (
            b"<messageq:message xmlns:messageq='jabber:client'/>",
            b"<message/>",
        ),
        (
            b"<message to='a@b/&apos;&gt;' b='from=&apos;x&apos;'/>",
            b"<message to='a@b/&apos;&gt;' b='from=&apos;x&apos;'/>",
        ),
    ],
)
def test_what_the_server_stamps_is_never_there_twice(written: bytes, raw: bytes) -> None:
    [stanza] = opened().feed(written)
    assert isinstance(stanza, Stanza)
    assert stanza.raw == raw
    assert parse_element(stanza.stamped(b"me@x/y")).get("from") == "me@x/y"


def test_a_stanza_that_leans_on_the_stream_header_is_written_anew() -> None:
    header = HEADER.replace(b"xml:lang='en'", b"xmlns:q='urn:q'")
    [stanza] = opened(header=header).feed(b"<message q:a='1'><q:x q:b='2'>t</q:x></message>")
    assert isinstance(stanza, Stanza)
    assert stanza.children == (QName("urn:q", "x"),)
    tree = Stanza.parse(stanza.raw).tree()
    assert tree.attrs == {"{urn:q}a": "1"}
    [child] = tree.elements()
    assert (child.name, child.attrs, child.text) == (QName("urn:q", "x"), {"{urn:q}b": "2"}, "t")


def test_a_body_that_merely_mentions_the_stream_prefix_passes() -> None:
    [stanza] = opened().feed(b"<message><body>&lt;stream:error/&gt; stream:</body></message>")
    assert isinstance(stanza, Stanza)
    assert stanza.tree().child_text(CLIENT, "body") == "<stream:error/> stream:"


def test_single_stops_behind_every_element_so_that_a_restart_can_follow() -> None:
    tokeniser = Tokeniser()
    assert len(tokeniser.feed(HEADER + STARTTLS + b"\n" + HEADER + MESSAGE)) == 1
    assert tokeniser.pending
    [starttls] = tokeniser.feed(b"")
    assert isinstance(starttls, Nonza)
    assert starttls.name == QName(TLS, "starttls")
    tokeniser.restart()
    assert isinstance(tokeniser.feed(b"")[0], StreamOpened)
    assert isinstance(tokeniser.feed(b"")[0], Stanza)
    assert not tokeniser.pending


def test_discarded_input_is_never_read() -> None:
    tokeniser = Tokeniser()
    tokeniser.feed(HEADER + STARTTLS + MESSAGE)
    tokeniser.feed(b"")
    tokeniser.discard()
    tokeniser.restart()
    assert not tokeniser.pending
    assert isinstance(tokeniser.feed(HEADER)[0], StreamOpened)


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.text("a'\"<>/=", max_size=5))
def test_the_text_of_an_element_is_that_of_its_tree(text: str, attribute: str) -> None:
    written = serialise(Element("urn:x", "auth", {"a": attribute}, text))
    for nonza in opened().feed(written):
        assert isinstance(nonza, Nonza)
        assert nonza.text() == nonza.tree().text


@pytest.mark.parametrize("inside", ["", "<x/>", "a<x>b</x>c", "<![CDATA[a]]>b", "a&lt;", "a\r\nb"])
def test_the_text_of_any_element_is_that_of_its_tree(inside: str) -> None:
    [nonza] = opened().feed(f"<auth xmlns='u'>{inside}</auth>".encode())
    assert isinstance(nonza, Nonza)
    assert nonza.text() == nonza.tree().text


def test_white_space_between_stanzas_is_a_keepalive() -> None:
    tokeniser = opened()
    assert list(tokeniser.feed(b" ")) == []
    assert list(tokeniser.feed(b"\n\n")) == []
    assert tokeniser.buffered == 0
    assert len(tokeniser.feed(b" <presence/> \n<presence/>\r\n")) == 2
    assert tokeniser.buffered == 0


def test_white_space_behind_auth_does_not_spoil_the_restart() -> None:
    tokeniser = Tokeniser()
    tokeniser.feed(HEADER)
    tokeniser.feed(STARTTLS + b"\n")
    tokeniser.restart()
    assert isinstance(tokeniser.feed(HEADER)[0], StreamOpened)


def test_a_parked_stream_goes_on_with_the_next_byte() -> None:
    tokeniser = opened()
    tokeniser.feed(MESSAGE)
    assert tokeniser.park()
    assert shape(feed_all(tokeniser, [MESSAGE[:20], MESSAGE[20:], b"</stream:stream>"])) == [
        *shape(list(opened().feed(MESSAGE))),
        StreamClosed(),
    ]


def test_a_stream_inside_a_stanza_is_not_parked() -> None:
    tokeniser = opened()
    tokeniser.feed(b"<message><body>")
    assert not tokeniser.park()


def test_nothing_comes_after_the_end_of_the_stream() -> None:
    tokeniser = opened()
    assert list(tokeniser.feed(b"</stream:stream><presence/>")) == [StreamClosed()]
    assert list(tokeniser.feed(b"<presence/>")) == []


# -- framing for WebSocket


def test_a_frame_is_one_document() -> None:
    tokeniser = Tokeniser(C2S, framed=True)
    [first] = tokeniser.feed(
        b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.test' version='1.0'/>"
    )
    assert isinstance(first, Nonza)
    assert first.attrs["to"] == "example.test"
    [stanza] = tokeniser.feed(b"<message xmlns='jabber:client' to='a@b'><body>x</body></message>")
    assert isinstance(stanza, Stanza)
    assert stanza.raw == b"<message to='a@b'><body>x</body></message>"


@pytest.mark.parametrize(
    ("frame", "condition"),
    [
        (b"<message xmlns='jabber:client'>", "not-well-formed"),
        (b"<message xmlns='jabber:client'", "not-well-formed"),
        (b"</frame>", "not-well-formed"),
        (b"<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>", "bad-format"),
        (b"<?xml version='1.0'?><presence xmlns='jabber:client'/>", "not-well-formed"),
        (b"<stream:features/>", "not-well-formed"),
    ],
)
def test_a_frame_that_is_not_one_document_ends_the_stream(frame: bytes, condition: str) -> None:
    last = Tokeniser(C2S, framed=True).feed(frame)[-1]
    assert isinstance(last, Failure)
    assert last.condition == condition


# -- bad headers


@pytest.mark.parametrize(
    ("header", "condition"),
    [
        (b"<stream:stream xmlns='jabber:client' xmlns:stream='http://wrong.example/'>", "invalid-namespace"),
        (
            b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>",
            "invalid-namespace",
        ),
        (b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", "invalid-namespace"),
        (
            b"<foo:stream xmlns='jabber:client' xmlns:foo='http://etherx.jabber.org/streams'>",
            "bad-namespace-prefix",
        ),
        (b"<stream:foo xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", "bad-format"),
        (b"<stream xmlns='jabber:client'>", "invalid-namespace"),
        (b"<stream:stream>", "not-well-formed"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?>" + HEADER[21:], "unsupported-encoding"),
        (b"<?xml version='1.0' encoding='UTF-16'?>" + HEADER[21:], "unsupported-encoding"),
        ("<?xml version='1.0'?><a>".encode("utf-16"), "unsupported-encoding"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + HEADER[21:], "restricted-xml"),
        (b"<!-- x -->" + HEADER[21:], "restricted-xml"),
        (b"<?php x?>" + HEADER[21:], "restricted-xml"),
        (b"<html>", "invalid-namespace"),
        (b"<" + b"a" * 20_000, "policy-violation"),
        (b"GET / HTTP/1.1\r\n", "not-well-formed"),
        (b" \n x", "not-well-formed"),
    ],
)
def test_a_bad_header_gets_its_error(header: bytes, condition: str) -> None:
    last = feed_all(Tokeniser(), [header])[-1]
    assert isinstance(last, Failure), last
    assert last.condition == condition


# -- hostile stanzas

HOSTILE = {
    "comment": (b"<message><!-- x --></message>", "restricted-xml"),
    "comment between": (b"<!-- x --><message/>", "restricted-xml"),
    "processing instruction": (b"<message><?x y?></message>", "restricted-xml"),
    "doctype": (b"<!DOCTYPE x><message/>", "not-well-formed"),
    "entity": (b"<message><body>&lol;</body></message>", "restricted-xml"),
    "xml declaration": (b"<?xml version='1.0'?><message/>", "not-well-formed"),
    "invalid utf-8": (b"<message><body>\xff</body></message>", "unsupported-encoding"),
    "overlong utf-8": (b"<message><body>\xc0\xbc</body></message>", "unsupported-encoding"),
    "utf-8 surrogate": (b"<message><body>\xed\xa0\x80</body></message>", "unsupported-encoding"),
    "cut utf-8": (b"<message><body>\xe2\x82</body></message>", "unsupported-encoding"),
    "surrogate reference": (b"<message><body>&#xD800;</body></message>", "not-well-formed"),
    "null reference": (b"<message><body>&#0;</body></message>", "not-well-formed"),
    "null": (b"<message><body>\x00</body></message>", "not-well-formed"),
    "control": (b"<message><body>\x08</body></message>", "not-well-formed"),
    "not a character": (b"<message><body>\xef\xbf\xbf</body></message>", "not-well-formed"),
    "undeclared prefix": (b"<message><a:b/></message>", "not-well-formed"),
    "undeclared attribute prefix": (b"<message a:b='1'/>", "not-well-formed"),
    "stream child": (b"<message><stream:features/></message>", "bad-namespace-prefix"),
    "stream child by namespace": (
        b"<message><q xmlns='http://etherx.jabber.org/streams'><stream:x/></q></message>",
        "bad-namespace-prefix",
    ),
    "second header": (HEADER[21:] + b"<presence/>", "bad-format"),
    "duplicate attribute": (b"<message to='a@b' to='c@d'/>", "not-well-formed"),
    "duplicate expanded attribute": (
        b"<message xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>",
        "not-well-formed",
    ),
    "mismatch": (b"<message></presence>", "not-well-formed"),
    "separator in namespace": (b"<message xmlns='jabber:client message'/>", "not-well-formed"),
    "bound xml prefix": (b"<message xmlns:xml='urn:x'/>", "not-well-formed"),
    "bound xmlns prefix": (b"<message xmlns:xmlns='urn:x'/>", "not-well-formed"),
    "empty prefix binding": (b"<message xmlns:a=''/>", "not-well-formed"),
    "text between": (b"<message/>x<message/>", "bad-format"),
    "cdata between": (b"<![CDATA[x]]><message/>", "bad-format"),
    "text before end": (b"<message/>x</stream:stream>", "bad-format"),
    "deep": (b"<message>" + b"<a>" * 100, "policy-violation"),
    "very deep": (b"<message>" + b"<a>" * 80_000, "policy-violation"),
    "long name": (b"<message><" + b"a" * 300_000, "policy-violation"),
    "big": (b"<message><body>" + b"x" * 300_000 + b"</body></message>", "policy-violation"),
    "big unfinished": (b"<message><body>" + b"x" * 300_000 + b"</body>", "policy-violation"),
    "many elements": (b"<message>" + b"<a/>" * 5000 + b"</message>", "policy-violation"),
    "many elements unfinished": (b"<message>" + b"<a/>" * 9000, "policy-violation"),
    "many attributes": (b"<message %s/>" % b" ".join(b"a%d=''" % n for n in range(65)), "policy-violation"),
    "long attribute": (b"<message a='" + b"x" * 8193 + b"'/>", "policy-violation"),
    "long inner attribute": (b"<message><a b='" + b"x" * 8193 + b"'/></message>", "policy-violation"),
    "many namespaces": (
        b"<message %s/>" % b" ".join(b"xmlns:a%d='u'" % n for n in range(33)),
        "policy-violation",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_stanzas_end_the_stream_with_the_right_error(case: str) -> None:
    data, condition = HOSTILE[case]
    assert failure(data) == condition


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_stanzas_byte_by_byte_end_it_the_same_way(case: str) -> None:
    data, condition = HOSTILE[case]
    last = feed_all(opened(), [data[at : at + 1] for at in range(len(data))])[-1]
    assert isinstance(last, Failure), last
    assert last.condition == condition


def test_billion_laughs_end_at_the_doctype() -> None:
    entities = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
    bomb = f"<!DOCTYPE lolz [<!ENTITY l0 'lol'>{entities}]>".encode() + HEADER[21:]
    last = feed_all(Tokeniser(), [bomb])[-1]
    assert isinstance(last, Failure)
    assert last.condition == "restricted-xml"


def test_cdata_is_text() -> None:
    [stanza] = opened().feed(b"<message><body><![CDATA[<a> & ]]>b</body></message>")
    assert isinstance(stanza, Stanza)
    assert stanza.tree().child_text(CLIENT, "body") == "<a> & b"


def test_before_sign_in_the_caps_are_small() -> None:
    assert failure(b"<a xmlns='u'>" + b"x" * 11_000 + b"</a>", PRE_AUTH) == "policy-violation"
    assert failure(b"<message>" + b"<a/>" * 70 + b"</message>", PRE_AUTH) == "policy-violation"


def test_a_tag_with_many_brackets_in_many_pieces_costs_bounded_work() -> None:
    tokeniser = opened()
    events: list[Token] = []
    fed = 0
    events += tokeniser.feed(b"<message a='")
    while not events:
        events += tokeniser.feed(b">")
        fed += 1
        assert fed < 20_000
    [last] = events
    assert isinstance(last, Failure)
    assert last.condition == "policy-violation"


def test_a_huge_attribute_byte_by_byte_is_held_back_and_refused() -> None:
    tokeniser = opened()
    tokeniser.feed(b"<message a='")
    fed = 0
    while not (events := tokeniser.feed(b"x")):
        fed += 1
    assert fed <= C2S.stanza_bytes
    assert isinstance(events[-1], Failure)


def test_hundreds_of_thousands_of_names_do_not_stay_in_memory() -> None:
    tokeniser = opened()

    def storm(first: int) -> None:
        for start in range(first, first + 100_000, 1000):
            names = b"".join(b"<n%d xmlns='u%d'/>" % (n, n) for n in range(start, start + 1000))
            [stanza] = tokeniser.feed(b"<message>" + names + b"</message>")
            assert isinstance(stanza, Stanza)

    storm(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    storm(1_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024


# -- properties

CORPUS = (
    HEADER
    + MESSAGE
    + b" \n<presence/><iq type='get' id='x' from='z@y'><q xmlns='a:b' c=\"d>'\">&#x1F600;<![CDATA[>]]></q></iq>"
    + b"<r xmlns='urn:xmpp:sm:3'/>"
    + b"<message xmlns='jabber:client'><body>\xf0\x9f\x98\x80 stream: </body></message></stream:stream>"
)


@given(st.lists(st.integers(1, len(CORPUS) - 1), max_size=60), st.booleans())
def test_any_chunking_gives_the_same_events(cuts: list[int], single: bool) -> None:
    whole = shape(feed_all(Tokeniser(C2S, single=False), [CORPUS]))
    edges = [0, *sorted(cuts), len(CORPUS)]
    chunks = [CORPUS[a:b] for a, b in itertools.pairwise(edges)]
    assert shape(feed_all(Tokeniser(C2S, single=single), chunks)) == whole
    assert whole[-1] == StreamClosed()
    assert len(whole) == 7


def test_byte_by_byte_gives_the_same_events() -> None:
    whole = shape(feed_all(Tokeniser(C2S, single=False), [CORPUS]))
    assert shape(feed_all(Tokeniser(C2S), [CORPUS[n : n + 1] for n in range(len(CORPUS))])) == whole


FRAGMENTS = st.sampled_from(
    [
        b"<",
        b">",
        b"/",
        b"'",
        b'"',
        b"=",
        b" ",
        b"&",
        b"&amp;",
        b"<message",
        b"</message>",
        b"<body>",
        b"</body>",
        b"xmlns",
    ]
    + [
        b"<stream:",
        b"xmlns:a='u'",
        b" from='x'",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"<?",
        b"?>",
        b"\xc3",
        b"\xa9",
        b"\x00",
    ]
    + [HEADER, MESSAGE, STARTTLS, b"</stream:stream>", b"<a:", b":", b"<!DOCTYPE"]
)


@given(
    st.lists(st.one_of(FRAGMENTS, st.binary(max_size=8)), max_size=30),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=300)
@example([HEADER, b"<message a='>", b"b'>", b"</message>"], False, False, True)
def test_no_bytes_make_it_raise(chunks: list[bytes], single: bool, framed: bool, headed: bool) -> None:
    tokeniser = Tokeniser(C2S, framed=framed, single=single)
    if headed and not framed:
        tokeniser.feed(HEADER)
    for event in feed_all(tokeniser, chunks):
        if isinstance(event, Stanza):
            # What is forwarded can be read by itself, and as what the tokeniser said it is.
            again = Stanza.parse(event.stamped(b"me@x/y"))
            assert (again.kind, again.type, again.id, again.to) == (
                event.kind,
                event.type,
                event.id,
                event.to,
            )
            assert again.children == event.children
            assert str(again.sender) == "me@x/y"


def test_the_stream_namespace_is_known() -> None:
    assert HEADER.find(STREAMS.encode()) > 0
