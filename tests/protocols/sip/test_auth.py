from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.protocols.sip.auth import bearer_challenge, digest_challenge, parse_credentials
from antiphon.protocols.sip.digest import Nonce, Nonces, complete, ha1, matches, response


def test_the_digest_examples_of_rfc_7616_come_out() -> None:
    """RFC 7616 §3.9.1; the method and the uri are HTTP's, the arithmetic is the same."""
    params = {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
    }
    for algorithm, expected in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        secret = ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm)
        assert response(secret, "GET", params, algorithm) == expected
        assert matches(secret, "GET", {**params, "response": expected}, algorithm)
        assert not matches(secret, "GET", {**params, "response": expected[:-1] + "0"}, algorithm)


def test_digest_credentials_give_their_parameters() -> None:
    credentials = parse_credentials(
        'Digest username="alice", realm="ccmsipline",nonce="n", uri="sip:x;a=b", response="r", algorithm=MD5, '
        'qop=auth, nc=00000001, cnonce="c", opaque=""'
    )
    assert credentials is not None
    assert credentials.scheme == "digest"
    assert credentials.params["uri"] == "sip:x;a=b"
    assert (credentials.params["qop"], credentials.params["opaque"]) == ("auth", "")
    assert complete(credentials.params)


def test_commas_and_escapes_inside_quotes_are_text() -> None:
    credentials = parse_credentials('Digest username="a, \\"b\\"", nonce="x,y"')
    assert credentials is not None
    assert credentials.params == {"username": 'a, "b"', "nonce": "x,y"}


@pytest.mark.parametrize(
    "text",
    ["", "Digest", 'Digest a="1", a="2"', 'Digest a="1', "Bearer", "Bearer a b", 'Bearer token="', "<>"],
)
def test_what_is_no_credentials_is_none(text: str) -> None:
    assert parse_credentials(text) is None


@pytest.mark.parametrize("text", ['Bearer token="eyJ.a.b"', "Bearer eyJ.a.b", 'bearer Token="eyJ.a.b"'])
def test_both_bearer_grammars_carry_the_token(text: str) -> None:
    credentials = parse_credentials(text)
    assert credentials is not None
    assert (credentials.scheme, credentials.token) == ("bearer", "eyJ.a.b")


def test_challenges_are_written_as_the_sources_have_them() -> None:
    assert bearer_challenge("ccmsipline") == 'Bearer realm="ccmsipline"'
    assert digest_challenge("r", "n", "SHA-256", stale=True) == (
        'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", stale=true'
    )


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_credentials_text_makes_the_parser_raise(text: str) -> None:
    parse_credentials(text)
    parse_credentials("Digest " + text)
    parse_credentials("Bearer " + text)


def nonces(limit: int = 100) -> Nonces:
    return Nonces(b"k" * 32, first_s=60, reuse_s=600, limit=limit)


def test_a_nonce_is_good_once_per_count() -> None:
    given_out = nonces()
    nonce = given_out.issue("192.0.2.1", 1000.0)
    assert given_out.judge(nonce, "00000001", "192.0.2.1", 1001.0) is Nonce.GOOD
    given_out.use(nonce, "00000001", "192.0.2.1")
    assert given_out.judge(nonce, "00000001", "192.0.2.1", 1002.0) is Nonce.REPLAYED
    assert given_out.judge(nonce, "0000000f", "192.0.2.1", 1100.0) is Nonce.GOOD
    assert given_out.judge(nonce, "00000010", "192.0.2.1", 1601.0) is Nonce.STALE


def test_a_nonce_that_waited_too_long_for_its_first_use_is_stale() -> None:
    given_out = nonces()
    nonce = given_out.issue("192.0.2.1", 1000.0)
    assert given_out.judge(nonce, "00000001", "192.0.2.1", 1061.0) is Nonce.STALE


@pytest.mark.parametrize("text", ["", "x" * 30, "n", "é" * 30])
def test_a_nonce_of_somebody_else_is_foreign(text: str) -> None:
    assert nonces().judge(text, "00000001", "192.0.2.1", 0.0) is Nonce.FOREIGN


def test_a_nonce_is_worth_nothing_from_another_address_or_changed() -> None:
    given_out = nonces()
    nonce = given_out.issue("192.0.2.1", 1000.0)
    assert given_out.judge(nonce, "00000001", "192.0.2.2", 1000.0) is Nonce.FOREIGN
    changed = ("B" if nonce[0] != "B" else "C") + nonce[1:]
    assert given_out.judge(changed, "00000001", "192.0.2.1", 1000.0) is Nonce.FOREIGN
    assert Nonces(b"other").judge(nonce, "00000001", "192.0.2.1", 1000.0) is Nonce.FOREIGN
    assert given_out.judge(nonce, "notanumb", "192.0.2.1", 1000.0) is Nonce.FOREIGN


def test_forgotten_nonces_are_stale_and_never_good_again() -> None:
    given_out = nonces(limit=2)
    issued = [given_out.issue("192.0.2.1", 1000.0 + i) for i in range(3)]
    for nonce in issued:
        given_out.use(nonce, "00000001", "192.0.2.1")
    assert given_out.judge(issued[0], "00000001", "192.0.2.1", 1004.0) is Nonce.STALE
    assert given_out.judge(issued[2], "00000002", "192.0.2.1", 1004.0) is Nonce.GOOD
