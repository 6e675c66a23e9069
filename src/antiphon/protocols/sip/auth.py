"""Challenges and credentials, as header values.

Source: RFC 3261 §22, §25.1; RFC 7616 §3.3-3.4; RFC 8898 §2; Cisco's Bearer form: S3-54, S3-55
"""

from __future__ import annotations

from antiphon.protocols.sip.grammar import LWS, Malformed, end_of_quoted, is_token, split, unquote

MAX_TOKEN = 6 * 1024


class Credentials:
    """An Authorization or Proxy-Authorization value. Names are lower case, values without quotes."""

    __slots__ = ("params", "scheme", "token")

    def __init__(self, scheme: str, params: dict[str, str], token: str = "") -> None:
        self.scheme = scheme
        """In lower case."""
        self.params = params
        self.token = token
        """The Bearer token, whichever of the two grammars carried it."""


def parse_credentials(text: str) -> Credentials | None:
    """None for what is no credentials value at all; an unknown scheme is still one (regaut01 of RFC 4475)."""
    scheme, _, rest = text.strip(LWS).partition(" ")
    if scheme == "Digest" or scheme.lower() == "digest":
        params = _quick(rest) if "\\" not in rest else _careful(rest)
        return None if params is None else Credentials("digest", params)
    if not is_token(scheme):
        return None
    if scheme.lower() == "bearer":
        return _bearer(rest.strip(LWS))
    return Credentials(scheme.lower(), {})


def _quick(text: str) -> dict[str, str] | None:
    """auth-params whose values have neither escapes nor commas, which is what everybody sends."""
    params: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        name = name.strip().lower()
        if value[:1] == '"':
            if value[-1:] != '"' or value.count('"') != 2:
                return _careful(text)
            value = value[1:-1]
        elif not value or '"' in value or " " in value:
            return _careful(text)
        if not name or name in params:
            return None
        params[name] = value
    return params


def _careful(text: str) -> dict[str, str] | None:
    params: dict[str, str] = {}
    try:
        for part in split(text, ","):
            name, equals, value = part.partition("=")
            name, value = name.strip(LWS).lower(), value.strip(LWS)
            if not equals or not name or name in params:
                return None
            if value.startswith('"') and end_of_quoted(value, 0) != len(value):
                return None
            params[name] = unquote(value)
    except Malformed:
        return None
    return params


def _bearer(rest: str) -> Credentials | None:
    """`Bearer token="…"` (Cisco's line side) or `Bearer …` (RFC 8898, RFC 6750)."""
    if rest[:6].lower() == "token=":
        params = _careful(rest)
        token = (params or {}).get("token", "")
    else:
        token = rest
    if not token or len(token) > MAX_TOKEN or not token.isascii() or " " in token:
        return None
    return Credentials("bearer", {}, token)


def digest_challenge(realm: str, nonce: str, algorithm: str, stale: bool = False) -> str:
    """One challenge; qop is always asked for, so that nonces can be counted."""
    text = f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"'
    return text + ", stale=true" if stale else text


def bearer_challenge(realm: str, authz_server: str = "") -> str:
    """S3-54 without `authz_server`, RFC 8898 §3 with it."""
    text = f'Bearer realm="{realm}"'
    return f'{text}, scope="sip", authz_server="{authz_server}"' if authz_server else text
