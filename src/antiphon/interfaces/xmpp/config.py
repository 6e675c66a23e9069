"""Settings of the XMPP door."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from antiphon.protocols.xmpp import sasl


class OnConflict(enum.Enum):
    """A client asks for a resource that is connected already (RFC 6120 §7.7.2.2)."""

    REPLACE = "replace"
    """The older session ends with `conflict`: what a client needs that reconnects after a broken line."""
    REFUSE = "refuse"
    RENAME = "rename"
    """The new session gets a resource of the server's choice."""


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Every limit has a figure; 0 switches a rate off."""

    mechanisms: tuple[str, ...] = sasl.ALL
    hostnames: tuple[str, ...] = ()
    """Home and backup nodes announced to clients."""
    features: bytes = (
        b"<ver xmlns='urn:xmpp:features:rosterver'/><sub xmlns='urn:xmpp:features:pre-approval'/>"
    )
    """More stream features after sign-in, serialised."""
    oauth_metadata: str = ""
    """URL of the authorization server's metadata, told to a client whose token is refused."""
    tls_required: bool = True
    clear_secrets: bool = False
    """PLAIN and tokens without TLS. For measurements on loopback only."""
    header_s: float = 15.0
    """From the connection to the stream header."""
    sign_in_s: float = 30.0
    """From the stream header to a bound resource."""
    attempts: int = 3
    strangers: int = 1000
    """Connections of one address on which nobody has signed in yet."""
    on_conflict: OnConflict = OnConflict.REPLACE
    stanzas_per_s: float = 1000.0
    """For each stream, over time; a stanza or a KiB counts one. Faster streams are read more slowly, nothing is dropped."""
    burst: float = 10_000.0
    backlog_bytes: int = 1024 * 1024
    """Sent to a peer that does not read. Beyond it the connection ends; the session stays if it can be resumed."""
    unacked_stanzas: int = 1000
    """Sent and not confirmed (XEP-0198). Beyond it the session ends, and messages are stored."""
    unacked_bytes: int = 1024 * 1024
    handling: int = 1000
    """Stanzas whose durable write is not done. Beyond it the stream is not read."""
    request_every: int = 10
    """A confirmation is asked for after so many stanzas, or one second, for messages that a sender waits for after a tenth;
    one is given unasked after twice as many."""
    resume_s: int = 300
    """How long a session waits for its client after the connection broke. 0: no resumption."""
    resumable_per_user: int = 10
    """Waiting sessions; the oldest end first."""
    resumable: int = 20_000
    parsers: int = 1024
    """Streams that keep their XML parser (10 KiB) while nothing arrives; the others make a new one (6 µs)."""
    park_s: float = 30.0
    """A stream that is silent for so long gives its parser back."""
    silence_s: float = 600.0
    """After so long the client is asked whether it is there."""
    answer_s: float = 60.0
    """And after so long without an answer the connection is given up."""
