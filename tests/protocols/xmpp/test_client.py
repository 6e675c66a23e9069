"""The client's stream as a conversation: what the server says, what the client does next."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.kernel.random import SequenceRandom
from antiphon.protocols.xmpp.client import (
    Connected,
    Ended,
    Given,
    Negotiation,
    Out,
    Proof,
    Ready,
    Refused,
    Secured,
    StartTls,
    Write,
    choose,
)
from antiphon.protocols.xmpp.jid import Jid

ALICE = Jid("alice", "example.test")
HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"version='1.0' from='example.test' id='1'>"
)
TLS = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
SASL = (
    b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>%b</mechanism></mechanisms>"
    b"</stream:features>"
)
BIND = b"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
SUCCESS = b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
BOUND = (
    b"<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    b"<jid>alice@example.test/r</jid></bind></iq>"
)


def client(proof: Proof = Proof(token="t"), resume: tuple[str, int] | None = None) -> Negotiation:  # noqa: B008
    return Negotiation(ALICE, proof, SequenceRandom(), resume=resume)


def tell(negotiation: Negotiation, *given: Given) -> list[Out]:
    return [out for each in given for out in negotiation.handle(each)]


def written(outs: list[Out]) -> bytes:
    return b"".join(out.data for out in outs if isinstance(out, Write))


def signed_in(negotiation: Negotiation) -> None:
    tell(
        negotiation,
        Connected(),
        HEADER + TLS,
        b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        Secured(b"x"),
    )
    tell(negotiation, HEADER + SASL % b"OAUTHBEARER", SUCCESS)


def test_tls_comes_first_and_our_own_address_goes_along_only_inside_it() -> None:
    negotiation = client()
    outs = tell(negotiation, Connected(), HEADER + TLS)
    assert b"alice" not in written(outs)
    assert written(outs).endswith(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    assert tell(negotiation, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") == [StartTls()]
    assert b"from='alice@example.test'" in written(tell(negotiation, Secured(b"")))


def test_a_server_without_tls_gets_no_secret() -> None:
    outs = tell(client(), Connected(), HEADER + SASL % b"PLAIN")
    assert Refused("tls-not-offered") in outs
    assert b"<auth" not in written(outs)


def test_what_came_in_clear_behind_proceed_is_not_believed() -> None:
    negotiation = client()
    tell(negotiation, Connected(), HEADER + TLS)
    injected = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" + HEADER + SASL % b"PLAIN"
    assert tell(negotiation, injected) == [StartTls()]
    assert b"<auth" not in written(tell(negotiation, Secured(b"")))


def test_a_new_session_is_bound_and_managed() -> None:
    negotiation = client()
    signed_in(negotiation)
    outs = tell(negotiation, HEADER + BIND, BOUND, b"<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>")
    assert outs[-1] == Ready(Jid("alice", "example.test", "r"), "OAUTHBEARER", "s", True)


def test_an_old_session_goes_on_where_it_was() -> None:
    negotiation = client(resume=("s", 7))
    signed_in(negotiation)
    outs = tell(negotiation, HEADER + BIND)
    assert written(outs) == b"<resume xmlns='urn:xmpp:sm:3' previd='s' h='7'/>"
    (ready,) = tell(negotiation, b"<resumed xmlns='urn:xmpp:sm:3' previd='s' h='3'/>")
    assert isinstance(ready, Ready)
    assert ready.resumed_h == 3


def test_a_session_that_is_gone_is_replaced_by_a_new_one() -> None:
    negotiation = client(resume=("s", 7))
    signed_in(negotiation)
    outs = tell(negotiation, HEADER + BIND, b"<failed xmlns='urn:xmpp:sm:3' h='5'/>", BOUND)
    assert b"<bind" in written(outs)
    (ready,) = tell(negotiation, b"<enabled xmlns='urn:xmpp:sm:3' id='n' resume='true'/>")
    assert isinstance(ready, Ready)
    assert (ready.resumed_h, ready.lost_h) == (None, 5)


def test_a_server_that_does_not_prove_to_know_us_is_refused() -> None:
    negotiation = client(Proof(password="secret"))
    tell(negotiation, Connected(True, b""), HEADER + SASL % b"SCRAM-SHA-256")
    server_first = b64encode(b"r=t1more,s=c2FsdA==,i=4096")
    challenge = b"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%b</challenge>"
    assert b"<response" in written(tell(negotiation, challenge % server_first))
    forged = b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%b</success>" % b64encode(
        b"v=" + b64encode(b"x" * 32)
    )
    assert any(
        isinstance(out, Refused) and out.condition == "server-not-authentic"
        for out in tell(negotiation, forged)
    )


def test_a_success_without_the_servers_proof_is_refused() -> None:
    negotiation = client(Proof(password="secret"))
    tell(negotiation, Connected(True, b""), HEADER + SASL % b"SCRAM-SHA-256")
    assert any(isinstance(out, Refused) for out in tell(negotiation, SUCCESS))


@pytest.mark.parametrize(
    ("offered", "binding", "chosen"),
    [
        (("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), b"x", "SCRAM-SHA-256-PLUS"),
        (("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), b"", "SCRAM-SHA-256"),
        (("PLAIN", "SCRAM-SHA-1"), b"x", "SCRAM-SHA-1"),
        (("PLAIN",), b"x", "PLAIN"),
        (("DIGEST-MD5",), b"x", None),
    ],
)
def test_the_strongest_mechanism_is_chosen(
    offered: tuple[str, ...], binding: bytes, chosen: str | None
) -> None:
    mechanism = choose(offered, ALICE, Proof(password="p"), binding, True, "n")
    assert (mechanism.name if mechanism else None) == chosen


def test_neither_a_token_nor_a_plain_password_goes_out_without_tls() -> None:
    assert choose(("OAUTHBEARER",), ALICE, Proof(token="t"), b"", False, "n") is None
    assert choose(("PLAIN",), ALICE, Proof(password="p"), b"", False, "n") is None


def test_the_end_of_the_stream_says_why() -> None:
    negotiation = client()
    error = b"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    assert tell(negotiation, Connected(), HEADER + error)[-1] == Ended("conflict")


@given(
    st.lists(
        st.sampled_from([HEADER, TLS, SASL % b"PLAIN", BIND, BOUND, SUCCESS, b"<a/>", b"</x>"]) | st.binary()
    )
)
def test_a_server_that_says_anything_in_any_order_never_makes_it_raise(pieces: list[bytes]) -> None:
    negotiation = client()
    tell(negotiation, Connected(), *pieces)
    tell(negotiation, Secured(b""), *pieces)
