"""Who may administer over HTTP: a Bearer token of an administrator; Basic where old tools use it."""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request

from antiphon.model import Principal
from antiphon.services.identity import Identity
from antiphon.services.identity.errors import BAD_CREDENTIALS, BAD_TOKEN, FORBIDDEN


def source_of(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def bearer(request: Request, identity: Identity) -> Principal:
    """Raises AP-ID-004."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise BAD_TOKEN.error("no Bearer token")
    return identity.verify_token(token.strip())


def administrator(request: Request, identity: Identity) -> Principal:
    """Raises AP-ID-004, or AP-ID-009 for somebody else."""
    principal = bearer(request, identity)
    if not principal.admin:
        raise FORBIDDEN.error()
    return principal


async def administrator_or_basic(request: Request, identity: Identity) -> Principal:
    """Raises AP-ID-001 … 004, AP-ID-009."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return administrator(request, identity)
    # A browser adds a remembered Basic password by itself, also to what another site makes it ask for.
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise FORBIDDEN.error()
    try:
        userid, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BAD_CREDENTIALS.error() from None
    principal = await identity.verify_password(userid, password, source_of(request))
    if not principal.admin:
        raise FORBIDDEN.error()
    return principal
