from __future__ import annotations

from antiphon.client.sip.credentials import Authenticator
from antiphon.kernel.random import SequenceRandom
from antiphon.protocols.sip import digest
from antiphon.protocols.sip.auth import parse_credentials
from antiphon.protocols.sip.message import Request, Response


def register() -> Request:
    return Request("REGISTER", "sip:cucm1.example.test", {"CSeq": "1 REGISTER"})


def challenge(status: int, *values: str) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, {name: "\n".join(values)})


async def token() -> str:
    return "eyJ.a.b"


async def test_ciscos_bearer_challenge_is_answered_in_ciscos_form_and_from_then_on_unasked() -> None:
    """S3-54, S3-55."""
    authenticator = Authenticator(SequenceRandom(), token=token)
    first = register()
    await authenticator.sign(first)
    assert "Proxy-Authorization" not in first.fields
    assert authenticator.learn(challenge(407, 'Bearer realm="ccmsipline"'), first)
    second = register()
    await authenticator.sign(second)
    assert second.get("Proxy-Authorization") == 'Bearer token="eyJ.a.b"'
    assert not authenticator.learn(challenge(407, 'Bearer realm="ccmsipline"'), second)


async def test_a_401_with_bearer_is_answered_as_rfc_8898_says() -> None:
    authenticator = Authenticator(SequenceRandom(), token=token)
    assert authenticator.learn(challenge(401, 'Bearer realm="r", scope="sip"'), register())
    request = register()
    await authenticator.sign(request)
    assert request.get("Authorization") == "Bearer eyJ.a.b"


async def test_the_stronger_digest_is_chosen_and_each_use_of_a_nonce_counts() -> None:
    authenticator = Authenticator(SequenceRandom(), "alice", "secret")
    offers = [f'Digest realm="r", nonce="n", algorithm={name}, qop="auth"' for name in ("MD5", "SHA-256")]
    assert authenticator.learn(challenge(401, *offers), register())
    for count in ("00000001", "00000002"):
        request = register()
        await authenticator.sign(request)
        answered = parse_credentials(request.get("Authorization"))
        assert answered is not None
        assert (answered.params["algorithm"], answered.params["nc"]) == ("SHA-256", count)
        ha1 = digest.ha1("alice", "r", "secret", "SHA-256")
        assert digest.matches(ha1, "REGISTER", answered.params, "SHA-256")


async def test_a_refused_password_is_not_tried_again_but_a_stale_nonce_is() -> None:
    authenticator = Authenticator(SequenceRandom(), "alice", "secret")
    once = 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"'
    authenticator.learn(challenge(401, once), register())
    request = register()
    await authenticator.sign(request)
    assert not authenticator.learn(challenge(401, once), request)
    assert authenticator.learn(challenge(401, once + ", stale=true"), request)


def test_a_challenge_that_cannot_be_met_is_not_answered() -> None:
    authenticator = Authenticator(SequenceRandom(), "alice", "secret")
    for text in ('Digest realm="r", nonce="n", algorithm=SHA-512-256', "Negotiate", 'Digest realm="r"', ""):
        assert not authenticator.learn(challenge(401, text), register())
