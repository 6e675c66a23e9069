"""From an address to a session: discovery, one sign-in, one token for everything.

    session = await sign_in("alice@example.test", environment, password="…")

Without a password the device grant is used: `on_code` shows a person what to open and to type (RFC 8628).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

from antiphon.client import oauth
from antiphon.client.discovery import Bootstrap, Discoverer, Found, Where
from antiphon.client.discovery.cache import DiscoveryCache
from antiphon.client.discovery.record import Tell, silent
from antiphon.client.environment import Environment
from antiphon.client.errors import (
    NO_PASSWORD_GRANT,
    NOT_FOUND_BY_DISCOVERY,
    SERVER_UNREACHABLE,
    WRONG_PERSON,
)
from antiphon.client.http import Http
from antiphon.client.oauth import DeviceCode, Endpoints, Tokens
from antiphon.client.record import Records, SignIn
from antiphon.client.session import Session


async def sign_in(
    address: str,
    environment: Environment | None = None,
    *,
    password: str | None = None,
    on_code: Callable[[DeviceCode], None] | None = None,
    records: Records | None = None,
    bootstrap: Bootstrap | None = None,
    cache: DiscoveryCache | None = None,
    tell: Tell = silent,
) -> Session:
    """A session of the person at `address`; `records` keeps it as the current sign-in of this machine.

    `tell` hears every step of discovery. Raises AP-CLIENT-002 for a wrong password, AP-CLIENT-004/-005 where no server
    is found or answers, AP-CLIENT-007/-008 where the device grant does not succeed, AP-DISC-001 for what is no address.
    """
    around = environment if environment is not None else Environment()
    async with Http(around.open_resolver(), around.context_for) as http:
        discoverer = Discoverer(around.open_resolver(), http, bootstrap=bootstrap, cache=cache, tell=tell)
        found = await discoverer.discover(address)
        endpoints = _usable(found)
        tokens = await authorise(http, endpoints, found.userid, password, on_code)
    record = SignIn(found.address, found.userid, found.domain, found.home, endpoints, tokens, around)
    session = Session(record, records)
    session.save()
    return session


async def authorise(
    http: Http,
    endpoints: Endpoints,
    userid: str,
    password: str | None,
    on_code: Callable[[DeviceCode], None] | None,
) -> Tokens:
    """Tokens of `userid`, by password or by device grant. Raises AP-CLIENT-011 where somebody else signed in."""
    if password is not None:
        if endpoints.grants and "password" not in endpoints.grants:
            raise NO_PASSWORD_GRANT.error()
        return await oauth.by_password(http, endpoints, userid, password, time.time())
    code = await oauth.ask_for_device_code(http, endpoints)
    if on_code is not None:
        on_code(code)
    tokens = await oauth.wait_for_device(http, endpoints, code, time.time)
    subject = subject_of(tokens.access)
    if subject and subject != userid:
        raise WRONG_PERSON.error(subject)
    return tokens


def subject_of(token: str) -> str:
    """`sub` of a self-describing token; empty for an opaque one. Nothing is decided by it but whom to ask about:
    the token came from its issuer over TLS, and every server checks its signature."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return ""
    return str(claims.get("sub", "")) if isinstance(claims, dict) else ""


def _usable(found: Found) -> Endpoints:
    if found.endpoints is not None:
        return found.endpoints
    if found.home or found.where is Where.INSIDE:
        failed = next((step for step in reversed(found.steps) if step.verdict.value == "failed"), None)
        raise SERVER_UNREACHABLE.error(
            f"{failed.name}: {failed.answered}" if failed is not None else found.home
        )
    raise NOT_FOUND_BY_DISCOVERY.error(found.address)
