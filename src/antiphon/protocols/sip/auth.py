"""Challenges and credentials, as header values.

Source: RFC 3261 §22, §25.1; RFC 7616 §3.3-3.4; RFC 8898 §2; Cisco's Bearer form: S3-54, S3-55
"""

from __future__ import annotations

from antiphon.protocols.sip.grammar import LWS, Malformed, end_of_quoted, is_token, split, unquote

MAX_TOKEN = 6 * 1024

_LEADS = {
    comma + name + "=": name
    for name in ("username", "realm", "nonce", "uri", "response", "cnonce", "opaque")
    for comma in ("", ", ", ",")
}
"""What stands before a quoted value as everybody writes it, for one look-up instead of taking it apart."""


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
    """auth-params whose values have no escapes: every second piece between quotes is a quoted value."""
    params: dict[str, str] = {}
    pieces = text.split('"')
    last = len(pieces) - 1
    if last % 2:
        return None
    for i in range(0, last, 2):
        lead = pieces[i]
        name = _LEADS.get(lead)
        if name is None:
            before, _, name = lead.rpartition(",")
            if before and not _plain(before, params):
                return None
            name = name.strip(LWS)
            if name[-1:] != "=":
                return None
            name = name[:-1].rstrip(LWS).lower()
        if not name or name in params:
            return None
        params[name] = pieces[i + 1]
    tail = pieces[last]
    return params if params and (not tail or _plain(tail, params)) else None


def _plain(text: str, params: dict[str, str]) -> bool:
    """Adds parameters without quotes; the empty one at the beginning is what a comma after a quoted value leaves."""
    for at, part in enumerate(text.split(",")):
        name, equals, value = part.partition("=")
        name = name.strip(LWS).lower()
        if not equals:
            if name or at:
                return False
            continue
        value = value.strip(LWS)
        if not name or not value or name in params or " " in value:
            return False
        params[name] = value
    return True


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
