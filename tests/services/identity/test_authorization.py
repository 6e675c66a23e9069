from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.services.identity.deployment import ISSUER, PASSWORD, Deployment

from antiphon.kernel.errors import DomainError
from antiphon.protocols.oauth.clients import DEVICE_GRANT, JABBER, SCOPE
from antiphon.protocols.oauth.pkce import challenge_of
from antiphon.services.identity.authorization import SendBack

VERIFIER = "v" * 43
CALLBACK = "http://127.0.0.1:5123/callback"
REQUEST = {
    "client_id": "antiphon-cli",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "state": "s1",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


async def code_for(house: Deployment, userid: str = "alice", **changes: str) -> str:
    answer = await house.server.answer(house.server.check({**REQUEST, **changes}), userid)
    assert answer.startswith(CALLBACK + "?")
    return parse_qs(urlsplit(answer).query)["code"][0]


def exchange(code: str, /, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "antiphon-cli",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }


async def code_of_failure(house: Deployment, given: dict[str, str]) -> str:
    with pytest.raises(DomainError) as error:
        await house.server.token(given, "192.0.2.1")
    return error.value.code


async def test_a_code_becomes_tokens_once(house: Deployment) -> None:
    answer = await house.server.answer(house.server.check(REQUEST), "alice")
    query = parse_qs(urlsplit(answer).query)
    assert (query["state"], query["iss"]) == (["s1"], [ISSUER])
    tokens = await house.server.token(exchange(query["code"][0]), "")
    assert (tokens.userid, tokens.scope, tokens.expires_in) == ("alice", SCOPE, 3600)


async def test_a_code_used_twice_ends_what_the_first_use_got(house: Deployment) -> None:
    code = await code_for(house)
    tokens = await house.server.token(exchange(code), "")
    assert await code_of_failure(house, exchange(code)) == "AP-ID-023"
    with pytest.raises(DomainError):
        house.identity.verify_token(tokens.access_token)
    with pytest.raises(DomainError):
        await house.identity.refresh(tokens.refresh_token, "antiphon-cli")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:5124/callback"},
        {"redirect_uri": ""},
        {"client_id": "antiphon-web"},
        {"code": "guess"},
    ],
)
async def test_a_code_is_worth_nothing_without_what_it_was_asked_with(
    house: Deployment, changes: dict[str, str]
) -> None:
    code = await code_for(house)
    assert await code_of_failure(house, exchange(code, **changes)) == "AP-ID-023"


async def test_a_code_expires_after_a_minute(house: Deployment) -> None:
    code = await code_for(house)
    house.time.advance(60)
    assert await code_of_failure(house, exchange(code)) == "AP-ID-023"


async def test_a_code_of_a_user_disabled_meanwhile_gives_nothing(house: Deployment) -> None:
    code = await code_for(house)
    house.people.change("alice", enabled=False)
    assert await code_of_failure(house, exchange(code)) == "AP-ID-023"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "evil"}, "AP-ID-021"),
        ({"client_id": ""}, "AP-ID-021"),
        ({"redirect_uri": "https://evil.test/callback"}, "AP-ID-022"),
        ({"redirect_uri": ""}, "AP-ID-022"),
        ({"client_id": "antiphon-web", "redirect_uri": f"{ISSUER}.evil.test/callback"}, "AP-ID-022"),
    ],
)
async def test_an_unknown_client_or_address_is_never_sent_anything(
    house: Deployment, changes: dict[str, str], code: str
) -> None:
    with pytest.raises(DomainError) as error:
        house.server.check({**REQUEST, **changes})
    assert error.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"response_type": "token"},
        {"response_type": "code token"},
        {"response_type": ""},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"code_challenge": "short"},
        {"scope": "everything"},
        {"state": "s" * 3000},
    ],
)
async def test_other_faults_go_back_to_the_client(house: Deployment, changes: dict[str, str]) -> None:
    with pytest.raises(SendBack) as error:
        house.server.check({**REQUEST, **changes})
    assert error.value.redirect_uri == CALLBACK


async def test_the_implicit_grant_works_when_it_is_switched_on(house: Deployment) -> None:
    request = {
        "client_id": JABBER,
        "redirect_uri": "ciscojabber://oauth",
        "response_type": "token",
        "scope": SCOPE,
        "state": "x y",
    }
    with pytest.raises(SendBack):
        house.server.check(request)
    await house.identity.change_settings(implicit_grant=True)
    answer = await house.server.answer(house.server.check(request), "alice")
    address, _, fragment = answer.partition("#")
    given = parse_qs(fragment)
    assert address == "ciscojabber://oauth"
    assert (given["token_type"], given["expires_in"], given["state"]) == (["Bearer"], ["3600"], ["x y"])
    assert house.identity.verify_token(given["access_token"][0]).userid == "alice"
    assert "refresh_token" not in given


async def test_a_redirect_address_can_be_added_by_the_administrator(house: Deployment) -> None:
    uri = "https://third.party.test/cb"
    with pytest.raises(DomainError):
        house.server.check({**REQUEST, "redirect_uri": uri})
    await house.identity.change_settings(redirect_uris=[["antiphon-cli", uri]])
    assert house.server.check({**REQUEST, "redirect_uri": uri}).redirect_uri == uri


@pytest.mark.parametrize(
    ("userid", "client_id", "asked", "granted"),
    [
        ("alice", "antiphon-cli", "", SCOPE),
        ("alice", "antiphon-cli", f"{SCOPE} admin", SCOPE),
        ("root", "antiphon-cli", SCOPE, f"{SCOPE} admin"),
    ],
)
async def test_only_administrators_get_the_admin_scope(
    house: Deployment, userid: str, client_id: str, asked: str, granted: str
) -> None:
    code = await code_for(house, userid, client_id=client_id, scope=asked)
    tokens = await house.server.token(exchange(code, client_id=client_id), "")
    assert tokens.scope == granted
    assert house.identity.verify_token(tokens.access_token).admin is ("admin" in granted)


async def test_jabber_never_gets_the_admin_scope(house: Deployment) -> None:
    code = await code_for(house, "root", client_id=JABBER)
    assert (await house.server.token(exchange(code, client_id=JABBER), "")).scope == SCOPE


async def test_the_password_grant_is_for_the_command_line_and_only_when_switched_on(
    house: Deployment,
) -> None:
    given = {"grant_type": "password", "client_id": "antiphon-cli", "username": "alice", "password": PASSWORD}
    assert await code_of_failure(house, given) == "AP-ID-025"
    await house.identity.change_settings(password_grant=True)
    assert (await house.server.token(given, "")).userid == "alice"
    assert await code_of_failure(house, {**given, "client_id": JABBER}) == "AP-ID-024"
    assert await code_of_failure(house, {**given, "password": "wrong"}) == "AP-ID-001"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "AP-ID-020"),
        ({"grant_type": "client_credentials", "client_id": "antiphon-cli"}, "AP-ID-025"),
        ({"grant_type": "refresh_token", "client_id": "antiphon-cli"}, "AP-ID-023"),
        ({"grant_type": "refresh_token", "client_id": "evil", "refresh_token": "x"}, "AP-ID-021"),
        ({"grant_type": DEVICE_GRANT, "client_id": "antiphon-cli", "device_code": "x"}, "AP-ID-023"),
        ({"grant_type": DEVICE_GRANT, "client_id": JABBER, "device_code": "x"}, "AP-ID-024"),
    ],
)
async def test_what_is_no_grant_is_refused(house: Deployment, given: dict[str, str], code: str) -> None:
    assert await code_of_failure(house, given) == code


async def test_a_device_waits_until_the_person_allows_it(house: Deployment) -> None:
    grant = house.server.start_device({"client_id": "antiphon-cli"})
    poll = {"grant_type": DEVICE_GRANT, "client_id": "antiphon-cli", "device_code": grant.device_code}
    assert await code_of_failure(house, poll) == "AP-ID-027"
    house.time.advance(5)
    assert await code_of_failure(house, poll) == "AP-ID-027"
    assert await code_of_failure(house, poll) == "AP-ID-028"
    typed = f" {grant.user_code[:4].lower()}-{grant.user_code[4:].lower()} "
    assert house.server.find_device(typed, "192.0.2.1") is grant
    house.identity.devices.decide(grant, "alice", True)
    assert house.server.find_device(typed, "192.0.2.1") is None
    house.time.advance(10)
    assert (await house.server.token(poll, "")).userid == "alice"
    assert await code_of_failure(house, poll) == "AP-ID-023"


async def test_a_device_hears_that_it_was_refused_or_too_late(house: Deployment) -> None:
    refused = house.server.start_device({"client_id": "antiphon-cli"})
    late = house.server.start_device({"client_id": "antiphon-cli"})
    house.identity.devices.decide(refused, "alice", False)
    poll = {"grant_type": DEVICE_GRANT, "client_id": "antiphon-cli"}
    assert await code_of_failure(house, {**poll, "device_code": refused.device_code}) == "AP-ID-029"
    house.time.advance(601)
    assert await code_of_failure(house, {**poll, "device_code": late.device_code}) == "AP-ID-030"


async def test_guessing_device_codes_is_slowed_down_for_the_guesser_alone(house: Deployment) -> None:
    grant = house.server.start_device({"client_id": "antiphon-cli"})
    for _ in range(6):
        assert house.server.find_device("BBBBBBBB", "192.0.2.1") is None
    with pytest.raises(DomainError) as error:
        house.server.find_device(grant.user_code, "192.0.2.1")
    assert error.value.code == "AP-ID-002"
    assert house.server.find_device(grant.user_code, "192.0.2.2") is grant
