from __future__ import annotations

import numpy as np

from antiphon.protocols.rtp.codec import G711, OPUS, PCMA, PCMU, Format


def test_formats_are_named_as_sdp_names_them() -> None:
    assert (PCMU.rtpmap, OPUS.rtpmap) == ("0 PCMU/8000", "114 opus/48000/2")
    assert (PCMU.frame, OPUS.frame) == (160, 960)


def test_formats_are_the_same_whatever_their_number_and_case() -> None:
    assert PCMA.same_as(Format("pcma", 99, 8000))
    assert not PCMA.same_as(PCMU)


def test_one_frame_of_g711_is_one_octet_a_sample() -> None:
    frame = np.arange(160).astype(np.int16)
    for law in (False, True):
        codec = G711(law)
        assert len(codec.encode(frame)) == 160
        assert len(codec.decode(codec.encode(frame))) == 160
        assert len(codec.decode(b"")) == 0
