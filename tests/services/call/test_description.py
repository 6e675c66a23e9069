from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.services.call.board import sdp

from antiphon.services.call.description import Thread, inactive, is_hold


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_a_sender_that_takes_nothing_holds(direction: str) -> None:
    assert is_hold(sdp("a", direction=direction))


@pytest.mark.parametrize("direction", ["sendrecv", "recvonly"])
def test_a_sender_that_takes_something_does_not_hold(direction: str) -> None:
    assert not is_hold(sdp("a", direction=direction))


def test_the_direction_of_the_session_counts_where_the_media_has_none() -> None:
    assert is_hold(b"v=0\r\no=a 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\na=sendonly\r\nm=audio 4 RTP/AVP 0\r\n")


def test_the_null_address_is_the_old_form_of_hold() -> None:
    assert is_hold(sdp("a").replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0"))


def test_a_rejected_media_line_does_not_count() -> None:
    assert is_hold(sdp("a", direction="sendonly") + b"m=video 0 RTP/AVP 96\r\na=sendrecv\r\n")
    assert not is_hold(b"v=0\r\nm=audio 0 RTP/AVP 0\r\na=sendonly\r\n")


@pytest.mark.parametrize("nothing", [None, b"", b"hello", b"m=", b"\xff\x00"])
def test_what_is_no_description_does_not_hold(nothing: bytes | None) -> None:
    assert not is_hold(nothing)


def test_an_inactive_description_sends_nothing_either_way() -> None:
    quiet = inactive(sdp("a", media=("audio", "video")) + b"a=setup:actpass\r\n")
    assert quiet.count(b"a=inactive") == 2
    assert b"a=sendrecv" not in quiet
    assert b"a=setup:passive" in quiet


def test_descriptions_of_one_peer_pass_byte_for_byte() -> None:
    thread = Thread()
    for version in (1, 1, 2, 7):
        assert thread.offer(sdp("bob", version)) == sdp("bob", version)


def test_another_peer_continues_the_origin_with_the_next_version() -> None:
    thread = Thread()
    thread.offer(sdp("bob", 4))
    assert b"o=bob bob 5 IN" in thread.offer(sdp("carol", 1, "sendonly"))
    assert b"o=bob bob 5 IN" in thread.offer(sdp("carol", 1, "sendonly"))
    assert b"o=bob bob 6 IN" in thread.answer(sdp("carol", 2))


def test_media_lines_keep_their_places_when_the_peer_changes() -> None:
    thread = Thread()
    thread.offer(sdp("bob", media=("audio", "video")))
    offer = thread.offer(sdp("carol", media=("video", "application")))
    kinds = [line.split()[:2] for line in offer.splitlines() if line.startswith(b"m=")]
    assert kinds == [[b"m=audio", b"0"], [b"m=video", b"4000"], [b"m=application", b"4000"]]
    answer = b"v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 5000 RTP/AVP 0\r\nm=application 0 RTP/AVP 0\r\n"
    returned = thread.returned(answer)
    assert [line.split()[0] for line in returned.splitlines()[1:]] == [b"m=video", b"m=application"]


def test_an_offer_with_more_media_needs_no_placing() -> None:
    thread = Thread()
    thread.offer(sdp("bob"))
    more = sdp("bob", 2, media=("audio", "video"))
    assert thread.offer(more) == more
    assert thread.returned(more) == more


def test_a_rejected_line_keeps_its_protocol_and_formats() -> None:
    thread = Thread()
    thread.offer(b"v=0\r\no=b 1 1 IN IP4 h\r\nm=audio 4000 RTP/SAVP 0 8\r\n")
    offer = thread.offer(b"v=0\r\no=c 1 1 IN IP4 h\r\nm=video 5000 RTP/AVP 96\r\n")
    assert b"m=audio 0 RTP/SAVP 0 8\r\n" in offer


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.just(sdp("a")), st.just(sdp("b", 2, media=("video",)))),
        max_size=6,
    )
)
def test_no_bytes_break_the_thread(descriptions: list[bytes]) -> None:
    thread = Thread()
    for description in descriptions:
        thread.offer(description)
        thread.returned(description)
        thread.answer(description)
        is_hold(description)
        inactive(description)
