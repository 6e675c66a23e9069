"""A client's stream up to its stanzas, as one table: STARTTLS, sign-in, binding or resumption, stream management.

A pair that is not in the table ends the stream: a server that speaks out of turn is not the one we meant to talk to.

Source: RFC 6120 §4-§7; RFC 5802, RFC 7628 (mechanisms); XEP-0198 (1.6).
"""

from __future__ import annotations

import enum
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from antiphon.kernel.random import Random
from antiphon.protocols.scram import HashName
from antiphon.protocols.xmpp.element import Element, escape_attribute, serialise
from antiphon.protocols.xmpp.framing import TCP
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.protocols.xmpp.limits import C2S
from antiphon.protocols.xmpp.names import BIND, CLIENT, SASL, SM, STREAM_ERRORS, STREAMS, TLS
from antiphon.protocols.xmpp.scram import ScramClient, ScramRefused
from antiphon.protocols.xmpp.sm import parse_h
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Failure, Nonza, StreamClosed, StreamOpened, Token, Tokeniser
from antiphon.protocols.xmpp.tree import NotAnElement

_BIND_ID = "bind"


@dataclass(frozen=True, slots=True)
class Proof:
    """What signs the account in: a token (OAUTHBEARER), or a password (SCRAM; PLAIN only inside TLS)."""

    token: str = ""
    password: str | None = None

    def __repr__(self) -> str:
        return f"Proof({'token' if self.token else 'password'})"


# -- in


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection is there; `binding` is tls-server-end-point where TLS is there from the beginning."""

    tls: bool = False
    binding: bytes = b""


@dataclass(frozen=True, slots=True)
class Secured:
    """The handshake asked for by `StartTls` is done and the server's identity checked."""

    binding: bytes


# -- out


@dataclass(frozen=True, slots=True)
class Write:
    data: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """Answer with `Secured`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Stanzas may flow. `resumed_h` is what the server has handled of the session that goes on; None for a new one."""

    jid: Jid
    mechanism: str
    sm_id: str
    """Empty where the session cannot be resumed."""
    sm: bool
    resumed_h: int | None = None
    lost_h: int | None = None
    """What the server had handled of the session that could not be resumed, where it still knew."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The sign-in or the binding was refused; the stream is over."""

    condition: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """On a stream that is ready."""

    element: Stanza | Nonza


@dataclass(frozen=True, slots=True)
class Ended:
    """The server has ended the stream, with a stream error unless `condition` is empty."""

    condition: str = ""


Given = bytes | Connected | Secured
Out = Write | StartTls | Ready | Refused | Arrived | Ended


class State(enum.Enum):
    """What the client waits for."""

    START = "the connection"
    HEADER = "the server's header"
    FEATURES = "the features"
    PROCEED = "<proceed/>"
    HANDSHAKE = "the end of the TLS handshake"
    SASL = "<challenge/>, <success/> or <failure/>"
    RESUMING = "<resumed/> or <failed/>"
    BINDING = "the result of resource binding"
    ENABLING = "<enabled/> or <failed/>"
    READY = "stanzas"
    CLOSED = "nothing"


class Mechanism:
    """One SASL exchange of a client: `first` goes with `<auth/>`, `step` answers challenges, `check` ends it."""

    def __init__(self, name: str, first: bytes) -> None:
        self.name = name
        self.first = first

    def step(self, challenge: bytes) -> bytes:
        # OAUTHBEARER: the challenge is the error; an empty answer lets the server say failure (RFC 7628 §3.2.3).
        return b"\x01"

    def check(self, final: bytes) -> None:
        """Raises ScramRefused where the server does not prove that it knows us."""


class _Scram(Mechanism):
    def __init__(self, name: str, exchange: ScramClient) -> None:
        super().__init__(name, exchange.first())
        self._exchange = exchange
        self._checked = False

    def step(self, challenge: bytes) -> bytes:
        if challenge.startswith(b"v="):
            self.check(challenge)
            return b""
        return self._exchange.final(challenge)

    def check(self, final: bytes) -> None:
        if not self._checked:
            self._exchange.check(final)
            self._checked = True


_SCRAM: Final[tuple[tuple[str, HashName, bool], ...]] = (
    ("SCRAM-SHA-256-PLUS", "sha-256", True),
    ("SCRAM-SHA-1-PLUS", "sha-1", True),
    ("SCRAM-SHA-256", "sha-256", False),
    ("SCRAM-SHA-1", "sha-1", False),
)


def choose(
    offered: Sequence[str], jid: Jid, proof: Proof, binding: bytes, tls: bool, nonce: str
) -> Mechanism | None:
    """The best mechanism that both sides know; None where there is none that may be used."""
    if proof.token:
        if "OAUTHBEARER" not in offered or not tls:
            return None
        return Mechanism("OAUTHBEARER", f"n,,\x01auth=Bearer {proof.token}\x01\x01".encode())
    if proof.password is None:
        return None
    for name, hash_name, plus in _SCRAM:
        if name in offered and (binding or not plus):
            # Where we could bind and the server does not offer to, saying so makes a downgrade visible (RFC 5802 §6).
            client = ScramClient(hash_name, jid.local, proof.password, nonce, binding or None, plus)
            return _Scram(name, client)
    if "PLAIN" in offered and tls:
        return Mechanism("PLAIN", f"\0{jid.local}\0{proof.password}".encode())
    return None


class Negotiation:
    """The core: `handle` takes what comes and returns what is to be done, in order. It never raises on what a server
    sends."""

    def __init__(
        self,
        jid: Jid,
        proof: Proof,
        random: Random,
        *,
        resource: str = "",
        resume: tuple[str, int] | None = None,
        tls_required: bool = True,
    ) -> None:
        """`resume` is the id of the session to go on with and how many stanzas of it we have handled."""
        self.state = State.START
        self._jid = jid
        self._proof = proof
        self._random = random
        self._resource = resource
        self._resume = resume
        self._tls_required = tls_required
        self._tls = False
        self._binding = b""
        self._signed_in = False
        self._mechanism: Mechanism | None = None
        self._name = ""
        self._sm_offered = False
        self._lost_h: int | None = None
        self._tokeniser = Tokeniser(C2S)
        self._out: list[Out] = []

    def handle(self, given: Given) -> Sequence[Out]:
        if isinstance(given, bytes):
            self._read(given)
        elif isinstance(given, Connected) and self.state is State.START:
            self._tls, self._binding = given.tls, given.binding
            self._open()
        elif isinstance(given, Secured) and self.state is State.HANDSHAKE:
            self._tls, self._binding = True, given.binding
            self._open()
        out, self._out = self._out, []
        return out

    def _read(self, data: bytes) -> None:
        tokeniser = self._tokeniser
        while self.state not in (State.CLOSED, State.HANDSHAKE):
            for token in tokeniser.feed(data):
                self._take(token)
            data = b""
            if not tokeniser.pending:
                return

    def _take(self, token: Token) -> None:
        if self.state is State.CLOSED:
            return
        if isinstance(token, StreamClosed):
            self._end("")
        elif isinstance(token, Failure):
            self._write(TCP.error(token.condition) + TCP.end())
            self._end(token.condition)
        elif isinstance(token, StreamOpened):
            self._turn(State.HEADER, State.FEATURES)
        elif isinstance(token, Nonza) and token.name == (STREAMS, "error"):
            self._end(_condition(token, STREAM_ERRORS))
        elif self.state is State.READY:
            self._out.append(Arrived(token))
        else:
            self._negotiate(token)

    def _negotiate(self, token: Stanza | Nonza) -> None:
        name = ("", token.kind) if isinstance(token, Stanza) else (token.ns, token.local)
        step = TABLE.get((self.state, name))
        if step is None:
            self._refuse("unexpected-answer", f"{name[1]} while waiting for {self.state.value}")
            return
        try:
            step(self, token)
        except ScramRefused as refused:
            self._refuse("server-not-authentic", refused.condition)
        except (NotAnElement, Base64Error, ValueError):
            self._refuse("unexpected-answer", name[1])

    # -- steps, in the order of a stream

    def _open(self) -> None:
        self._tokeniser.restart()
        self.state = State.HEADER
        # RFC 6120 §4.7.1: our own address goes along only where nobody can read it.
        self._write(TCP.client_header(self._jid.domain, str(self._jid.bare) if self._tls else ""))

    def _features(self, token: Any) -> None:
        features = token.tree()
        if not self._tls:
            if features.child(TLS, "starttls") is not None:
                self.state = State.PROCEED
                self._write(f"<starttls xmlns='{TLS}'/>".encode())
                return
            if self._tls_required:
                self._refuse("tls-not-offered")
                return
        if not self._signed_in:
            self._sign_in(features)
            return
        self._sm_offered = features.child(SM, "sm") is not None
        if self._resume is not None and self._sm_offered:
            self.state = State.RESUMING
            session, handled = self._resume
            attributes = f"xmlns='{SM}' previd='{escape_attribute(session)}' h='{handled}'"
            self._write(f"<resume {attributes}/>".encode())
        else:
            self._bind()

    def _proceed(self, token: Any) -> None:
        self.state = State.HANDSHAKE
        # What came in clear behind <proceed/> could be anybody's (RFC 6120 §5.4.3.3).
        self._tokeniser.discard()
        self._out.append(StartTls())

    def _sign_in(self, features: Element) -> None:
        listed = features.child(SASL, "mechanisms")
        offered = [m.text.strip() for m in listed.elements(SASL, "mechanism")] if listed is not None else []
        nonce = self._random.token(18)
        self._mechanism = choose(offered, self._jid, self._proof, self._binding, self._tls, nonce)
        if self._mechanism is None:
            self._refuse("invalid-mechanism", f"offered: {', '.join(offered) or 'none'}")
            return
        self.state = State.SASL
        self._name = self._mechanism.name
        first = b64encode(self._mechanism.first).decode()
        self._write(f"<auth xmlns='{SASL}' mechanism='{self._mechanism.name}'>{first}</auth>".encode())

    def _challenge(self, token: Any) -> None:
        assert self._mechanism is not None
        answer = b64encode(self._mechanism.step(_data(token))).decode()
        self._write(f"<response xmlns='{SASL}'>{answer}</response>".encode())

    def _success(self, token: Any) -> None:
        assert self._mechanism is not None
        self._mechanism.check(_data(token))
        self._mechanism, self._signed_in = None, True
        self._open()

    def _failure(self, token: Any) -> None:
        text = token.tree().child_text(SASL, "text")
        self._refuse(_condition(token, SASL), text[:200])

    def _bind(self) -> None:
        self.state = State.BINDING
        inside = [Element(BIND, "resource", None, self._resource)] if self._resource else []
        request = Element(CLIENT, "iq", {"type": "set", "id": _BIND_ID}, Element(BIND, "bind", None, *inside))
        self._write(serialise(request))

    def _bound(self, token: Any) -> None:
        if token.id != _BIND_ID or token.type != "result":
            self._refuse("not-bound")
            return
        bind = token.tree().child(BIND, "bind")
        try:
            self._jid = Jid.parse(bind.child_text(BIND, "jid") if bind is not None else "")
        except MalformedJid:
            self._refuse("not-bound")
            return
        if self._sm_offered:
            self.state = State.ENABLING
            self._write(f"<enable xmlns='{SM}' resume='true'/>".encode())
        else:
            self._ready("", sm=False)

    def _enabled(self, token: Any) -> None:
        resumable = token.attrs.get("resume", "") in ("true", "1")
        self._ready(token.attrs.get("id", "") if resumable else "", sm=True)

    def _not_enabled(self, token: Any) -> None:
        self._ready("", sm=False)

    def _resumed(self, token: Any) -> None:
        assert self._resume is not None
        h = parse_h(token.attrs.get("h", ""))
        if h is None or token.attrs.get("previd") != self._resume[0]:
            self._refuse("unexpected-answer", "resumed")
            return
        self._ready(self._resume[0], sm=True, resumed_h=h)

    def _not_resumed(self, token: Any) -> None:
        self._lost_h = parse_h(token.attrs.get("h", ""))
        self._resume = None
        self._bind()

    # -- outcomes

    def _ready(self, sm_id: str, sm: bool, resumed_h: int | None = None) -> None:
        self.state = State.READY
        self._out.append(Ready(self._jid, self._name, sm_id, sm, resumed_h, self._lost_h))

    def _refuse(self, condition: str, text: str = "") -> None:
        self._write(TCP.end())
        self.state = State.CLOSED
        self._out.append(Refused(condition, text))

    def _end(self, condition: str) -> None:
        self.state = State.CLOSED
        self._out.append(Ended(condition))

    def _turn(self, expected: State, then: State) -> None:
        if self.state is expected:
            self.state = then
        else:
            self._refuse("unexpected-answer", "a stream header")

    def _write(self, data: bytes) -> None:
        self._out.append(Write(data))


_Step = Callable[[Negotiation, Any], None]

TABLE: Final[dict[tuple[State, tuple[str, str]], _Step]] = {
    (State.FEATURES, (STREAMS, "features")): Negotiation._features,
    (State.PROCEED, (TLS, "proceed")): Negotiation._proceed,
    (State.SASL, (SASL, "challenge")): Negotiation._challenge,
    (State.SASL, (SASL, "success")): Negotiation._success,
    (State.SASL, (SASL, "failure")): Negotiation._failure,
    (State.RESUMING, (SM, "resumed")): Negotiation._resumed,
    (State.RESUMING, (SM, "failed")): Negotiation._not_resumed,
    (State.BINDING, ("", "iq")): Negotiation._bound,
    (State.ENABLING, (SM, "enabled")): Negotiation._enabled,
    (State.ENABLING, (SM, "failed")): Negotiation._not_enabled,
}
"""What is answered by which step. Steps choose the next state, because features decide it."""


def _data(token: Nonza) -> bytes:
    text = token.tree().text.strip()
    return b"" if text in ("", "=") else b64decode(text, validate=True)


def _condition(token: Nonza, ns: str) -> str:
    found = next((child for child in token.tree().elements(ns) if child.local != "text"), None)
    return found.local if found is not None else "undefined-condition"
