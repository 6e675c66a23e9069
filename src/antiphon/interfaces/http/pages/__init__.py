"""The few pages that people see at sign-in: rendered on the server, no script, five languages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from antiphon.interfaces.http.pages.catalogue import Texts, texts_for

STYLE = "/ssosp/pages/style.css"

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Vary": "Accept-Language, Cookie",
}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("antiphon.interfaces.http", "pages"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def texts_of(request: Request) -> Texts:
    """In the language of `ui_locales` (OpenID Connect's parameter) or of the browser."""
    wanted = request.query_params.get("ui_locales", "").replace(" ", ",")
    return texts_for(wanted, request.headers.get("accept-language", ""))


def page(
    name: str,
    texts: Texts,
    *,
    status: int = 200,
    form_action: str = "",
    headers: dict[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """`form_action` is the origin or scheme that a form's answer may redirect to, beside this server itself."""
    html = _environment().get_template(f"{name}.html").render(t=texts, style=STYLE, **values)
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {form_action}".rstrip()
    )
    fields = {
        **_HEADERS,
        "Content-Security-Policy": policy,
        "Content-Language": texts.locale,
        **(headers or {}),
    }
    return HTMLResponse(html, status, fields)


@cache
def _style() -> bytes:
    return files(__package__).joinpath("style.css").read_bytes()


def style(_: Request) -> Response:
    return Response(
        _style(),
        media_type="text/css",
        headers={"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"},
    )
