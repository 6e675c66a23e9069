"""The prepared refresh must do exactly what the ordinary way does: two sites, one of which never prepares any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interfaces.sip.site import Phone, Site

from antiphon.interfaces.sip import register
from antiphon.interfaces.sip.peer import Peer

T = TypeVar("T")


def refresh(phone: Phone, proof: str, cseq: int, branch: str, tag: str) -> bytes:
    transport = phone.transport.upper()
    return (
        f"REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/{transport} {phone.address};branch={branch};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <{phone.uri}>;tag={tag}\r\nTo: <{phone.uri}>\r\nCall-ID: {phone.call_id}\r\n"
        f"CSeq: {cseq} REGISTER\r\nContact: {phone.contact};expires=3600\r\n{proof}Content-Length: 0\r\n\r\n"
    ).encode()


class Bench:
    """One registered phone that refreshes."""

    def __init__(self, lanes: int, transport: str = "udp", port: int = 5060) -> None:
        self.limit = lanes
        self.site = Site()
        self.phone = self.site.phone("bob" if port != 5090 else "alice", transport, port)
        self.count = 10
        self.challenge = self._within(self.phone.register_once)
        for _ in range(3):
            self.put(self.message())
        assert [raw[:11] for raw in self.phone.raw[-3:]] == [b"SIP/2.0 200"] * 3

    def _within(self, do: Callable[[], T]) -> T:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(register, "MAX_VAIN", self.limit)
            return do()

    def put(self, data: bytes) -> None:
        self._within(lambda: self.phone.put(data))

    def message(self) -> bytes:
        self.count += 1
        proof = self.phone.proof(self.challenge, "REGISTER", "sip:example.test", self.count)
        return refresh(self.phone, proof, self.count, f"z9hG4bK{self.count}", f"t{self.count}")

    @property
    def peer(self) -> Peer:
        (binding,) = self.site.registrar.bindings(self.phone.number)
        assert isinstance(binding.flow, Peer)
        return binding.flow

    def state(self) -> tuple[list[bytes], list[tuple[object, ...]]]:
        bindings = self.site.registrar.bindings(self.phone.number)
        return self.phone.raw, [
            (b.contact, b.cseq, b.call_id, b.expires_at, b.branch, b.response) for b in bindings
        ]


KINDS = [("udp", 5060), ("tcp", 5060), ("tls", 5090)]


@pytest.mark.parametrize(("transport", "port"), KINDS)
def test_prepared_refreshes_are_answered_like_the_others(transport: str, port: int) -> None:
    with_lane, without = Bench(4, transport, port), Bench(0, transport, port)
    assert with_lane.peer.lanes
    assert not without.peer.lanes
    for step in range(5):
        for bench in (with_lane, without):
            bench.site.time.advance(step * 20)
            bench.put(bench.message())
        assert with_lane.state() == without.state()
    assert with_lane.peer.vain == 0


_CHANGE = st.tuples(
    st.integers(0, 700), st.sampled_from([b"", b"0", b"a", b";", b'"', b"\r\n", b" ", b"\x00", b",", b"1234"])
)


@given(st.lists(st.lists(_CHANGE, max_size=2), max_size=4), st.sampled_from(KINDS))
@settings(max_examples=60, deadline=None)
def test_whatever_is_changed_both_ways_agree(
    messages: list[list[tuple[int, bytes]]], kind: tuple[str, int]
) -> None:
    benches = Bench(4, *kind), Bench(0, *kind)
    for changes in [*messages, []]:
        for bench in benches:
            data = bench.message()
            for at, text in changes:
                data = data[: at % len(data)] + text + data[at % len(data) + len(text) :]
            bench.put(data)
        assert benches[0].state() == benches[1].state()


def test_a_replayed_refresh_is_challenged_and_a_retransmitted_one_repeated() -> None:
    bench = Bench(4)
    sent = bench.message()
    bench.put(sent)
    bench.put(sent)
    assert bench.phone.raw[-1] == bench.phone.raw[-2]
    bench.put(sent.replace(b"branch=z9hG4bK", b"branch=z9hG4bKother").replace(b"CSeq: ", b"CSeq: 1"))
    assert bench.phone.raw[-1].startswith(b"SIP/2.0 401")


def test_a_changed_directory_is_obeyed_at_once() -> None:
    bench = Bench(4)
    line = bench.site.directory.line("1002")
    assert line is not None
    bench.site.directory.keep(replace(line, owner="carol"))
    bench.put(bench.message())
    assert bench.phone.raw[-1].startswith(b"SIP/2.0 403")


def test_a_revoked_token_is_obeyed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.interfaces.sip import site

    bench = Bench(4, "tls", 5090)
    assert bench.peer.lanes
    monkeypatch.delitem(site.PEOPLE, "alice")
    bench.put(bench.message())
    assert bench.phone.raw[-1].startswith(b"SIP/2.0 407")


def test_a_second_binding_of_the_line_is_listed_as_ever() -> None:
    bench = Bench(4)
    bench.site.registered("bob")
    bench.put(bench.message())
    assert bench.phone.raw[-1].count(b";expires=120") == 2
