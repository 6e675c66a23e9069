from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.kernel.core import Address
from antiphon.kernel.random import SequenceRandom
from antiphon.protocols.rtp import rtcp
from antiphon.protocols.rtp.codec import PCMU
from antiphon.protocols.rtp.packet import Packet, parse, serialise
from antiphon.protocols.rtp.sdes import Suite, offer
from antiphon.protocols.rtp.session import LATCH_AFTER, RtpSession
from antiphon.protocols.rtp.srtp import Protection

ANNOUNCED = Address("192.0.2.1", 4000)
BEHIND_NAT = Address("203.0.113.9", 61000)
STRANGER = Address("198.51.100.6", 7777)


def session(protection: Protection | None = None) -> RtpSession:
    return RtpSession(ANNOUNCED, PCMU, [0, 101], SequenceRandom(), protection)


def sound(sequence: int, payload_type: int = 0, ssrc: int = 9) -> bytes:
    return serialise(Packet(payload_type, sequence, sequence * 160, ssrc, b"\xff" * 160))


def test_sequence_and_timestamp_go_on_by_one_packet_and_one_frame() -> None:
    one = session()
    first, second = parse(one.send(b"a", marker=True)), parse(one.send(b"b"))
    assert first is not None
    assert second is not None
    assert (second.sequence - first.sequence, second.timestamp - first.timestamp) == (1, 160)
    assert (first.marker, second.marker, first.ssrc == second.ssrc) == (True, False, True)


def test_the_announced_address_is_believed_at_once_and_then_only_that_one() -> None:
    one = session()
    assert one.receive(sound(1), ANNOUNCED, 0.0) is not None
    for sequence in range(2, 20):
        assert one.receive(sound(sequence), STRANGER, 0.0) is None
    assert one.destination == ANNOUNCED
    assert one.counters.refused == 18


def test_another_address_is_believed_after_some_packets_in_a_row_and_sound_goes_there() -> None:
    one = session()
    heard = [one.receive(sound(number), BEHIND_NAT, 0.0) for number in range(LATCH_AFTER)]
    assert [packet is not None for packet in heard] == [False] * (LATCH_AFTER - 1) + [True]
    assert one.destination == BEHIND_NAT
    assert one.receive(sound(50), ANNOUNCED, 0.0) is None


def test_a_stranger_who_injects_a_few_packets_gets_nothing() -> None:
    one = session()
    for number in range(LATCH_AFTER - 1):
        one.receive(sound(number), STRANGER, 0.0)
    assert one.receive(sound(100), ANNOUNCED, 0.0) is not None
    assert one.receive(sound(4), STRANGER, 0.0) is None
    assert one.destination == ANNOUNCED


def test_a_new_answer_lets_another_address_be_believed() -> None:
    one = session()
    one.receive(sound(1), ANNOUNCED, 0.0)
    one.relatch(STRANGER)
    assert one.destination == STRANGER
    assert one.receive(sound(2), STRANGER, 0.0) is not None


def test_payload_types_that_were_not_agreed_are_refused() -> None:
    assert session().receive(sound(1, payload_type=3), ANNOUNCED, 0.0) is None


def test_under_srtp_plain_packets_are_refused_and_do_not_count_for_latching() -> None:
    (ours,), (theirs,) = (offer(SequenceRandom(), [Suite.AES_CM_128_HMAC_SHA1_80]) for _ in range(2))
    one, peer = session(Protection(ours, theirs)), Protection(theirs, ours)
    for number in range(10):
        assert one.receive(sound(number), STRANGER, 0.0) is None
    assert one.receive(peer.protect(sound(1)), ANNOUNCED, 0.0) is not None


def test_reports_say_what_was_sent_and_heard() -> None:
    one, two = session(), RtpSession(ANNOUNCED, PCMU, [0], SequenceRandom())
    for number in range(5):
        two.receive(one.send(b"\xff" * 160), ANNOUNCED, number * 0.02)
    (sent,) = rtcp.parse(one.report(1.0, 1_800_000_000.0))
    assert isinstance(sent, rtcp.SenderReport)
    assert (sent.packets, sent.octets) == (5, 800)
    two.receive_rtcp(rtcp.sender_report(sent, "x"), ANNOUNCED, 1.0)
    (heard,) = rtcp.parse(two.report(1.5, 1_800_000_000.5))
    assert isinstance(heard, rtcp.ReceiverReport)
    assert heard.blocks[0].last_sender_report == (sent.ntp >> 16) & 0xFFFFFFFF
    assert heard.blocks[0].delay == 32768
    assert one.receive_rtcp(rtcp.receiver_report(heard, "x"), STRANGER, 2.0) == ()


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_arbitrary_datagrams_never_raise(data: list[bytes]) -> None:
    one = session()
    for datagram in data:
        one.receive(datagram, ANNOUNCED, 0.0)
        one.receive_rtcp(datagram, ANNOUNCED, 0.0)
