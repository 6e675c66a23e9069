from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.rtp import rtcp

u32 = st.integers(0, 2**32 - 1)
blocks = st.builds(
    rtcp.ReportBlock, u32, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), u32, u32, u32, u32
)
some_blocks = st.lists(blocks, max_size=31).map(tuple)


@given(
    st.builds(rtcp.SenderReport, u32, st.integers(0, 2**64 - 1), u32, u32, u32, some_blocks),
    st.text(max_size=300),
)
def test_a_sender_report_is_read_back(report: rtcp.SenderReport, cname: str) -> None:
    data = rtcp.sender_report(report, cname)
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == (report,)


@given(st.builds(rtcp.ReceiverReport, u32, some_blocks))
def test_a_receiver_report_is_read_back(report: rtcp.ReceiverReport) -> None:
    assert rtcp.parse(rtcp.receiver_report(report, "alice@host")) == (report,)


def test_a_goodbye_is_a_compound_packet_that_begins_with_a_report() -> None:
    assert rtcp.parse(rtcp.goodbye(7, "a")) == (rtcp.ReceiverReport(7), rtcp.Goodbye((7,)))


def test_ntp_time_counts_from_1900() -> None:
    assert rtcp.ntp(0.5) == (2_208_988_800 << 32) + (1 << 31)


@given(st.binary(max_size=200))
def test_arbitrary_octets_never_raise(data: bytes) -> None:
    rtcp.parse(data)
