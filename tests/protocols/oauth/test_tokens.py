"""Every way to make a token that is not ours, and that none gets through. Source: RFC 8725, RFC 9068."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from antiphon.protocols.oauth.tokens import MAX_BYTES, Claims, TokenRefused, sign, verify

KEY = ECKey.generate_key("P-256", {"kid": "k1"})
OTHER = ECKey.generate_key("P-256", {"kid": "k2"})
RSA = RSAKey.generate_key(2048, {"kid": "k1"})
RING = {"k1": KEY}
NOW = 1_800_000_000.0
ISSUER, AUDIENCE = "https://cucm1.example.test:8443", "example.test"
CLAIMS = Claims(
    ISSUER,
    "alice",
    AUDIENCE,
    int(NOW),
    int(NOW) + 3600,
    "jti",
    "sid",
    "antiphon-cli",
    "UnifiedCommunications:readwrite",
)
TOKEN = sign(CLAIMS, KEY)


def check(token: str) -> Claims:
    return verify(token, RING, ISSUER, AUDIENCE, NOW)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(header: dict[str, Any], body: object = None, key: Any = KEY) -> str:
    payload = json.dumps(CLAIMS.as_json() if body is None else body)
    return jws.serialize_compact(header, payload, key, algorithms=[header["alg"]])


def test_a_token_comes_back_as_it_was_signed() -> None:
    assert check(TOKEN) == CLAIMS


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, [], "ES512", "HS256"])
def test_an_unsigned_token_is_refused(algorithm: object) -> None:
    for signature in ("", TOKEN.rpartition(".")[2]):
        forged = (
            f"{part({'alg': algorithm, 'typ': 'at+jwt', 'kid': 'k1'})}.{part(CLAIMS.as_json())}.{signature}"
        )
        with pytest.raises(TokenRefused):
            check(forged)


@pytest.mark.parametrize("form", ["pem", "der", "x", "raw"])
def test_an_hmac_made_with_the_public_key_is_refused(form: str) -> None:
    public = KEY.as_dict(private=False)
    secret = {
        "pem": KEY.as_pem(private=False),
        "der": KEY.as_der(private=False),
        "x": str(public["x"]).encode(),
        "raw": b"",
    }[form]
    text = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'k1'})}.{part(CLAIMS.as_json())}"
    mac = (
        base64.urlsafe_b64encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())
        .rstrip(b"=")
        .decode()
    )
    with pytest.raises(TokenRefused):
        check(f"{text}.{mac}")


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES256", "typ": "at+jwt", "kid": "k2"},
        {"alg": "ES256", "typ": "at+jwt"},
        {"alg": "ES256", "typ": "at+jwt", "jwk": OTHER.as_dict(private=False)},
        {"alg": "ES256", "typ": "at+jwt", "kid": "../../k1"},
        {"alg": "ES256", "typ": "at+jwt", "kid": "k1' OR 1=1 --"},
        {"alg": "ES256", "typ": "at+jwt", "kid": "k1"},
    ],
)
def test_a_key_of_somebody_else_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        check(signed(header, key=OTHER))


def test_an_rsa_signature_under_our_key_id_is_refused() -> None:
    with pytest.raises(TokenRefused):
        check(signed({"alg": "RS256", "typ": "at+jwt", "kid": "k1"}, key=RSA))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "application/at+jwt", "", None])
def test_a_jwt_that_is_no_access_token_is_refused(kind: object) -> None:
    header = {"alg": "ES256", "kid": "k1"} | ({} if kind is None else {"typ": kind})
    with pytest.raises(TokenRefused):
        check(signed(header))


def test_a_critical_extension_that_is_not_understood_is_refused() -> None:
    protected = part({"alg": "ES256", "typ": "at+jwt", "kid": "k1", "crit": ["x"], "x": 1})
    with pytest.raises(TokenRefused):
        check(f"{protected}.{part(CLAIMS.as_json())}.{TOKEN.rpartition('.')[2]}")


@pytest.mark.parametrize("name", sorted(CLAIMS.as_json()))
@pytest.mark.parametrize("value", [None, [], {}, 1.5, True, "missing", ["example.test"]])
def test_a_claim_that_is_missing_or_of_another_type_is_refused(name: str, value: object) -> None:
    body = CLAIMS.as_json()
    if value == "missing":
        del body[name]
    else:
        body[name] = value
    with pytest.raises(TokenRefused):
        check(signed({"alg": "ES256", "typ": "at+jwt", "kid": "k1"}, body))


@pytest.mark.parametrize("body", [[], "text", 1, None])
def test_a_payload_that_is_no_object_is_refused(body: object) -> None:
    token = jws.serialize_compact(
        {"alg": "ES256", "typ": "at+jwt", "kid": "k1"}, json.dumps(body), KEY, algorithms=["ES256"]
    )
    with pytest.raises(TokenRefused):
        check(token)


@pytest.mark.parametrize(
    "change",
    [{"issuer": "https://evil.test"}, {"audience": "evil.test"}, {"expires_at": int(NOW)}, {"expires_at": 0}],
)
def test_another_issuer_audience_or_time_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        check(sign(dataclasses.replace(CLAIMS, **change), KEY))


def test_every_truncation_is_refused() -> None:
    for length in range(len(TOKEN)):
        with pytest.raises(TokenRefused):
            check(TOKEN[:length])


@given(st.integers(0, len(TOKEN) - 1), st.integers(0, 255))
def test_every_changed_byte_is_refused(index: int, value: int) -> None:
    changed = TOKEN[:index] + chr(value) + TOKEN[index + 1 :]
    if changed == TOKEN:
        return
    try:
        claims = check(changed)
    except TokenRefused:
        return
    # The last character of a base64url part has bits that mean nothing: the same signature, written differently.
    assert claims == CLAIMS
    assert index == len(TOKEN) - 1


@given(st.text(max_size=200))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(TokenRefused):
        check(text)


@given(st.lists(st.binary(max_size=60), min_size=3, max_size=3))
def test_no_three_parts_are_a_token(parts: list[bytes]) -> None:
    token = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts)
    with pytest.raises(TokenRefused):
        check(token)


@pytest.mark.parametrize(
    "token",
    [
        "a" * (MAX_BYTES + 1),
        TOKEN + "A" * MAX_BYTES,
        ("[" * 3000) + "." + TOKEN,
        part([[[[]]]]) + "..",
        base64.urlsafe_b64encode(b"[" * 2000).decode() + ".e30.AA",
        base64.urlsafe_b64encode(b'{"kid":' * 400).decode() + ".e30.AA",
        TOKEN + "." + TOKEN,
        "Bearer " + TOKEN,
        TOKEN + "\n",
        " " + TOKEN,
    ],
)
def test_huge_and_odd_texts_are_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        check(token)
