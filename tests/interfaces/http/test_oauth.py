from __future__ import annotations

from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet
from lxml import etree
from tests.interfaces.http.client import Served, fields, in_thread, sign_in
from tests.services.identity.deployment import PASSWORD

from antiphon.kernel.errors import DomainError
from antiphon.protocols.oauth.clients import DEVICE_GRANT, SCOPE

CALLBACK = "http://127.0.0.1:5123/callback"
VERIFIER = "a-code-verifier-that-is-long-enough-for-rfc-7636"


def oauth_session(served: Served) -> OAuth2Session:
    session = OAuth2Session(
        "antiphon-cli",
        redirect_uri=CALLBACK,
        scope=SCOPE,
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )
    session.verify = str(served.ca_file)
    session.trust_env = False
    return session


@pytest.mark.interop
async def test_authlib_signs_in_with_code_and_pkce_refreshes_and_revokes(served: Served) -> None:
    def whole_flow() -> dict[str, Any]:
        with oauth_session(served) as client, served.session() as browser:
            described = browser.get(f"{served.origin}/.well-known/oauth-authorization-server").json()
            address, state = client.create_authorization_url(
                described["authorization_endpoint"], code_verifier=VERIFIER
            )
            answer = sign_in(browser, address)
            assert answer.status_code == 303
            first = client.fetch_token(
                described["token_endpoint"],
                authorization_response=answer.headers["location"],
                code_verifier=VERIFIER,
                state=state,
            )
            second = client.refresh_token(described["token_endpoint"])
            assert second["refresh_token"] != first["refresh_token"]
            keys = KeySet.import_key_set(browser.get(described["jwks_uri"]).json())
            claims = jwt.decode(second["access_token"], keys, algorithms=["ES256"]).claims
            assert (claims["iss"], claims["sub"]) == (described["issuer"], "alice")
            assert (
                client.revoke_token(described["revocation_endpoint"], second["refresh_token"]).status_code
                == 200
            )
            return dict(second)

    tokens = await in_thread(whole_flow)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert 0 < tokens["refresh_token_expires_in"] <= 5184000
    with pytest.raises(DomainError):
        served.house.identity.verify_token(tokens["access_token"])


async def test_the_device_grant_signs_in_a_program_that_has_no_browser(served: Served) -> None:
    def whole_flow() -> requests.Response:
        with served.session() as program, served.session() as browser:
            started = program.post(
                f"{served.origin}/ssosp/oauth/device_authorization", data={"client_id": "antiphon-cli"}
            ).json()
            poll = {
                "grant_type": DEVICE_GRANT,
                "client_id": "antiphon-cli",
                "device_code": started["device_code"],
            }
            waiting = program.post(f"{served.origin}/ssosp/oauth/token", data=poll)
            assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")
            signed_in = sign_in(browser, started["verification_uri_complete"])
            assert signed_in.status_code == 303
            page = browser.get(served.origin + signed_in.headers["location"])
            assert started["user_code"] in page.text
            done = browser.post(page.url, data={**fields(page), "decision": "allow"})
            assert "You can close this window" in done.text
            served.house.time.advance(5)
            return program.post(f"{served.origin}/ssosp/oauth/token", data=poll)

    answer = await in_thread(whole_flow)
    assert answer.status_code == 200
    assert served.house.identity.verify_token(answer.json()["access_token"]).userid == "alice"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_typed_device_code_leads_to_the_question_and_a_wrong_one_is_said(served: Served) -> None:
    grant = served.house.server.start_device({"client_id": "antiphon-cli"})

    def flow() -> tuple[requests.Response, requests.Response]:
        with served.session() as browser:
            sign_in(browser, f"{served.origin}/device")
            form = fields(browser.get(f"{served.origin}/device"))
            wrong = browser.post(f"{served.origin}/device", data={**form, "user_code": "XXXX-XXXX"})
            page = browser.post(
                f"{served.origin}/device", data={**form, "user_code": grant.user_code.lower()}
            )
            form = fields(page)
            return wrong, browser.post(page.url, data={**form, "decision": "refuse"})

    wrong, refused = await in_thread(flow)
    assert wrong.status_code == 404
    assert "not known or has expired" in wrong.text
    assert "was not signed in" in refused.text
    assert grant.state.value == "denied"


async def test_a_browser_that_has_signed_in_is_not_asked_again_until_it_signs_out(served: Served) -> None:
    session = oauth_session(served)
    address, _ = session.create_authorization_url(
        f"{served.origin}/ssosp/oauth/authorize", code_verifier=VERIFIER
    )
    session.close()

    def flow() -> list[requests.Response]:
        with served.session() as browser:
            sign_in(browser, address)
            again = browser.get(address, allow_redirects=False)
            forced = browser.get(address + "&prompt=login", allow_redirects=False)
            form = fields(browser.get(f"{served.origin}/ssosp/signout"))
            out = browser.post(f"{served.origin}/ssosp/signout", data=form)
            return [again, forced, out, browser.get(address, allow_redirects=False)]

    again, forced, out, after = await in_thread(flow)
    assert again.status_code == 303
    assert again.headers["location"].startswith(CALLBACK)
    assert forced.status_code == 200
    assert "You are signed out" in out.text
    assert after.status_code == 200


async def test_disabling_a_user_signs_the_browser_out(served: Served) -> None:
    def flow(expected: int) -> None:
        assert browser.get(f"{served.origin}/device").text.count('name="password"') == expected

    with served.session() as browser:
        await in_thread(sign_in, browser, f"{served.origin}/device")
        await in_thread(flow, 0)
        served.house.people.change("alice", enabled=False)
        served.house.people.change("alice", enabled=True)
        await in_thread(flow, 1)


def authorize(served: Served, **changes: str) -> str:
    given = {
        "client_id": "antiphon-cli",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        **changes,
    }
    return requests.Request("GET", f"{served.origin}/ssosp/oauth/authorize", params=given).prepare().url or ""


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.test/"},
        {"redirect_uri": "http://127.0.0.1:5123@evil.test/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"client_id": "<script>alert(1)</script>"},
        {"redirect_uri": ""},
    ],
)
async def test_no_page_redirects_to_an_address_that_is_not_registered(
    served: Served, changes: dict[str, str]
) -> None:
    def flow() -> list[requests.Response]:
        with served.session() as browser:
            sign_in(browser, f"{served.origin}/device")
            address = authorize(served, **changes)
            return [browser.get(address, allow_redirects=False), sign_in(browser, address)]

    for answer in await in_thread(flow):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "<script" not in answer.text


async def test_a_parameter_given_twice_is_refused(served: Served) -> None:
    with served.session() as browser:
        address = authorize(served) + "&redirect_uri=https%3A%2F%2Fevil.test%2F"
        answer = await in_thread(browser.get, address, allow_redirects=False)
        assert answer.status_code == 400
        body = "grant_type=password&grant_type=refresh_token"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await in_thread(browser.post, f"{served.origin}/ssosp/oauth/token", data=body, headers=kind)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_the_device_page_redirects_only_to_itself(served: Served) -> None:
    with served.session() as browser:
        answer = await in_thread(
            sign_in, browser, f"{served.origin}/device?user_code=//evil.test/%0d%0aSet-Cookie:x"
        )
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/device?user_code=%2F%2Fevil.test")
        assert "x" not in browser.cookies


@pytest.mark.parametrize("token", ["", "A" * 43, None])
async def test_a_form_without_the_browsers_own_token_changes_nothing(
    served: Served, token: str | None
) -> None:
    def flow() -> requests.Response:
        with served.session() as victim, served.session() as attacker:
            foreign = fields(attacker.get(authorize(served)))["form_token"]
            return sign_in(victim, authorize(served), form_token=foreign if token is None else token)

    answer = await in_thread(flow)
    assert answer.status_code == 403
    assert "__Host-antiphon=" not in answer.headers.get("set-cookie", "")
    assert "no longer valid" in answer.text


async def test_a_device_is_not_allowed_by_a_forged_form(served: Served) -> None:
    grant = served.house.server.start_device({"client_id": "antiphon-cli"})

    def flow() -> requests.Response:
        with served.session() as browser:
            sign_in(browser, f"{served.origin}/device")
            forged = {"step": "decide", "decision": "allow", "user_code": grant.user_code}
            return browser.post(f"{served.origin}/device", data=forged)

    assert (await in_thread(flow)).status_code == 403
    assert grant.state.value == "pending"


async def test_signing_out_needs_the_form_too(served: Served) -> None:
    def flow() -> requests.Response:
        with served.session() as browser:
            sign_in(browser, f"{served.origin}/device")
            browser.post(f"{served.origin}/ssosp/signout", data={})
            return browser.get(f"{served.origin}/device")

    assert 'name="user_code"' in (await in_thread(flow)).text


async def test_pages_have_no_script_cannot_be_framed_and_keep_their_cookies_to_themselves(
    served: Served,
) -> None:
    with served.session() as browser:
        page = await in_thread(browser.get, authorize(served))
        answer = await in_thread(sign_in, browser, authorize(served))
    policy = page.headers["content-security-policy"]
    for part in ("default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "form-action 'self' http://127.0.0.1:5123" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].lower()
    for part in ("__host-antiphon=", "secure", "httponly", "samesite=lax", "path=/"):
        assert part in cookie
    assert "domain=" not in cookie


async def test_a_wrong_password_is_said_and_the_name_stays(served: Served) -> None:
    with served.session() as browser:
        answer = await in_thread(sign_in, browser, authorize(served), '"><b>', "wrong")
    assert answer.status_code == 403
    assert "The user name or the password is wrong." in answer.text
    assert 'value="&#34;&gt;&lt;b&gt;"' in answer.text
    assert "wrong</" not in answer.text.replace("is wrong.</p>", "")


async def test_after_too_many_guesses_the_page_says_how_long_to_wait(served: Served) -> None:
    with served.session() as browser:
        for _ in range(7):
            answer = await in_thread(sign_in, browser, authorize(served), "alice", "wrong")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert "Try again in 1 s." in answer.text


@pytest.mark.parametrize(
    ("header", "locale", "button"),
    [
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr", "Se connecter"),
        ("ko", "ko", "로그인"),
        ("zh-CN", "zh-Hans", "登录"),
        ("zh-TW;q=0.5, xx", "zh-Hant", "登入"),
        ("de, *;q=0.5", "en", "Sign in"),
        ("", "en", "Sign in"),
        (";;;q=zzz,,,", "en", "Sign in"),
    ],
)
async def test_pages_speak_the_browsers_language(
    served: Served, header: str, locale: str, button: str
) -> None:
    with served.session() as browser:
        page = await in_thread(browser.get, authorize(served), headers={"Accept-Language": header})
    assert f'<html lang="{locale}">' in page.text
    assert f'<button type="submit">{button}</button>' in page.text
    assert page.headers["content-language"] == locale


async def test_the_clients_question_about_single_sign_on_is_answered(served: Served) -> None:
    with served.session() as browser:
        answer = await in_thread(browser.get, f"{served.origin}/ssosp/ws/public/singleSignOn")
    root = etree.fromstring(answer.content)
    assert answer.headers["content-type"].startswith("text/xml")
    assert root.xpath("/Response/SingleSignOn/@version") == ["12.5.1"]
    assert root.xpath("/Response/SingleSignOn/Status/@enabled") == ["true"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(100)), "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"", ""),
    ],
)
async def test_a_body_that_is_no_form_is_refused(served: Served, body: bytes, kind: str) -> None:
    with served.session() as browser:
        for path in ("token", "revoke", "device_authorization"):
            answer = await in_thread(
                browser.post, f"{served.origin}/ssosp/oauth/{path}", data=body, headers={"Content-Type": kind}
            )
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_an_administrator_ends_a_users_sign_ins_by_the_old_address(served: Served) -> None:
    tokens = await served.house.identity.issue("alice", "antiphon-cli", SCOPE)
    address = f"{served.origin}/ssosp/token/revoke?user_id=alice"

    def flow() -> list[requests.Response]:
        with served.session() as tool:
            cross = {"Sec-Fetch-Site": "cross-site"}
            return [
                tool.get(address),
                tool.get(address, auth=("alice", PASSWORD)),
                tool.get(address, auth=("root", PASSWORD), headers=cross),
                tool.get(address, auth=("root", PASSWORD)),
                tool.get(address.replace("alice", "nobody"), auth=("root", PASSWORD)),
            ]

    answers = await in_thread(flow)
    assert [answer.status_code for answer in answers] == [401, 403, 403, 200, 404]
    assert answers[3].json() == {"user_id": "alice", "revoked": 1}
    with pytest.raises(DomainError):
        served.house.identity.verify_token(tokens.access_token)
