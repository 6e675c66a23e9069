"""Getting and renewing tokens, as a public client.

Source: RFC 6749 §4.3, §6; RFC 8628 §3; RFC 8414; RFC 7009.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from antiphon.client.errors import (
    DEVICE_GRANT_DENIED,
    DEVICE_GRANT_EXPIRED,
    SIGN_IN_EXPIRED,
    SIGN_IN_REFUSED,
    UNEXPECTED_ANSWER,
)
from antiphon.client.http import Answer, Http

CLIENT_ID = "antiphon-cli"
SCOPE = "UnifiedCommunications:readwrite"
METADATA_PATH = "/.well-known/oauth-authorization-server"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the client needs of the authorization server's metadata."""

    issuer: str
    token: str
    device_authorization: str = ""
    revocation: str = ""
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tokens:
    """One access token and what renews it. Times are wall seconds."""

    access: str
    expires_at: float
    refresh: str = ""
    refresh_expires_at: float = 0.0
    scope: str = ""

    def __repr__(self) -> str:
        return f"Tokens(expires_at={self.expires_at:.0f})"


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a person is to open and to type (RFC 8628 §3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in_s: float
    interval_s: float

    def __repr__(self) -> str:
        return f"DeviceCode(user_code={self.user_code!r}, verification_uri={self.verification_uri!r})"


async def endpoints(http: Http, issuer: str) -> Endpoints:
    """The metadata of `issuer`, which is an origin such as `https://cucm1.example.test:8443`."""
    answer = await http.get(issuer.rstrip("/") + METADATA_PATH)
    if not answer.ok:
        raise UNEXPECTED_ANSWER.error(f"{answer.url}: {answer.status}")
    body = answer.json()
    # RFC 8414 §3.3: metadata that name another issuer are not to be used.
    if body.get("issuer") != issuer.rstrip("/"):
        raise UNEXPECTED_ANSWER.error(f"{answer.url}: another issuer")
    grants = body.get("grant_types_supported")
    return Endpoints(
        issuer,
        _https(body, "token_endpoint", answer),
        _https(body, "device_authorization_endpoint", answer, optional=True),
        _https(body, "revocation_endpoint", answer, optional=True),
        tuple(str(grant) for grant in grants) if isinstance(grants, list) else (),
    )


async def by_password(http: Http, where: Endpoints, username: str, password: str, now: float) -> Tokens:
    """The password grant, where the deployment allows it. Raises AP-CLIENT-002 where the two do not fit."""
    form = {
        "grant_type": "password",
        "username": username,
        "password": password,
        "client_id": CLIENT_ID,
        "scope": SCOPE,
    }
    answer = await http.post_form(where.token, form)
    if answer.status in (400, 401):
        raise SIGN_IN_REFUSED.error(_description(answer))
    return _tokens(answer, now)


async def renew(http: Http, where: Endpoints, refresh_token: str, now: float) -> Tokens:
    """A fresh access token; the refresh token changes with it. Raises AP-CLIENT-003 where the sign-in has ended."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": CLIENT_ID}
    answer = await http.post_form(where.token, form)
    if answer.status in (400, 401):
        raise SIGN_IN_EXPIRED.error(_description(answer))
    return _tokens(answer, now)


async def revoke(http: Http, where: Endpoints, refresh_token: str) -> bool:
    """End the sign-in on the server (RFC 7009). False where the server offers no way to."""
    if not where.revocation:
        return False
    form = {"token": refresh_token, "token_type_hint": "refresh_token", "client_id": CLIENT_ID}
    return (await http.post_form(where.revocation, form)).ok


async def ask_for_device_code(http: Http, where: Endpoints) -> DeviceCode:
    if not where.device_authorization:
        raise UNEXPECTED_ANSWER.error(f"{where.issuer} offers no device grant")
    answer = await http.post_form(where.device_authorization, {"client_id": CLIENT_ID, "scope": SCOPE})
    body = answer.json()
    if not answer.ok:
        raise UNEXPECTED_ANSWER.error(_description(answer))
    try:
        return DeviceCode(
            str(body["device_code"]),
            str(body["user_code"]),
            str(body["verification_uri"]),
            str(body.get("verification_uri_complete", "")),
            float(body["expires_in"]),
            float(body.get("interval", 5)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UNEXPECTED_ANSWER.error(answer.url) from error


async def wait_for_device(
    http: Http,
    where: Endpoints,
    code: DeviceCode,
    wall: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Tokens:
    """Ask again and again until the person has decided (RFC 8628 §3.4, §3.5).

    Raises AP-CLIENT-007 where the person said no, AP-CLIENT-008 where the time is over.
    """
    form = {"grant_type": DEVICE_GRANT, "device_code": code.device_code, "client_id": CLIENT_ID}
    interval, until = code.interval_s, wall() + code.expires_in_s
    while wall() < until:
        await sleep(interval)
        answer = await http.post_form(where.token, form)
        if answer.ok:
            return _tokens(answer, wall())
        match answer.json().get("error"):
            case "authorization_pending":
                pass
            case "slow_down":
                interval += 5
            case "access_denied":
                raise DEVICE_GRANT_DENIED.error()
            case "expired_token" | "invalid_grant":
                raise DEVICE_GRANT_EXPIRED.error()
            case _:
                raise UNEXPECTED_ANSWER.error(_description(answer))
    raise DEVICE_GRANT_EXPIRED.error()


def _tokens(answer: Answer, now: float) -> Tokens:
    if not answer.ok:
        raise UNEXPECTED_ANSWER.error(f"{answer.url}: {answer.status}")
    body = answer.json()
    try:
        refresh = str(body.get("refresh_token") or "")
        return Tokens(
            str(body["access_token"]),
            now + float(body.get("expires_in", 3600)),
            refresh,
            now + float(body.get("refresh_token_expires_in", 0)) if refresh else 0.0,
            str(body.get("scope", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UNEXPECTED_ANSWER.error(answer.url) from error


def _https(body: dict[str, Any], name: str, answer: Answer, optional: bool = False) -> str:
    value = body.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str) or urlsplit(value).scheme != "https":
        raise UNEXPECTED_ANSWER.error(f"{answer.url}: {name}")
    return value


def _description(answer: Answer) -> str:
    try:
        body = answer.json()
    except Exception:
        return str(answer.status)
    return str(body.get("error_description") or body.get("error") or answer.status)[:200]
