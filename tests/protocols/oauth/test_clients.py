from __future__ import annotations

import pytest

from antiphon.protocols.oauth import pkce
from antiphon.protocols.oauth.clients import JABBER, Client, well_known_clients

CLI = Client(
    "cli", "cli", ("http://127.0.0.1/callback", "http://[::1]/callback", "https://app.example.test/cb")
)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
        "http://[::1]:8000/callback",
        "https://app.example.test/cb",
    ],
)
def test_a_registered_address_and_a_loopback_one_on_any_port_are_allowed(uri: str) -> None:
    assert CLI.allows_redirect(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://app.example.test/cb/",
        "https://app.example.test/cb?x=1",
        "https://app.example.test:443/cb",
        "https://app.example.test.evil.test/cb",
        "http://app.example.test/cb",
        "https://APP.example.test/cb",
        "http://127.0.0.1:8000/other",
        "http://127.0.0.1:8000/callback?next=x",
        "http://127.0.0.1:8000/callback#x",
        "http://127.0.0.1:8000/callback/../evil",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:08000/callback",
        "http://127.0.0.1:/callback",
        "http://localhost:8000/callback",
        "http://127.0.0.1:8000@evil.test/callback",
        "http://user@127.0.0.1:8000/callback",
        "http://127.0.0.1.evil.test:8000/callback",
        "https://127.0.0.1:8000/callback",
        "http://[::1/callback",
        "http://127.0.0.1:8000\\@evil.test/callback",
        "//127.0.0.1:8000/callback",
        "javascript:alert(1)",
    ],
)
def test_every_other_address_is_refused(uri: str) -> None:
    assert not CLI.allows_redirect(uri)


def test_the_fixed_client_ids_are_there_and_have_no_two_meanings() -> None:
    clients = well_known_clients(("https://cucm1.example.test:8443",))
    ids = [client.client_id for client in clients]
    assert len(set(ids)) == len(ids)
    assert {JABBER, "antiphon-cli", "antiphon-web"} <= set(ids)


def test_pkce_verifies_the_example_of_rfc_7636() -> None:
    verifier, challenge = (
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    )
    assert pkce.challenge_of(verifier) == challenge
    assert pkce.is_challenge(challenge)
    assert pkce.verifies(verifier, challenge)
    for wrong in ("", verifier[:42], verifier + "=", verifier[:-1] + "Y", "ä" * 43):
        assert not pkce.verifies(wrong, challenge)
