"""What goes into and comes out of the server's negotiation (`negotiation.py`)."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Nonza

# -- in: what the driver and the door tell


@dataclass(frozen=True, slots=True)
class Secured:
    """The TLS handshake is done; `binding` is its tls-server-end-point, or empty."""

    binding: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """What the client claimed holds: it is `userid`."""

    userid: str


@dataclass(frozen=True, slots=True)
class Denied:
    """It does not hold, or cannot be checked now: a SASL failure condition (RFC 6120 §6.5)."""

    condition: str = "not-authorized"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    jid: Jid


@dataclass(frozen=True, slots=True)
class NotBound:
    """A stanza error condition (RFC 6120 §7.6.2.1)."""

    condition: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """`h` is what the server has handled of the session that goes on."""

    id: str
    h: int


@dataclass(frozen=True, slots=True)
class NotResumed:
    condition: str = "item-not-found"
    h: int | None = None
    """What the server had handled of the session that is gone, where it still knows."""


@dataclass(frozen=True, slots=True)
class Enabled:
    """`id` is empty when the session cannot be resumed."""

    id: str
    max_s: int


@dataclass(frozen=True, slots=True)
class NotEnabled:
    condition: str = "unexpected-request"


@dataclass(frozen=True, slots=True)
class Expired:
    """The deadline has passed."""


@dataclass(frozen=True, slots=True)
class End:
    """The door ends the stream, with a stream error unless `condition` is empty."""

    condition: str = ""
    text: str = ""
    extra: bytes = b""


# -- out: what the driver and the door are to do, in order


@dataclass(frozen=True, slots=True)
class Write:
    """One send."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """Answer with `Secured`."""


@dataclass(frozen=True, slots=True)
class AskSecret:
    """Answer with `Verified` or `Denied`, now or later."""

    mechanism: str
    username: str
    secret: str


@dataclass(frozen=True, slots=True)
class AskToken:
    """Answer with `Verified` or `Denied`, now or later."""

    mechanism: str
    token: str


@dataclass(frozen=True, slots=True)
class AskProved:
    """SCRAM's proof is right. Answer with `Verified` or `Denied`: who is that, and may that user come in."""

    mechanism: str
    username: str


@dataclass(frozen=True, slots=True)
class LoginDone:
    """For counting and for the limit on guesses. `condition` is empty when it succeeded."""

    mechanism: str
    username: str
    condition: str
    guess: bool = False


@dataclass(frozen=True, slots=True)
class AskBind:
    """Answer with `Bound` or `NotBound`. `resource` is prepared, or empty: the server chooses."""

    resource: str


@dataclass(frozen=True, slots=True)
class AskResume:
    """Answer with `Resumed` or `NotResumed`."""

    id: str
    h: int


@dataclass(frozen=True, slots=True)
class AskEnable:
    """Answer with `Enabled` or `NotEnabled`. `max_s` is what the client would like, 0 when it did not say."""

    resume: bool
    max_s: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """On a bound stream: a stanza, or another element (`<r/>`, `<a/>`)."""

    element: Stanza | Nonza


@dataclass(frozen=True, slots=True)
class Answer:
    """On a bound stream: a stanza and the stream's own answer to it (empty: none)."""

    stanza: Stanza
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """Close the connection after what was written. `condition` is the stream error sent, or empty."""

    condition: str
    by_peer: bool = False
    """The client closed its stream in order: a session that could be resumed is not kept."""


Given = (
    bytes
    | Secured
    | Verified
    | Denied
    | Bound
    | NotBound
    | Resumed
    | NotResumed
    | Enabled
    | NotEnabled
    | Expired
    | End
)
Out = (
    Write
    | StartTls
    | AskSecret
    | AskToken
    | AskProved
    | LoginDone
    | AskBind
    | AskResume
    | AskEnable
    | Arrived
    | Answer
    | Ended
)
