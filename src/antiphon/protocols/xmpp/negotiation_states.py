"""What a server's negotiation can wait for and what can come; `negotiation.py` joins them in a table."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from antiphon.protocols.xmpp import sasl
from antiphon.protocols.xmpp.limits import C2S, Limits


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What holds for all streams of a door."""

    domain: str
    mechanisms: tuple[str, ...] = sasl.ALL
    hostnames: tuple[str, ...] = ()
    """The client's home and backup nodes, announced with the mechanisms (XEP-0233)."""
    features: bytes = b""
    """More stream features after sign-in, serialised: roster versioning, pre-approval, caps."""
    oauth_metadata: str = ""
    """URL told to a client whose token is refused (RFC 7628 §3.2.2)."""
    tls_required: bool = True
    clear_secrets: bool = False
    """PLAIN and tokens without TLS. For measurements on loopback only."""
    attempts: int = 3
    """Failed sign-ins until the stream ends."""
    header_s: float = 15.0
    sign_in_s: float = 30.0
    limits: Limits = C2S
    """After sign-in; before it `PRE_AUTH` holds."""


class State(enum.Enum):
    """What the server waits for."""

    OPEN = "a stream header, in clear"
    TLS_OFFERED = "<starttls/>"
    HANDSHAKE = "the end of the TLS handshake"
    SECURED = "a stream header, before sign-in"
    SASL_OFFERED = "<auth/>"
    SASL_STEP = "the mechanism's next step"
    SASL_CHALLENGED = "<response/>"
    SASL_CHECK = "the door's word on a secret, a token or a user"
    SIGNED_IN = "a stream header, after sign-in"
    BIND_OFFERED = "resource binding or <resume/>"
    BINDING = "the door's word on a resource"
    RESUMING = "the door's word on a session"
    BOUND = "stanzas"
    CLOSED = "nothing"


class Trigger(enum.Enum):
    """What comes."""

    # from the client
    HEADER = "<stream:stream>, or <open/> on a WebSocket"
    STARTTLS = "<starttls/>"
    AUTH = "<auth/>"
    RESPONSE = "<response/>"
    ABORT = "<abort/>"
    BIND = "an iq set with <bind/>"
    SESSION = "an iq set with <session/>"
    RESUME = "<resume/>"
    ENABLE = "<enable/>"
    STANZA = "any other stanza"
    NONZA = "any other element"
    CLOSE = "</stream:stream>, or <close/> on a WebSocket"
    BROKEN = "bytes that are not a stream"
    # from the driver
    SECURED = "the TLS handshake is done"
    EXPIRED = "the deadline has passed"
    # from the mechanism
    CHALLENGE = "the mechanism has a challenge"
    CHECK = "the mechanism has a claim for the door"
    REFUSE = "the mechanism refuses"
    # from the door
    VERIFIED = "the claim holds"
    DENIED = "the claim does not hold"
    BOUND = "the resource is bound"
    NOT_BOUND = "the resource is not bound"
    RESUMED = "the session goes on"
    NOT_RESUMED = "there is no such session"
    ENABLED = "stream management is on"
    NOT_ENABLED = "stream management is not on"
    END = "the door ends the stream"


class Fault(Exception):
    """Ends the stream with a stream error."""

    def __init__(self, condition: str, text: str = "", extra: bytes = b"") -> None:
        self.condition = condition
        self.text = text
        self.extra = extra
        super().__init__(condition)
