"""Reading request bodies with a limit: forms without a second value for any name (RFC 6749 §3.1), JSON objects."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from antiphon.services.identity.errors import BAD_REQUEST

MAX_BODY = 16 * 1024
_MAX_FIELDS = 32


def unique(text: str) -> dict[str, str]:
    """Raises AP-ID-020 for a name that comes twice, too many names, or what is no form."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise BAD_REQUEST.error("the parameters cannot be read") from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BAD_REQUEST.error("a parameter comes twice")
    return values


async def body(request: Request, limit: int = MAX_BODY) -> bytes:
    """Raises AP-ID-020 for more than `limit` bytes."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise BAD_REQUEST.error("the body is too long")
    return bytes(received)


async def form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BAD_REQUEST.error("the body is not application/x-www-form-urlencoded")
    try:
        return unique((await body(request)).decode("utf-8"))
    except UnicodeDecodeError:
        raise BAD_REQUEST.error("the body is not UTF-8") from None


async def json_object(request: Request, limit: int = MAX_BODY) -> dict[str, Any]:
    try:
        value = json.loads(await body(request, limit) or b"{}")
    except (ValueError, RecursionError):
        raise BAD_REQUEST.error("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BAD_REQUEST.error("the body is not a JSON object")
    return value
