from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.rtp.packet import Packet, is_rtcp, parse, serialise

u32 = st.integers(0, 2**32 - 1)
packets = st.builds(
    Packet,
    st.integers(0, 127),
    st.integers(0, 65535),
    u32,
    u32,
    st.binary(max_size=400),
    st.booleans(),
    st.lists(u32, max_size=15).map(tuple),
    st.none()
    | st.tuples(
        st.integers(0, 65535), st.integers(0, 20).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n))
    ),
)


@given(packets)
def test_what_is_serialised_is_parsed_back(packet: Packet) -> None:
    assert parse(serialise(packet)) == packet


@given(st.binary(max_size=200))
def test_arbitrary_octets_never_raise(data: bytes) -> None:
    parse(data)


def test_a_packet_is_laid_out_as_rfc_3550_section_5_1_draws_it() -> None:
    packet = Packet(0, 0x1234, 0x01020304, 0xAABBCCDD, b"xy", marker=True)
    assert serialise(packet) == bytes.fromhex("80801234 01020304 aabbccdd") + b"xy"


def test_padding_is_removed() -> None:
    padded = bytes.fromhex("a0001234 01020304 aabbccdd") + b"xy\0\x02"
    parsed = parse(padded)
    assert parsed is not None
    assert parsed.payload == b"xy"


def test_lengths_that_lie_are_refused() -> None:
    head = bytes.fromhex("00001234 01020304 aabbccdd")
    for first, tail in (
        (0x40, b""),
        (0x8F, b"1234"),
        (0x90, b"12"),
        (0x90, b"\0\0\xff\xff"),
        (0xA0, b"\x09"),
        (0xA0, b"\0"),
    ):
        assert parse(bytes([first]) + head[1:] + tail) is None


def test_rtcp_is_told_apart_by_its_packet_type() -> None:
    assert is_rtcp(b"\x80\xc8")
    assert not is_rtcp(serialise(Packet(0, 1, 1, 1, b"")))
