from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.scram import digest_ha1, prepare_password, scram_keys


def test_keys_verify_the_exchange_printed_in_rfc_5802() -> None:
    keys = scram_keys("pencil", base64.b64decode("QSXCR+Q6sek8bf92"), "sha-1", 4096)
    message = (
        b"n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
        b"s=QSXCR+Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
    )
    signature = hmac.digest(keys.stored_key, message, "sha1")
    proof = base64.b64decode("v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha1(client_key).digest() == keys.stored_key
    assert base64.b64encode(hmac.digest(keys.server_key, message, "sha1")) == b"rmF9pqV8S7suAoZWja4dJRkFsKQ="


def test_keys_verify_the_exchange_printed_in_rfc_7677() -> None:
    keys = scram_keys("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), "sha-256", 4096)
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    expected = b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert base64.b64encode(hmac.digest(keys.server_key, message, "sha256")) == expected


@pytest.mark.parametrize(
    ("algorithm", "ha1"),
    [
        ("MD5", "3d78807defe7de2157e2b0b6573a855f"),
        ("SHA-256", "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"),
    ],
)
def test_the_digest_is_that_of_the_example_in_rfc_7616(algorithm: str, ha1: str) -> None:
    assert digest_ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm) == ha1


def test_spellings_of_one_password_are_one() -> None:
    assert prepare_password("Ko\u0308ln\u00a01") == "K\u00f6ln 1"


@pytest.mark.parametrize("password", ["", "a\x00b", "\u200b", "\ud800"])
def test_what_is_no_password_is_refused(password: str) -> None:
    with pytest.raises(ValueError):
        prepare_password(password)


@given(st.text(max_size=40))
def test_preparing_is_stable_or_refuses(password: str) -> None:
    try:
        prepared = prepare_password(password)
    except ValueError:
        return
    assert prepare_password(prepared) == prepared
