from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.client.description import Agreed, Encryption, Local, accepted, answer, offer
from antiphon.kernel.core import Address
from antiphon.kernel.errors import DomainError
from antiphon.kernel.random import SequenceRandom
from antiphon.protocols import sdp
from antiphon.protocols.rtp import sdes
from antiphon.protocols.rtp.codec import OPUS, PCMA, PCMU
from antiphon.protocols.sdp import Direction

ALICE = Local(Address("192.0.2.1", 4000), 1)
BOB = Local(Address("192.0.2.2", 5000), 2)


def agree(alice: Local, bob: Local) -> tuple[Agreed, Agreed]:
    random = SequenceRandom()
    keys = sdes.offer(random)
    answered, at_bob = answer(offer(alice, keys), bob, random)
    return accepted(answered, alice, keys), at_bob


def test_both_sides_arrive_at_the_same_codec_and_at_each_others_address() -> None:
    at_alice, at_bob = agree(ALICE, replace(BOB, formats=(PCMA, PCMU)))
    assert at_alice.sends == at_bob.sends == PCMU
    assert (at_alice.remote, at_bob.remote) == (BOB.address, ALICE.address)
    assert (at_alice.event_type, at_bob.event_type) == (101, 101)


def test_keys_cross_over_and_the_strongest_offered_suite_is_taken() -> None:
    at_alice, at_bob = agree(ALICE, BOB)
    assert at_alice.keys is not None
    assert at_bob.keys is not None
    assert at_alice.keys == (at_bob.keys[1], at_bob.keys[0])
    assert at_alice.keys[0].suite is sdes.Suite.AEAD_AES_256_GCM


def test_optional_encryption_meets_a_side_without_it() -> None:
    at_alice, at_bob = agree(ALICE, replace(BOB, encryption=Encryption.OFF))
    assert at_alice.keys is None
    assert at_bob.keys is None


@pytest.mark.parametrize(
    ("one", "two"),
    [(Encryption.REQUIRED, Encryption.OFF), (Encryption.OFF, Encryption.REQUIRED)],
)
def test_required_encryption_refuses_a_side_without_it(one: Encryption, two: Encryption) -> None:
    with pytest.raises(DomainError, match="AP-CLIENT-034"):
        agree(replace(ALICE, encryption=one), replace(BOB, encryption=two))


def test_required_on_both_sides_is_savp() -> None:
    required = replace(ALICE, encryption=Encryption.REQUIRED)
    assert sdp.parse(offer(required, sdes.offer(SequenceRandom()))).media[0].protocol == "RTP/SAVP"
    assert agree(required, replace(BOB, encryption=Encryption.REQUIRED))[0].keys is not None


@pytest.mark.parametrize(
    ("offered", "heard"),
    [
        (Direction.SENDRECV, Direction.SENDRECV),
        (Direction.SENDONLY, Direction.RECVONLY),
        (Direction.RECVONLY, Direction.SENDONLY),
        (Direction.INACTIVE, Direction.INACTIVE),
    ],
)
def test_hold_is_mirrored(offered: Direction, heard: Direction) -> None:
    at_alice, at_bob = agree(replace(ALICE, direction=offered), BOB)
    assert (at_alice.direction, at_bob.direction) == (offered, heard)


def test_opus_is_taken_with_the_number_the_peer_gave_it_and_events_on_its_clock() -> None:
    at_alice, at_bob = agree(
        replace(ALICE, formats=(OPUS, PCMU)), replace(BOB, formats=(OPUS._replace(payload_type=99),))
    )
    assert at_bob.sends.payload_type == 114
    assert at_alice.sends.same_as(OPUS)
    assert at_alice.event_type == 101


def test_video_is_refused_in_its_place() -> None:
    with_video = offer(ALICE).replace(b"m=audio", b"m=video 6000 RTP/AVP 97\r\nm=audio")
    answered, _ = answer(with_video, BOB, SequenceRandom())
    assert [(m.kind, m.port) for m in sdp.parse(answered).media] == [("video", 0), ("audio", 5000)]


def test_nothing_in_common_is_refused_with_a_code() -> None:
    with pytest.raises(DomainError, match="AP-CLIENT-034"):
        agree(ALICE, replace(BOB, formats=(OPUS,)))


def test_a_phone_without_rtpmap_for_static_types_is_understood() -> None:
    bare = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8 0\r\n"
    _, agreed = answer(bare, BOB, SequenceRandom())
    assert (agreed.sends, agreed.event_type) == (PCMA, None)


@given(st.binary(max_size=300))
def test_arbitrary_descriptions_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(DomainError):
        answer(data, BOB, SequenceRandom())


@given(
    st.lists(
        st.sampled_from(
            [b"a=rtpmap:0 PCMU/8000", b"a=rtpmap:x", b"a=crypto:1 x", b"a=sendonly", b"a=rtpmap:9 /"]
        )
    )
)
def test_odd_attributes_never_raise_anything_else(lines: list[bytes]) -> None:
    head = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0 9 200 x\r\n"
    answer(head + b"".join(line + b"\r\n" for line in lines), BOB, SequenceRandom())
