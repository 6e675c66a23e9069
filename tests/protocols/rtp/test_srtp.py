from __future__ import annotations

import pytest

from antiphon.kernel.random import SequenceRandom
from antiphon.protocols.rtp import rtcp
from antiphon.protocols.rtp.packet import Packet, serialise
from antiphon.protocols.rtp.sdes import Crypto, Suite, offer
from antiphon.protocols.rtp.srtp import Protection

PACKET = serialise(Packet(0, 1, 160, 0x1234, b"x" * 160))


def pair(suite: Suite) -> tuple[Protection, Protection]:
    random = SequenceRandom()
    (one,), (two,) = offer(random, [suite]), offer(random, [suite])
    return Protection(one, two), Protection(two, one)


@pytest.mark.parametrize("suite", list(Suite))
def test_the_peer_reads_what_was_protected_and_nobody_else(suite: Suite) -> None:
    alice, bob = pair(suite)
    protected = alice.protect(PACKET)
    assert PACKET[12:] not in protected
    assert bob.unprotect(protected) == PACKET
    report = rtcp.receiver_report(rtcp.ReceiverReport(0x1234), "a")
    assert bob.unprotect_rtcp(alice.protect_rtcp(report)) == report


def test_forged_replayed_and_malformed_packets_are_refused() -> None:
    alice, bob = pair(Suite.AES_CM_128_HMAC_SHA1_80)
    protected = alice.protect(PACKET)
    assert bob.unprotect(protected[:-1] + bytes([protected[-1] ^ 1])) is None
    assert bob.unprotect(protected) is not None
    assert bob.unprotect(protected) is None
    for data in (b"", b"\x80", b"\0" * 100, b"\x80" * 3000):
        assert bob.unprotect(data) is None
        assert bob.unprotect_rtcp(data) is None


def test_a_packet_under_another_key_is_refused() -> None:
    suite = Suite.AEAD_AES_256_GCM
    right, wrong = Crypto(1, suite, b"a" * 44), Crypto(1, suite, b"b" * 44)
    assert Protection(right, wrong).unprotect(Protection(right, right).protect(PACKET)) is None
