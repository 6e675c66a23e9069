"""The authorization server's description of itself. Source: RFC 8414 §2, RFC 8628 §4, RFC 9207 §3."""

from __future__ import annotations

from typing import Any

from antiphon.protocols.oauth.clients import ADMIN_SCOPE, DEVICE_GRANT, SCOPE

AUTHORIZE = "/ssosp/oauth/authorize"
TOKEN = "/ssosp/oauth/token"  # noqa: S105
DEVICE_AUTHORIZATION = "/ssosp/oauth/device_authorization"
REVOKE = "/ssosp/oauth/revoke"
KEYS = "/ssosp/oauth/keys"
JWKS = "/.well-known/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"
VERIFICATION = "/device"


def metadata(
    issuer: str, *, password_grant: bool, implicit_grant: bool, locales: tuple[str, ...]
) -> dict[str, Any]:
    grants = ["authorization_code", "refresh_token", DEVICE_GRANT]
    if password_grant:
        grants.append("password")
    if implicit_grant:
        grants.append("implicit")
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "device_authorization_endpoint": issuer + DEVICE_AUTHORIZATION,
        "revocation_endpoint": issuer + REVOKE,
        "jwks_uri": issuer + JWKS,
        "response_types_supported": ["code", "token"] if implicit_grant else ["code"],
        "response_modes_supported": ["query", "fragment"] if implicit_grant else ["query"],
        "grant_types_supported": grants,
        "scopes_supported": [SCOPE, ADMIN_SCOPE],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "ui_locales_supported": list(locales),
        "authorization_response_iss_parameter_supported": True,
    }
