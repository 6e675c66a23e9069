"""Who asks: HTTP Basic with a password or Bearer with an access token, as the Cisco-named web services take them.

Source: RFC 7617, RFC 6750 §2.1.
"""

from __future__ import annotations

import base64
import binascii
import logging
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from antiphon.kernel.errors import DomainError, Kind
from antiphon.model import Principal

log = logging.getLogger(__name__)

CHALLENGE = 'Basic realm="Cisco Web Services Realm"'
"""Clients compare it character by character; Bearer is accepted without being announced."""
MAX_HEADER = 16384

_PAGE = "<!doctype html>\n<html><head><title>401</title></head><body><h1>Sign in</h1><p>{code}</p></body></html>\n"


class Identity(Protocol):
    """Verifies either proof. Raises DomainError AP-ID-…; passwords that were right a moment ago are cached there."""

    async def verify_password(self, userid: str, password: str, source: str, /) -> Principal:
        """`source` is the asker's address, for the limit on failed attempts."""
        ...

    def verify_token(self, token: str, /) -> Principal: ...


async def principal_of(request: Request, identity: Identity) -> Principal | Response:
    """The one who asks, or the answer to give instead: 401 with the challenge, 503 when sign-in is overloaded."""
    header = request.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    try:
        if len(header) > MAX_HEADER:
            return unauthorised()
        if scheme.lower() == "bearer":
            return identity.verify_token(rest.strip())
        if scheme.lower() == "basic" and (pair := _basic(rest.strip())) is not None:
            source = request.client.host if request.client is not None else ""
            return await identity.verify_password(*pair, source)
    except DomainError as error:
        log.info("web service sign-in refused", extra={"code": error.code, "scheme": scheme.lower()})
        if error.kind is Kind.UNAVAILABLE:
            return Response(status_code=503, headers={"Retry-After": str(int(error.retry_after_s or 5))})
        return unauthorised(error.code)
    return unauthorised()


def unauthorised(code: str = "") -> Response:
    # An HTML page and not XML: that is what clients of this interface were written against.
    return Response(
        _PAGE.format(code=code),
        401,
        {
            "WWW-Authenticate": CHALLENGE,
            "Content-Type": "text/html;charset=utf-8",
            "Cache-Control": "private",
        },
    )


def _basic(encoded: str) -> tuple[str, str] | None:
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    userid, colon, password = text.partition(":")
    return (userid, password) if colon and userid else None
