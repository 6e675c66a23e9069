"""SRTP and SRTCP protection of one media stream: a thin wrapper over libsrtp.

Source: RFC 3711; RFC 7714.
"""

from __future__ import annotations

from pylibsrtp import Error, Policy, Session

from antiphon.protocols.rtp.packet import MAX_PACKET
from antiphon.protocols.rtp.sdes import Crypto, Suite

_PROFILES = {
    Suite.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    Suite.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    Suite.AES_CM_128_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    Suite.AES_CM_128_HMAC_SHA1_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class Protection:
    """Both directions: what this side sends is under `local`, what it receives under `remote`."""

    def __init__(self, local: Crypto, remote: Crypto) -> None:
        self._outbound = _session(local, Policy.SSRC_ANY_OUTBOUND)
        self._inbound = _session(remote, Policy.SSRC_ANY_INBOUND)

    def protect(self, packet: bytes) -> bytes:
        return bytes(self._outbound.protect(packet))

    def protect_rtcp(self, packet: bytes) -> bytes:
        return bytes(self._outbound.protect_rtcp(packet))

    def unprotect(self, packet: bytes) -> bytes | None:
        """None for a packet that is forged, replayed or malformed."""
        return self._verified(packet, rtcp=False)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        return self._verified(packet, rtcp=True)

    def _verified(self, packet: bytes, rtcp: bool) -> bytes | None:
        if len(packet) > MAX_PACKET:
            return None
        try:
            return bytes(self._inbound.unprotect_rtcp(packet) if rtcp else self._inbound.unprotect(packet))
        except Error:
            return None


def _session(crypto: Crypto, ssrc_type: int) -> Session:
    return Session(Policy(key=crypto.key, ssrc_type=ssrc_type, srtp_profile=_PROFILES[crypto.suite]))
