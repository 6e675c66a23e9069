from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.protocols.sip.check import fault
from antiphon.protocols.sip.framing import Framer, Ping
from antiphon.protocols.sip.message import Rejected, Request, Response
from antiphon.protocols.sip.parse import MAX_FIELDS, MAX_LINE, parse_datagram

LINES = [
    "OPTIONS sip:bob@example.test SIP/2.0",
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77;rport",
    "Max-Forwards: 70",
    "From: Alice <sip:alice@example.test>;tag=88sja8x",
    "To: <sip:bob@example.test>",
    "Call-ID: 987asjd97y7atg",
    "CSeq: 986759 OPTIONS",
    "Content-Length: 0",
]


def message(*changes: tuple[str, str | None], extra: tuple[str, ...] = (), body: str = "") -> bytes:
    lines = list(LINES)
    for name, line in changes:
        at = next(i for i, known in enumerate(lines) if known.startswith(name))
        lines[at : at + 1] = [] if line is None else [line]
    return ("\r\n".join([*lines, *extra]) + "\r\n\r\n" + body).encode()


def request(data: bytes) -> Request:
    parsed = parse_datagram(data)
    assert isinstance(parsed, Request), parsed
    assert fault(parsed) is None
    return parsed


def rejected(data: bytes) -> Rejected:
    parsed = parse_datagram(data)
    if isinstance(parsed, Request):
        parsed = fault(parsed)
    assert isinstance(parsed, Rejected), parsed
    return parsed


def test_a_request_gives_its_parts() -> None:
    options = request(message())
    assert (options.method, options.uri) == ("OPTIONS", "sip:bob@example.test")
    assert options.via.branch == "z9hG4bK77"
    assert options.via.sent_by == "192.0.2.1:5060"
    assert options.from_.tag == "88sja8x"
    assert options.from_.name == "Alice"
    assert options.to.sip.username == "bob"
    assert (options.sequence, options.cseq_method) == (986759, "OPTIONS")


def test_compact_and_odd_spellings_are_the_same_header() -> None:
    options = request(
        message(
            ("Call-ID", "i: 1"),
            ("To", "tO  :  <sip:bob@example.test>"),
            ("Via", "v:SIP/2.0/TCP a;branch=z9hG4bKx"),
        )
    )
    assert options.call_id == "1"
    assert options.to.uri == "sip:bob@example.test"
    assert options.via.transport == "TCP"


def test_folded_lines_are_one_value() -> None:
    options = request(message(extra=("Subject: one", "\ttwo ", "  three")))
    assert options.get("Subject") == "one two three"


def test_repeated_list_headers_keep_their_order() -> None:
    options = request(message(extra=("Supported: timer, path", "k: replaces")))
    assert options.listed("Supported") == ["timer", "path", "replaces"]


@pytest.mark.parametrize(
    "header",
    ["From: <sip:x@y>;tag=1", "t: <sip:x@y>", "Call-ID: 2", "CSeq: 1 OPTIONS", "l: 0", "Max-Forwards: 1"],
)
def test_a_singleton_twice_is_refused(header: str) -> None:
    assert rejected(message(extra=(header,))).status == 400


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_a_missing_mandatory_header_is_refused(name: str) -> None:
    assert rejected(message((name, None))).status == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("OPTIONS sip:bob@example.test SIP/3.0", 505),
        ("OPTIONS sip:bob@example.test HTTP/1.1", 400),
        ("OPTIONS  sip:bob@example.test SIP/2.0", 400),
        ("OPT IONS sip:bob@example.test SIP/2.0", 400),
        ("OPTIONS mailto:bob@example.test SIP/2.0", 416),
        ("OPTIONS sip:bob@example.test?Route=x SIP/2.0", 400),
        ("INVITE sip:bob@example.test SIP/2.0", 400),
    ],
)
def test_a_bad_start_line_gets_its_status(line: str, status: int) -> None:
    assert rejected(message(("OPTIONS", line))).status == status


@pytest.mark.parametrize(
    "line",
    [
        "From: <sip:alice@example.test>;tag=a\nX: y",
        "From: <sip:alice@example.test>;tag=a\rX: y",
        "To\x01: <sip:bob@example.test>",
        "To: <sip:bob@example.test>\x00",
        'To: "b\\\r" <sip:bob@example.test>',
    ],
)
def test_control_characters_and_bare_line_ends_are_refused(line: str) -> None:
    assert rejected(message((line[:2], line))).status == 400


def test_an_escaped_control_character_in_a_quoted_name_is_legal() -> None:
    options = request(message(("To", 'To: "bell \\\x07" <sip:bob@example.test>')))
    assert options.to.name == "bell \x07"


def test_bodies_obey_content_length() -> None:
    assert request(message(("Content-Length", "Content-Length: 3"), body="abcdef")).body == b"abc"
    assert request(message(("Content-Length", None), body="abcdef")).body == b"abcdef"
    assert rejected(message(("Content-Length", "Content-Length: 9"), body="abcdef")).status == 400
    assert rejected(message(("Content-Length", "Content-Length: -1"))).status == 400
    assert rejected(message(("Content-Length", "Content-Length: 999999999"))).status == 513


def test_the_limits_hold() -> None:
    assert rejected(message(extra=tuple(f"X-{i}: y" for i in range(MAX_FIELDS)))).status == 400
    assert rejected(message(extra=("X: " + "y" * MAX_LINE,))).status == 400
    assert rejected(message(extra=("X: y", *(" z" * 200 for _ in range(40))))).status == 400
    many = ", ".join(f"SIP/2.0/UDP h{i};branch=z9hG4bK{i}" for i in range(71))
    assert rejected(message(("Via", f"Via: {many}"))).status == 400
    assert parse_datagram(message(extra=tuple(f"X-{i}: {'y' * 4000}" for i in range(20)))) is None


def test_responses_that_cannot_be_used_are_dropped() -> None:
    good = message(("OPTIONS", "SIP/2.0 200 OK"))
    parsed = parse_datagram(good)
    assert isinstance(parsed, Response)
    assert (parsed.status, parsed.reason) == (200, "OK")
    assert parse_datagram(message(("OPTIONS", "SIP/2.0 099 No"))) is None
    assert parse_datagram(message(("OPTIONS", "SIP/2.0 2000 No"))) is None
    assert parse_datagram(message(("OPTIONS", "SIP/2.0 200 OK"), ("Call-ID", None))) is None


def test_printing_and_parsing_again_gives_the_same_request() -> None:
    options = request(message(extra=("Supported: timer", "Supported: path", "X-Odd: täst")))
    assert parse_datagram(options.to_bytes()) == options


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_the_parser_raise(data: bytes) -> None:
    for candidate in (data, data + b"\r\n\r\n", message(extra=(data.decode("latin-1"),))):
        parsed = parse_datagram(candidate)
        if isinstance(parsed, Request):
            fault(parsed)


_MUTATIONS = st.lists(
    st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=3)), min_size=1, max_size=6
)


@given(_MUTATIONS)
@settings(max_examples=200, deadline=None)
def test_no_mutation_of_a_request_makes_anything_raise(mutations: list[tuple[int, bytes]]) -> None:
    data = bytearray(message(extra=("Contact: <sip:a@b>;q=0.1", "Route: <sip:p;lr>", "Expires: 3600")))
    for at, change in mutations:
        at %= len(data)
        data[at : at + len(change)] = change
    parsed = parse_datagram(bytes(data))
    if isinstance(parsed, Request) and fault(parsed) is None:
        # What was found good can be read and printed without an error.
        assert parsed.via.stamped("192.0.2.9", 5060)
        assert parsed.sequence >= 0
        assert [parsed.from_, parsed.to, *parsed.contacts, *parsed.addresses("Route")]
        parsed.to_bytes()


_TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
_VALUE = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1, max_size=30
)


@given(
    st.dictionaries(st.from_regex(r"X-[A-Za-z0-9]{1,8}", fullmatch=True), _VALUE, max_size=5),
    st.binary(max_size=60),
    _TOKEN,
)
@settings(max_examples=150, deadline=None)
def test_parse_after_print_is_identity(extra: dict[str, str], body: bytes, method: str) -> None:
    built = Request(
        method,
        "sip:bob@example.test",
        {
            "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
            "From": "<sip:a@b>;tag=1",
            "To": "<sip:c@d>",
            "Call-ID": "1",
            "CSeq": f"1 {method}",
            **{
                "-".join(part.capitalize() for part in name.split("-")): value
                for name, value in extra.items()
            },
        },
        body,
    )
    assert parse_datagram(built.to_bytes()) == built


STREAM = (
    message()
    + b"\r\n\r\n"
    + message(("Content-Length", "l: 5"), body="hello")
    + b"\r\n"
    + message(("OPTIONS", "SIP/2.0 200 OK"))
    + message(("To", "To: <sip:b>;;"))
)


def framed(chunks: list[bytes]) -> list[str]:
    framer = Framer()
    out = [frame for chunk in chunks for frame in framer.feed(chunk)]
    return [repr(frame) + repr(getattr(frame, "body", b"")) for frame in out] + [str(framer.pending)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_chunking_of_a_stream_gives_the_same_messages(cuts: list[int]) -> None:
    at = sorted({0, len(STREAM), *cuts})
    assert framed([STREAM[a:b] for a, b in pairwise(at)]) == framed([STREAM])
    assert framed([STREAM[i : i + 1] for i in range(len(STREAM))]) == framed([STREAM])


def test_a_stream_is_cut_into_messages_and_pings() -> None:
    frames = Framer().feed(STREAM)
    assert [type(frame) for frame in frames] == [Request, Ping, Request, Response, Request]


@pytest.mark.parametrize(
    "length",
    [None, "Content-Length: x", "Content-Length: -1", "Content-Length: 0\r\nl: 5", "Content-Length: 999999"],
)
def test_a_stream_without_one_clear_content_length_is_broken(length: str | None) -> None:
    framer = Framer()
    (frame,) = framer.feed(message(("Content-Length", length)) + message())
    assert isinstance(frame, Rejected)
    assert frame.answerable is not None
    assert framer.broken
    assert framer.feed(message()) == []


def test_a_stream_of_no_message_is_given_up_at_the_header_limit() -> None:
    framer = Framer()
    frames = [frame for _ in range(80) for frame in framer.feed(b"x" * 1024)]
    assert [type(frame) for frame in frames] == [Rejected]
    assert framer.broken


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_the_framer_raise(data: bytes) -> None:
    framer = Framer()
    framer.feed(data)
    framer.feed(b"\r\n\r\n")
