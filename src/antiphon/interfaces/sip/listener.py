"""What a port stands for: its transport and the proof it asks for.

Source: S3-17 … S3-20, S3-54, S3-60; RFC 8760 §2.4; RFC 8898 §3
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Scheme(enum.Enum):
    DIGEST = "digest"
    BEARER = "bearer"
    """Tokens only; and only where TLS hides them."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening port of one node."""

    node: str
    """The node's name, as in Warning headers."""
    host: str
    """The name or address that peers reach this port by; goes into Via and Contact."""
    port: int
    transport: str
    """`udp`, `tcp`, `tls`, `ws` or `wss`."""
    scheme: Scheme = Scheme.DIGEST
    realm: str = "ccmsipline"
    digest_algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    """What a peer is challenged with whose device names nothing else, in this order."""
    authz_server: str = ""
    """With one, REGISTER is challenged by 401 as in RFC 8898 §3; without, by Cisco's 407."""
    edge: bool = False
    """Mutual TLS for edge nodes: the peer's certificate must be on the list (5091)."""
    first_message_s: float = 15.0
    """How long a connection may stay silent before its first message."""
    half_message_s: float = 20.0
    """How long a message may stay incomplete."""
    idle_s: float = 3600.0
    """How long a connection may say nothing at all; every refresh and keep-alive begins it anew."""
    max_errors: int = 10
    """Messages that could not be read before the connection is closed."""

    def __post_init__(self) -> None:
        if self.scheme is Scheme.BEARER and self.transport not in ("tls", "wss"):
            raise ValueError("tokens are accepted over TLS only")

    @property
    def via(self) -> str:
        """`SIP/2.0/TLS host:port`, the beginning of a Via of ours."""
        return f"SIP/2.0/{self.transport.upper()} {self.host}:{self.port}"

    def contact(self, user: str) -> str:
        """Our Contact for a party."""
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"<sip:{user}@{self.host}:{self.port}{transport}>"
