"""Tokens from the real authorization server over HTTPS: password, device grant, renewal, revocation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.interfaces.http.client import Served, fields
from tests.interfaces.http.client import sign_in as in_browser
from tests.interfaces.http.serving import localhost_context, loopback_socket, serving
from tests.services.identity.deployment import PASSWORD, deployment

from antiphon.client import oauth
from antiphon.client.credentials import FileStore
from antiphon.client.environment import Environment
from antiphon.client.http import Http
from antiphon.client.oauth import DeviceCode, Endpoints, Tokens
from antiphon.client.record import Records, SignIn
from antiphon.client.session import Session
from antiphon.client.signin import authorise, subject_of
from antiphon.interfaces.http.oauth import routes
from antiphon.kernel.errors import DomainError
from antiphon.services.trust import Trust


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    sock = loopback_socket()
    origin = f"https://localhost:{sock.getsockname()[1]}"
    context = localhost_context(tmp_path / "ca.pem")
    async with (
        deployment(tmp_path, origin) as house,
        serving(routes(house.server, house.time), sock, context),
    ):
        await house.identity.change_settings(password_grant=True)
        trust = Trust(directory=tmp_path / "trust", timers=house.time, bus=house.bus, domain="example.test")
        yield Served(house, trust, origin, tmp_path / "ca.pem")


@pytest.fixture
async def http(served: Served) -> AsyncIterator[Http]:
    around = Environment(None, served.ca_file)
    async with Http(around.open_resolver(), around.tls_context()) as http:
        yield http


def session(served: Served, endpoints: Endpoints, tokens: Tokens, records: Records) -> Session:
    record = SignIn(
        "alice@example.test",
        "alice",
        "example.test",
        served.origin,
        endpoints,
        tokens,
        Environment(None, served.ca_file),
    )
    kept = Session(record, records)
    kept.save()
    return kept


async def test_a_password_gives_a_token_of_its_owner(served: Served, http: Http) -> None:
    endpoints = await oauth.endpoints(http, served.origin)
    tokens = await authorise(http, endpoints, "alice", PASSWORD, None)
    assert served.house.identity.verify_token(tokens.access).userid == "alice"
    assert subject_of(tokens.access) == "alice"
    assert tokens.expires_at > time.time() + 3500
    assert tokens.refresh


async def test_a_wrong_password_is_refused_with_a_code(served: Served, http: Http) -> None:
    endpoints = await oauth.endpoints(http, served.origin)
    with pytest.raises(DomainError, match="AP-CLIENT-002"):
        await authorise(http, endpoints, "alice", "wrong", None)


async def test_a_deployment_that_takes_no_passwords_from_programs_says_so(served: Served, http: Http) -> None:
    await served.house.identity.change_settings(password_grant=False)
    endpoints = await oauth.endpoints(http, served.origin)
    with pytest.raises(DomainError, match="AP-CLIENT-012"):
        await authorise(http, endpoints, "alice", PASSWORD, None)


async def test_the_device_grant_waits_for_the_person_and_notices_somebody_else(
    served: Served, http: Http
) -> None:
    endpoints = await oauth.endpoints(http, served.origin)

    async def grant(userid: str, decision: str) -> Tokens:
        def in_the_browser(code: DeviceCode) -> None:
            def flow() -> None:
                with served.session() as browser:
                    signed_in = in_browser(browser, code.verification_uri_complete)
                    page = browser.get(served.origin + signed_in.headers["location"])
                    assert code.user_code in page.text
                    browser.post(page.url, data={**fields(page), "decision": decision})

            decided.append(asyncio.get_running_loop().run_in_executor(None, flow))

        async def wait(seconds: float) -> None:
            assert seconds >= 5
            await decided[0]
            served.house.time.advance(seconds)

        decided: list[asyncio.Future[None]] = []
        code = await oauth.ask_for_device_code(http, endpoints)
        in_the_browser(code)
        return await oauth.wait_for_device(http, endpoints, code, time.time, wait)

    assert subject_of((await grant("alice", "allow")).access) == "alice"
    with pytest.raises(DomainError, match="AP-CLIENT-007"):
        await grant("alice", "refuse")


async def test_a_token_is_renewed_before_it_ends_and_kept(served: Served, http: Http, tmp_path: Path) -> None:
    records = Records(FileStore(tmp_path / "store"))
    endpoints = await oauth.endpoints(http, served.origin)
    tokens = await authorise(http, endpoints, "alice", PASSWORD, None)
    soon = Tokens(tokens.access, time.time() + 30, tokens.refresh, tokens.refresh_expires_at, tokens.scope)
    served.house.time.advance(3570)
    async with session(served, endpoints, soon, records) as kept:
        fresh = await kept.token()
        assert fresh != tokens.access
        assert await kept.token() == fresh
    assert records.load().tokens.access == fresh
    assert records.load().tokens.refresh != tokens.refresh


async def test_two_commands_at_once_renew_once(served: Served, http: Http, tmp_path: Path) -> None:
    records = Records(FileStore(tmp_path / "store"))
    endpoints = await oauth.endpoints(http, served.origin)
    tokens = await authorise(http, endpoints, "alice", PASSWORD, None)
    soon = Tokens(tokens.access, time.time() + 30, tokens.refresh, tokens.refresh_expires_at, tokens.scope)
    async with (
        session(served, endpoints, soon, records) as one,
        session(served, endpoints, soon, records) as two,
    ):
        first, second = await asyncio.gather(one.token(), two.token())
    assert first == second != tokens.access


async def test_signing_out_ends_the_sign_in_on_the_server_and_here(
    served: Served, http: Http, tmp_path: Path
) -> None:
    records = Records(FileStore(tmp_path / "store"))
    endpoints = await oauth.endpoints(http, served.origin)
    tokens = await authorise(http, endpoints, "alice", PASSWORD, None)
    async with session(served, endpoints, tokens, records) as kept:
        await kept.sign_out()
        with pytest.raises(DomainError, match="AP-CLIENT-003"):
            await kept.token(fresh=True)
    with pytest.raises(DomainError, match="AP-CLIENT-001"):
        records.load()


async def test_secrets_are_never_sent_in_clear(http: Http) -> None:
    with pytest.raises(DomainError, match="AP-CLIENT-010"):
        await http.get("http://localhost:1/", bearer="secret")


async def test_a_server_that_is_not_trusted_is_not_asked(served: Served) -> None:
    around = Environment()
    async with Http(around.open_resolver(), around.tls_context()) as stranger:
        with pytest.raises(DomainError, match="AP-CLIENT-004"):
            await oauth.endpoints(stranger, served.origin)
