from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.protocols.sdp import Direction, Malformed, direction, held, parse, with_direction
from antiphon.protocols.sdp.session import MAX_LINES, MAX_MEDIA

HEAD = "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
AUDIO = "m=audio 49170 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
OFFER = HEAD + AUDIO + "m=video 0 RTP/AVP 31\r\n"


def test_a_description_gives_its_parts_and_prints_as_it_came() -> None:
    session = parse(OFFER.encode())
    audio, video = session.media
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == (
        "audio",
        49170,
        "RTP/AVP",
        ("0", "8", "101"),
    )
    assert audio.attribute("ptime") == "20"
    assert audio.attribute("sendrecv") is None
    assert (video.kind, video.port) == ("video", 0)
    assert session.connection == "IN IP4 192.0.2.1"
    assert session.to_bytes() == OFFER.encode()


def test_bare_line_feeds_are_read_and_crlf_is_written() -> None:
    assert parse(OFFER.replace("\r\n", "\n").encode()).to_bytes() == OFFER.encode()


def test_the_order_of_rfc_8866_is_allowed_in_full() -> None:
    full = (
        "v=0\r\no=j 1 1 IN IP6 2001:db8::1\r\ns=x\r\ni=info\r\nu=http://e\r\ne=a@b\r\ne=c@d\r\np=+1\r\n"
        "c=IN IP6 2001:db8::1\r\nb=AS:64\r\nt=0 0\r\nr=7d 1h 0 25h\r\nt=1 2\r\nz=0 0\r\nk=prompt\r\na=recvonly\r\n"
        "m=audio 4000/2 RTP/SAVP 0\r\ni=t\r\nc=IN IP4 224.2.1.1/127\r\nc=IN IP4 224.2.1.2/127\r\nb=AS:1\r\n"
        "k=prompt\r\na=x\r\n"
    )
    session = parse(full.encode())
    assert session.media[0].port_count == 2
    assert session.to_bytes() == full.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0\r\n",
        "v=1\r\n" + HEAD[5:],
        HEAD.replace("s=-\r\n", ""),
        HEAD.replace("t=0 0\r\n", ""),
        HEAD.replace("alice 2890844526", "alice"),
        HEAD + "x",
        HEAD + "s=again\r\n",
        HEAD + "m=audio\r\n",
        HEAD + "m=audio x RTP/AVP 0\r\n",
        HEAD + "m=audio 70000 RTP/AVP 0\r\n",
        HEAD + "m =audio 1 RTP/AVP 0\r\n",
        HEAD.replace("c=IN IP4 192.0.2.1\r\n", "") + AUDIO,
        HEAD + "a=x\0\r\n",
        HEAD + "a=x\r\n" * MAX_LINES,
        HEAD + "m=audio 1 RTP/AVP 0\r\n" * (MAX_MEDIA + 1),
        HEAD + "a=" + "x" * 5000 + "\r\n",
    ],
)
def test_what_is_no_description_or_too_much_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text.encode())


@pytest.mark.parametrize(
    ("session_line", "media_line", "expected"),
    [
        ("", "", Direction.SENDRECV),
        ("a=sendonly\r\n", "", Direction.SENDONLY),
        ("a=sendonly\r\n", "a=recvonly\r\n", Direction.RECVONLY),
        ("", "a=inactive\r\n", Direction.INACTIVE),
        ("", "c=IN IP4 0.0.0.0\r\n", Direction.SENDONLY),
    ],
)
def test_the_nearest_attribute_says_the_direction(
    session_line: str, media_line: str, expected: Direction
) -> None:
    m, rest = AUDIO.split("\r\n", 1)
    session = parse((HEAD + session_line + m + "\r\n" + media_line + rest).encode())
    assert direction(session, session.media[0]) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [("a=sendonly\r\n", True), ("a=inactive\r\n", True), ("a=recvonly\r\n", False), ("", False)],
)
def test_hold_is_an_offer_that_wants_to_receive_nothing(line: str, expected: bool) -> None:
    assert held((HEAD + AUDIO + line).encode()) is expected


def test_what_cannot_be_read_holds_nobody() -> None:
    assert not held(None)
    assert not held(b"hold!")
    assert not held(HEAD.encode())


def test_a_direction_can_be_set_on_every_section() -> None:
    session = with_direction(
        parse((HEAD + "a=sendrecv\r\n" + AUDIO + "a=sendrecv\r\n").encode()), Direction.SENDONLY
    )
    assert held(session.to_bytes())
    assert session.to_bytes().count(b"sendrecv") == 0
    assert Direction.SENDONLY.mirrored is Direction.RECVONLY
    assert Direction.INACTIVE.mirrored is Direction.INACTIVE


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_the_parser_raises_only_malformed(data: bytes) -> None:
    for candidate in (data, HEAD.encode() + data):
        try:
            again = parse(candidate)
        except Malformed:
            continue
        assert parse(again.to_bytes()) == again
        held(candidate)
