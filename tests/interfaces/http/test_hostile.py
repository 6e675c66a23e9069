"""Whatever is sent to sign-in, OAuth and the administration interface, the answer is one of ours and never a 500."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from tests.services.identity.deployment import ISSUER, PASSWORD, Deployment, deployment

from antiphon.interfaces.http import identity_api, oauth, trust_api
from antiphon.protocols.oauth.clients import DEVICE_GRANT, SCOPE
from antiphon.services.trust import Purpose, Trust

NASTY = [
    "", "0", "-1", "true", "null", "[]", "{}", "[" * 900, "%00", "\0", "\r\nSet-Cookie: x=1", "é", "中文", "\u202e",
    "\U0001f600",
    "a" * 5000, "../../etc/passwd", "<script>alert(1)</script>", "'; DROP TABLE identity_sessions; --", "{{7*7}}",
    "javascript:alert(1)", "http://127.0.0.1:99999/callback", "http://[::1", "http://127.0.0.1:1/callback", "//evil.test",
    "antiphon-cli", "antiphon-web", "code", "token", "S256", "plain", "c" * 43, SCOPE, "admin", "alice", PASSWORD, "login",
    "authorization_code", "refresh_token", "password", DEVICE_GRANT, "a.1.b", "a.99999999999.b", "..", "e30.e30.e30",
    "BBBB-BBBB",
    "decide", "code", "sign-in", "allow", "user_id", "²³", "1e999",
]  # fmt: skip
NAMES = [
    "client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method", "prompt",
    "ui_locales", "grant_type", "code", "code_verifier", "refresh_token", "username", "password", "device_code", "token",
    "token_type_hint", "user_code", "step", "decision", "form_token", "user_id", "userid",
]  # fmt: skip
PATHS = [
    "/ssosp/oauth/authorize", "/ssosp/oauth/token", "/ssosp/oauth/device_authorization", "/ssosp/oauth/revoke",
    "/ssosp/token/revoke", "/ssosp/oauth/keys", "/ssosp/signout", "/device", "/.well-known/oauth-authorization-server",
    "/ssosp/ws/public/singleSignOn", "/api/v1/identity/token", "/api/v1/identity/password", "/api/v1/identity/sessions",
    "/api/v1/identity/sessions/x", "/api/v1/identity/keys", "/api/v1/identity/settings", "/api/v1/trust/certificates",
    "/api/v1/trust/certificates/cucm1.example.test/tomcat", "/api/v1/trust/certificates/cucm1.example.test/tomcat/request",
    "/api/v1/trust/certificates/cucm1.example.test/tomcat/renew", "/api/v1/trust/authorities", "/api/v1/trust/authorities/x",
]  # fmt: skip
KINDS = [
    "application/x-www-form-urlencoded",
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "",
    "é",
]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployment(tmp_path) as made:
        yield made


@pytest.mark.parametrize("seed", range(6))
async def test_no_request_breaks_the_server(house: Deployment, tmp_path: Path, seed: int) -> None:
    trust = Trust(directory=tmp_path / "trust", timers=house.time, bus=house.bus, domain="example.test")
    trust.open()
    trust.ensure("cucm1.example.test", Purpose.TOMCAT)
    app = Starlette(
        routes=[
            *oauth.routes(house.server, house.time),
            *identity_api.routes(house.identity, house.time),
            *trust_api.routes(trust, house.identity),
        ]
    )
    tokens = [
        (await house.identity.issue(userid, "antiphon-cli", f"{SCOPE} admin")).access_token
        for userid in ("alice", "root")
    ]
    dice = random.Random(seed)
    # An exception of the application reaches this client instead of becoming a 500.
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=ISSUER, follow_redirects=False) as client:
        for _ in range(150):
            request = client.build_request(
                dice.choice(["GET", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
                dice.choice(PATHS),
                params=some(dice),
                headers=headers(dice, tokens),
                **body(dice),  # type: ignore[arg-type]
            )
            answer = await client.send(request)
            assert answer.status_code < 500 or answer.status_code == 503, request.url
            assert "evil.test" not in answer.headers.get("location", "").split("?")[0]
            assert "<script" not in answer.text.lower()
            assert "\r" not in "".join(answer.headers.values())
    assert house.identity.account("alice") is not None


def some(dice: random.Random) -> dict[str, str]:
    return {dice.choice(NAMES): dice.choice(NASTY) for _ in range(dice.randrange(8))}


def headers(dice: random.Random, tokens: list[str]) -> dict[str, str]:
    given = {
        "Content-Type": dice.choice(KINDS[:5]),
        "Accept-Language": dice.choice(["fr", "ko;q=", "é".encode().hex(), "*"]),
    }
    kind = dice.randrange(5)
    if kind == 0:
        given["Authorization"] = f"Bearer {dice.choice(tokens)}"
    elif kind == 1:
        given["Authorization"] = dice.choice(
            ["Basic !!!", "Basic YTpi", "Bearer", "Bearer a.b.c", "Digest x", "Basic /////w=="]
        )
    if dice.random() < 0.3:
        given["Cookie"] = (
            f"__Host-antiphon={'x' * dice.randrange(300)}; __Host-antiphon-form={'y' * dice.randrange(300)}"
        )
    return given


def body(dice: random.Random) -> dict[str, object]:
    match dice.randrange(4):
        case 0:
            return {"data": some(dice)}
        case 1:
            return {"content": dice.randbytes(dice.randrange(200))}
        case 2:
            return {
                "json": {
                    dice.choice([*NAMES, "access_token_minutes", "key", "subject", "at_once"]): dice.choice(
                        [1, None, [], "x", {}, 1e9]
                    )
                }
            }
        case _:
            return {}
