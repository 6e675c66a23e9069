from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path

import pytest
from tests.services.identity.deployment import PASSWORD, Deployment

from antiphon.kernel.bus import EventsMissed, LocalBus
from antiphon.kernel.errors import DomainError
from antiphon.protocols.oauth.clients import SCOPE
from antiphon.services.identity import IdentitySettings
from antiphon.services.identity.errors import BUSY
from antiphon.services.identity.events import SessionRevoked, SessionsRevoked
from antiphon.services.identity.service import MAX_SESSIONS


def refused(error: pytest.ExceptionInfo[DomainError], code: str) -> bool:
    return error.value.code == code


async def test_the_right_password_gives_a_principal(house: Deployment) -> None:
    principal = await house.identity.verify_password("alice", PASSWORD)
    assert (principal.userid, principal.method, principal.admin) == ("alice", "password", False)


@pytest.mark.parametrize("typed", ["Alice", "alice@example.test", "alice.a@example.test", "  ALICE "])
async def test_a_person_may_type_the_userid_the_address_or_the_mail(house: Deployment, typed: str) -> None:
    assert (await house.identity.verify_password(typed, PASSWORD)).userid == "alice"


@pytest.mark.parametrize(
    ("userid", "password"),
    [
        ("alice", "wrong"),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("", ""),
        ("alice", "x" * 5000),
        ("alice", "\0"),
    ],
)
async def test_every_wrong_sign_in_gets_the_same_answer(
    house: Deployment, userid: str, password: str
) -> None:
    with pytest.raises(DomainError) as error:
        await house.identity.verify_password(userid, password)
    assert str(error.value) == "AP-ID-001: The user name or the password is wrong."


async def test_a_disabled_user_gets_the_answer_of_a_wrong_password(house: Deployment) -> None:
    house.people.change("alice", enabled=False)
    with pytest.raises(DomainError) as error:
        await house.identity.verify_password("alice", PASSWORD)
    assert refused(error, "AP-ID-001")


async def test_the_store_holds_no_password_and_nothing_that_stands_for_it(
    house: Deployment, tmp_path: Path
) -> None:
    ha1 = house.identity.digest_ha1("alice", "ccmsipline", "MD5")
    keys = house.identity.scram_keys("alice", "sha-256")
    await house.identity.issue("alice", "antiphon-cli", SCOPE)
    with sqlite3.connect(tmp_path / "identity.db") as connection:
        content = "".join(connection.iterdump()).encode()
    connection.close()
    assert ha1 is not None
    for secret in (PASSWORD.encode(), ha1.encode(), keys.stored_key, keys.stored_key.hex().encode(), b'"d"'):
        assert secret not in content
        assert secret.hex().encode() not in content.lower()


async def test_a_store_sealed_with_another_secret_is_refused_at_start(house: Deployment) -> None:
    other = house.make(secret=b"x" * 32)
    with pytest.raises(DomainError) as error:
        await other.start()
    assert refused(error, "AP-ID-008")


async def test_a_changed_password_ends_the_old_one_at_once_even_when_it_was_remembered(
    house: Deployment,
) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    await house.identity.verify_password("alice", PASSWORD)
    await house.identity.set_password("alice", "another password")
    with pytest.raises(DomainError):
        await house.identity.verify_password("alice", PASSWORD)
    with pytest.raises(DomainError):
        house.identity.verify_token(tokens.access_token)
    assert (await house.identity.verify_password("alice", "another password")).userid == "alice"


@pytest.mark.parametrize("password", ["short", "with a \x07 bell", ""])
async def test_what_cannot_be_a_password_is_refused(house: Deployment, password: str) -> None:
    with pytest.raises(DomainError) as error:
        await house.identity.set_password("alice", password)
    assert refused(error, "AP-ID-005")


async def test_guessing_is_slowed_down_and_the_wait_is_said(house: Deployment) -> None:
    for _ in range(6):
        with pytest.raises(DomainError):
            await house.identity.verify_password("alice", "wrong", "192.0.2.1")
    with pytest.raises(DomainError) as error:
        await house.identity.verify_password("alice", PASSWORD, "192.0.2.1")
    assert refused(error, "AP-ID-002")
    assert error.value.retry_after_s == 1.0
    assert (await house.identity.verify_password("alice", PASSWORD, "192.0.2.2")).userid == "alice"
    house.time.advance(1.1)
    assert (await house.identity.verify_password("alice", PASSWORD, "192.0.2.1")).userid == "alice"


async def test_a_token_says_who_and_by_which_client(house: Deployment) -> None:
    tokens = await house.identity.issue("root", "antiphon-cli", f"{SCOPE} admin")
    principal = house.identity.verify_token(tokens.access_token)
    assert (principal.userid, principal.method, principal.client_id) == ("root", "token", "antiphon-cli")
    assert principal.admin
    assert principal.session_id == tokens.session_id
    assert principal.expires_at == house.time.wall() + 3600
    assert house.identity.verify_token(tokens.access_token) is principal


async def test_administrators_lose_their_rights_with_the_next_request(house: Deployment) -> None:
    tokens = await house.identity.issue("root", "antiphon-cli", f"{SCOPE} admin")
    assert house.identity.verify_token(tokens.access_token).admin
    house.people.change("root", admin=False)
    assert not house.identity.verify_token(tokens.access_token).admin


async def test_a_token_expires_also_when_it_is_remembered(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    house.identity.verify_token(tokens.access_token)
    house.time.advance(3601)
    with pytest.raises(DomainError) as error:
        house.identity.verify_token(tokens.access_token)
    assert refused(error, "AP-ID-004")


async def test_the_header_and_claims_are_those_of_rfc_9068(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    header, claims, _ = tokens.access_token.split(".")

    def read(part: str) -> dict[str, object]:
        decoded: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return decoded

    assert read(header).keys() == {"alg", "typ", "kid"}
    assert (read(header)["alg"], read(header)["typ"]) == ("ES256", "at+jwt")
    assert read(claims).keys() == {"iss", "sub", "aud", "exp", "iat", "jti", "sid", "client_id", "scope"}
    assert len(tokens.access_token) < 550


async def test_refreshing_spends_the_token_and_the_old_access_token_goes_on(house: Deployment) -> None:
    first = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    second = await house.identity.refresh(first.refresh_token, "antiphon-cli")
    assert second.refresh_token != first.refresh_token
    assert second.session_id == first.session_id
    for tokens in (first, second):
        assert house.identity.verify_token(tokens.access_token).userid == "alice"


async def test_a_refresh_token_used_twice_ends_the_whole_sign_in(house: Deployment) -> None:
    first = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    other = await house.identity.issue("alice", "antiphon-web", SCOPE)
    second = await house.identity.refresh(first.refresh_token, "antiphon-cli")
    with pytest.raises(DomainError) as error:
        await house.identity.refresh(first.refresh_token, "antiphon-cli")
    assert refused(error, "AP-ID-023")
    with pytest.raises(DomainError):
        await house.identity.refresh(second.refresh_token, "antiphon-cli")
    for tokens in (first, second):
        with pytest.raises(DomainError):
            house.identity.verify_token(tokens.access_token)
    assert house.of_kind(SessionRevoked) == [SessionRevoked("alice", first.session_id)]
    assert house.identity.verify_token(other.access_token).userid == "alice"


async def test_reuse_is_found_after_a_restart_too(house: Deployment) -> None:
    first = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    second = await house.identity.refresh(first.refresh_token, "antiphon-cli")
    await house.restart()
    with pytest.raises(DomainError):
        await house.identity.refresh(first.refresh_token, "antiphon-cli")
    await house.restart()
    with pytest.raises(DomainError):
        house.identity.verify_token(second.access_token)


async def test_reuse_is_found_when_another_node_rotated(house: Deployment) -> None:
    first = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    other = house.make()
    await other.start()
    await other.refresh(first.refresh_token, "antiphon-cli")
    with pytest.raises(DomainError):
        await house.identity.refresh(first.refresh_token, "antiphon-cli")
    assert house.identity.sessions("alice") == ()
    other.stop()


async def test_with_a_leeway_a_lost_answer_does_not_end_the_sign_in(house: Deployment) -> None:
    await house.identity.change_settings(refresh_reuse_leeway_s=10)
    first = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    second = await house.identity.refresh(first.refresh_token, "antiphon-cli")
    again = await house.identity.refresh(first.refresh_token, "antiphon-cli")
    assert again.refresh_token == second.refresh_token
    house.time.advance(11)
    with pytest.raises(DomainError):
        await house.identity.refresh(first.refresh_token, "antiphon-cli")


async def test_a_forged_refresh_token_ends_nobody(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    session_id, generation, mac = tokens.refresh_token.split(".")
    for forged in (
        f"{session_id}.{generation}.{'A' * len(mac)}",
        f"{session_id}.{int(generation) + 1}.{mac}",
        session_id,
        "..",
        "",
        "x" * 9999,
        f"{session_id}.²." + mac,
    ):
        with pytest.raises(DomainError) as error:
            await house.identity.refresh(forged, "antiphon-cli")
        assert refused(error, "AP-ID-023")
    assert house.identity.verify_token(tokens.access_token).userid == "alice"


async def test_a_refresh_token_serves_only_its_client(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    with pytest.raises(DomainError):
        await house.identity.refresh(tokens.refresh_token, "antiphon-web")
    assert await house.identity.refresh(tokens.refresh_token, "antiphon-cli")


async def test_a_sign_in_ends_in_time_however_often_it_was_refreshed(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    assert tokens.refresh_token_expires_in == 60 * 86400
    await house.identity.change_settings(refresh_token_days=1)
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    for _ in range(3):
        house.time.advance(8 * 3600 - 100)
        tokens = await house.identity.refresh(tokens.refresh_token, "antiphon-cli")
    assert tokens.expires_in == 300
    house.time.advance(301)
    with pytest.raises(DomainError):
        await house.identity.refresh(tokens.refresh_token, "antiphon-cli")


async def test_tokens_and_refresh_tokens_survive_a_restart(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    await house.restart()
    assert house.identity.verify_token(tokens.access_token).userid == "alice"
    assert (await house.identity.refresh(tokens.refresh_token, "antiphon-cli")).userid == "alice"
    assert (await house.identity.verify_password("alice", PASSWORD)).userid == "alice"


async def test_disabling_a_user_refuses_the_tokens_at_once_and_for_good(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    house.identity.verify_token(tokens.access_token)
    house.people.change("alice", enabled=False)
    with pytest.raises(DomainError):
        house.identity.verify_token(tokens.access_token)
    await house.settle()
    assert house.of_kind(SessionsRevoked) == [SessionsRevoked("alice", (tokens.session_id,))]
    house.people.change("alice", enabled=True)
    await house.restart()
    with pytest.raises(DomainError):
        house.identity.verify_token(tokens.access_token)
    with pytest.raises(DomainError):
        await house.identity.refresh(tokens.refresh_token, "antiphon-cli")


async def test_a_removed_user_leaves_no_credentials(house: Deployment) -> None:
    house.people.remove("alice")
    await house.settle()
    assert not house.identity.has_password("alice")
    await house.restart()
    assert not house.identity.has_password("alice")


async def test_what_one_node_revokes_all_nodes_refuse(house: Deployment) -> None:
    other = house.make()
    await other.start()
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    other.verify_token(tokens.access_token)
    await other.revoke(userid="alice")
    for node in (house.identity, other):
        with pytest.raises(DomainError):
            node.verify_token(tokens.access_token)
    other.stop()


async def test_revoking_one_access_token_leaves_the_sign_in(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    await house.identity.revoke_token(tokens.access_token, "antiphon-cli")
    with pytest.raises(DomainError):
        house.identity.verify_token(tokens.access_token)
    again = await house.identity.refresh(tokens.refresh_token, "antiphon-cli")
    assert house.identity.verify_token(again.access_token).userid == "alice"


async def test_keys_rotate_without_restart_and_old_tokens_stay_valid(house: Deployment) -> None:
    old = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    await house.identity.rotate_keys()
    await house.settle()
    new = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    assert {len(house.identity.keys.jwks(house.time.wall())["keys"])} == {2}
    for tokens in (old, new):
        assert house.identity.verify_token(tokens.access_token).userid == "alice"
    house.time.advance(86400 + 1)
    await house.restart()
    (key,) = house.identity.keys.jwks(house.time.wall())["keys"]
    assert "d" not in key


async def test_a_compromised_key_is_refused_at_once(house: Deployment) -> None:
    old = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    house.identity.verify_token(old.access_token)
    await house.identity.rotate_keys(at_once=True)
    with pytest.raises(DomainError):
        house.identity.verify_token(old.access_token)
    assert (await house.identity.refresh(old.refresh_token, "antiphon-cli")).userid == "alice"


async def test_lifetimes_change_without_restart_and_stay_changed(house: Deployment) -> None:
    await house.identity.change_settings(access_token_minutes=5, refresh_token_days=1)
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    assert (tokens.expires_in, tokens.refresh_token_expires_in) == (300, 86400)
    await house.restart()
    assert house.identity.settings == IdentitySettings(access_token_minutes=5, refresh_token_days=1)


@pytest.mark.parametrize(
    "values",
    [
        {"access_token_minutes": 0},
        {"access_token_minutes": 1441},
        {"refresh_token_days": 91},
        {"refresh_token_days": "60"},
        {"password_grant": 1},
        {"no_such_setting": 1},
        {"redirect_uris": [["C41e", "https://x/#fragment"]]},
    ],
)
async def test_a_setting_out_of_range_changes_nothing(house: Deployment, values: dict[str, object]) -> None:
    before = house.identity.settings
    with pytest.raises(DomainError) as error:
        await house.identity.change_settings(**values)
    assert refused(error, "AP-ID-007")
    assert house.identity.settings is before


async def test_scram_keys_of_nobody_keep_their_salt_and_fit_no_proof(house: Deployment) -> None:
    first, second = (house.identity.scram_keys("nobody", "sha-256") for _ in range(2))
    assert first.salt == second.salt
    assert len(first.salt) == len(house.identity.scram_keys("alice", "sha-256").salt)
    before = house.identity.scram_keys("alice", "sha-1")
    house.people.change("alice", enabled=False)
    after = house.identity.scram_keys("alice", "sha-1")
    assert before.salt == after.salt
    assert before.stored_key != after.stored_key


async def test_one_secret_field_takes_a_token_a_one_time_password_or_a_password(house: Deployment) -> None:
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    once = house.identity.one_time_password("alice")
    for secret in (tokens.access_token, once, PASSWORD):
        assert (await house.identity.verify_secret("alice", secret)).userid == "alice"
    for userid, secret in (("alice", once), ("bob", tokens.access_token), ("alice", "a.b.c")):
        with pytest.raises(DomainError) as error:
            await house.identity.verify_secret(userid, secret)
        assert refused(error, "AP-ID-001")


async def test_housekeeping_forgets_what_has_expired(house: Deployment) -> None:
    await house.identity.change_settings(refresh_token_days=1)
    tokens = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    await house.identity.issue("root", "antiphon-cli", SCOPE)
    await house.identity.revoke(session_id=tokens.session_id)
    house.time.advance(86400 + 1200)
    await house.settle()
    assert house.identity.sessions() == ()
    async with house.database.reading() as connection:
        for table in ("identity_sessions", "identity_revocations"):
            assert (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar() == 0


async def test_what_one_node_changes_the_others_know(house: Deployment) -> None:
    other = house.make()
    await other.start()
    await house.identity.set_password("alice", "another password")
    await house.identity.change_settings(access_token_minutes=5)
    await house.identity.rotate_keys(at_once=True)
    await house.settle()
    assert (await other.verify_password("alice", "another password")).userid == "alice"
    with pytest.raises(DomainError):
        await other.verify_password("alice", PASSWORD)
    tokens = await other.issue("alice", "antiphon-cli", SCOPE)
    assert tokens.expires_in == 300
    assert house.identity.verify_token(tokens.access_token).userid == "alice"
    other.stop()


async def test_a_node_that_missed_events_reads_the_store_again(house: Deployment) -> None:
    silence = LocalBus()
    deaf = house.make(bus=silence)
    await deaf.start()
    tokens = await deaf.issue("alice", "antiphon-cli", SCOPE)
    await house.identity.revoke(userid="alice")
    await house.identity.set_password("alice", "another password")
    assert deaf.verify_token(tokens.access_token).userid == "alice"
    silence.publish(EventsMissed())
    await house.settle()
    with pytest.raises(DomainError):
        deaf.verify_token(tokens.access_token)
    assert (await deaf.verify_password("alice", "another password")).userid == "alice"
    deaf.stop()


async def test_one_user_cannot_fill_the_memory_with_sign_ins(house: Deployment) -> None:
    first = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    for _ in range(MAX_SESSIONS):
        house.time.advance(0.001)
        last = await house.identity.issue("alice", "antiphon-cli", SCOPE)
    assert len(house.identity.sessions("alice")) == MAX_SESSIONS
    with pytest.raises(DomainError):
        house.identity.verify_token(first.access_token)
    assert house.identity.verify_token(last.access_token).userid == "alice"


async def test_a_name_that_does_not_exist_costs_as_much_work_as_a_wrong_password(house: Deployment) -> None:
    work: list[str] = []
    matches = house.hashing.matches

    async def counted(encoded: str, password: str) -> bool:
        work.append(encoded.rpartition("$")[0].rpartition("$")[0])
        return await matches(encoded, password)

    house.hashing.matches = counted  # type: ignore[method-assign]
    for userid, password in (("alice", "wrong"), ("nobody", "wrong"), ("bob", "wrong"), ("alice", "\0")):
        with pytest.raises(DomainError):
            await house.identity.verify_password(userid, password)
    assert len(work) == 4
    assert len(set(work)) == 1, "the same parameters for all"


async def test_a_busy_server_does_not_count_the_attempt(house: Deployment) -> None:
    async def busy(encoded: str, password: str) -> bool:
        raise BUSY.error(retry_after_s=2.0)

    matches, house.hashing.matches = house.hashing.matches, busy  # type: ignore[method-assign]
    for _ in range(20):
        with pytest.raises(DomainError) as error:
            await house.identity.verify_password("alice", PASSWORD, "192.0.2.1")
        assert refused(error, "AP-ID-003")
    house.hashing.matches = matches  # type: ignore[method-assign]
    assert (await house.identity.verify_password("alice", PASSWORD, "192.0.2.1")).userid == "alice"
