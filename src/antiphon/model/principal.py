"""Who somebody has proved to be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The result of a sign-in, by whatever proof: the same for SIP, XMPP and HTTP."""

    userid: str
    method: str
    """`password`, `scram`, `digest`, `token` or `certificate`."""
    scopes: frozenset[str] = frozenset()
    client_id: str = ""
    expires_at: float | None = None
    """Wall seconds; None for a proof that does not expire by itself."""
    token_id: str = ""
    """`jti` of the access token, for revocation; empty without one."""
    session_id: str = ""
    """The sign-in (refresh-token family) the token came from; empty without one."""
    admin: bool = False
