"""SCRAM exchanges. The examples are RFC 5802 §5 and RFC 7677 §3."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.scram import HashName, ScramKeys, scram_keys
from antiphon.protocols.xmpp.scram import ScramClient, ScramRefused, ScramServer

SHA1 = {
    "salt": "QSXCR+Q6sek8bf92",
    "client nonce": "fyko+d2lbbFgONRv9qkxdawL",
    "server nonce": "3rfcNHYJY1ZVvWVs7j",
    "client first": b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "server first": b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "client final": b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "server final": b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
}
SHA256 = {
    "salt": "W22ZaJ0SNY7soEsUEjb6gQ==",
    "client nonce": "rOprNGfwEbeRWgbNEkqO",
    "server nonce": "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "client first": b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "server first": b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "client final": (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    ),
    "server final": b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
}


def keys_of(password: str, salt: str) -> ScramKeys:
    return scram_keys(password, b64decode(salt), "sha-1", 4096)


@pytest.mark.parametrize(("name", "example"), [("sha-1", SHA1), ("sha-256", SHA256)])
def test_the_examples_of_the_rfcs(name: HashName, example: dict[str, bytes | str]) -> None:
    salt = b64decode(str(example["salt"]))

    def keys(username: str, hash_name: HashName) -> ScramKeys:
        assert username == "user"
        return scram_keys("pencil", salt, hash_name, 4096)

    server = ScramServer(name, plus=False, plus_offered=False, binding=b"")
    client = ScramClient(name, "user", "pencil", str(example["client nonce"]), None, plus=False)
    assert client.first() == example["client first"]
    server_first = server.first(client.first(), keys, str(example["server nonce"]))
    assert server_first == example["server first"]
    client_final = client.final(server_first)
    assert client_final == example["client final"]
    server_final = server.final(client_final)
    assert server_final == example["server final"]
    client.check(server_final)


def exchange(client: ScramClient, server: ScramServer, password: str = "secret") -> None:
    first = server.first(client.first(), lambda _u, h: scram_keys(password, b"salt", h, 1), "server")
    client.check(server.final(client.final(first)))


def test_channel_binding_joins_both_ends_of_one_tls_connection() -> None:
    exchange(
        ScramClient("sha-256", "a", "secret", "n", b"hash", plus=True),
        ScramServer("sha-256", True, True, b"hash"),
    )
    with pytest.raises(ScramRefused):
        exchange(
            ScramClient("sha-256", "a", "secret", "n", b"other", plus=True),
            ScramServer("sha-256", True, True, b"hash"),
        )


def test_a_client_that_was_told_there_is_no_binding_notices() -> None:
    # The attacker took the -PLUS mechanisms from the list: the client says `y`, and the server knows better.
    with pytest.raises(ScramRefused):
        exchange(
            ScramClient("sha-256", "a", "secret", "n", b"hash", plus=False),
            ScramServer("sha-256", False, True, b"hash"),
        )
    exchange(
        ScramClient("sha-256", "a", "secret", "n", b"hash", plus=False),
        ScramServer("sha-256", False, False, b""),
    )


def test_a_wrong_password_is_refused() -> None:
    with pytest.raises(ScramRefused) as refused:
        exchange(
            ScramClient("sha-1", "a", "wrong", "n", None, plus=False), ScramServer("sha-1", False, False, b"")
        )
    assert refused.value.condition == "not-authorized"


def test_names_with_comma_and_equals_arrive() -> None:
    server = ScramServer("sha-1", False, False, b"")
    exchange(ScramClient("sha-1", "a=b,c", "secret", "n", None, plus=False), server)
    assert server.username == "a=b,c"


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,r=x",
        b"n,,n=,r=x",
        b"n,,n=a",
        b"n,,n=a,r=",
        b"x,,n=a,r=b",
        b"n,b,n=a,r=b",
        b"n,,m=1,n=a,r=b",
    ]
    + [
        b"n,,n=a=2,r=b",
        b"n,,n=a,n=b,r=c",
        b"n,,n=a,r=b\x7f",
        b"\xff",
        b"p=tls-server-end-point,,n=a,r=b",
        b"n,,n=a,r=\xc3\xa9",
    ],
)
def test_a_malformed_first_message_is_refused(first: bytes) -> None:
    with pytest.raises(ScramRefused):
        ScramServer("sha-1", False, False, b"").first(first, lambda _u, h: scram_keys("x", b"s", h, 1), "n")


@given(st.binary(max_size=60))
def test_no_message_makes_either_side_raise_anything_else(data: bytes) -> None:
    server = ScramServer("sha-1", False, False, b"")
    for message in (data, b"n,,n=a,r=b"):
        try:
            server.first(message, lambda _u, h: scram_keys("x", b"s", h, 1), "n")
            server.final(data)
        except ScramRefused:
            pass
    client = ScramClient("sha-1", "a", "b", "n", None, plus=False)
    for step in (client.final, client.check):
        try:
            step(data)
        except ScramRefused:
            pass


def test_a_server_with_an_absurd_count_is_not_obeyed() -> None:
    client = ScramClient("sha-1", "a", "b", "n", None, plus=False)
    with pytest.raises(ScramRefused):
        client.final(b"r=nx,s=c2FsdA==,i=999999999")


def test_a_server_that_cannot_prove_itself_is_noticed() -> None:
    client = ScramClient("sha-1", "user", "pencil", str(SHA1["client nonce"]), None, plus=False)
    client.final(bytes(SHA1["server first"]))  # type: ignore[arg-type]
    with pytest.raises(ScramRefused):
        client.check(b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
