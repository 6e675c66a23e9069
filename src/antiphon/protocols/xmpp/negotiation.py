"""A client's stream around its stanzas, from the server's side: one table.

States say what the server waits for; triggers are an element of the client, the end of a TLS handshake, an answer of the
door, or a step's own outcome. A pair that is in neither `TABLE` nor `ANYWHERE` ends the stream: with `not-authorized`
before resource binding, with `unsupported-stanza-type` after it.

Source: RFC 6120 §4-§7 (stream, STARTTLS, SASL, binding), RFC 3921 §3 (session), XEP-0198, RFC 7395.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from antiphon.protocols.xmpp.limits import PRE_AUTH
from antiphon.protocols.xmpp.names import (
    BIND,
    FRAMING,
    SASL,
    SESSION,
    SM,
    TLS,
)
from antiphon.protocols.xmpp.negotiation_events import (
    Bound,
    Denied,
    Enabled,
    End,
    Expired,
    Given,
    NotBound,
    NotEnabled,
    NotResumed,
    Out,
    Resumed,
    Secured,
    Verified,
)
from antiphon.protocols.xmpp.negotiation_states import Fault, State, StreamSettings, Trigger
from antiphon.protocols.xmpp.negotiation_steps import Steps
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Failure, Nonza, StreamClosed, StreamOpened, Token
from antiphon.protocols.xmpp.tree import NotAnElement

__all__ = ["ANYWHERE", "TABLE", "Negotiation", "State", "StreamSettings", "Trigger"]

Step = Callable[[Steps, Any, float], "tuple[Trigger, Any] | None"]


class Row(NamedTuple):
    next: State | None
    """Entered before the step runs; None stays."""
    step: Step


_N = Steps
_S = State
_T = Trigger

# fmt: off
TABLE: Final[dict[tuple[State, Trigger], Row]] = {
    # waiting for              there comes               goes to                 and does
    (_S.OPEN,            _T.HEADER):       Row(_S.TLS_OFFERED,     _N.offer_tls),
    (_S.TLS_OFFERED,     _T.STARTTLS):     Row(_S.HANDSHAKE,       _N.proceed),
    (_S.TLS_OFFERED,     _T.AUTH):         Row(_S.SASL_STEP,       _N.begin_sasl),      # where TLS is optional
    (_S.HANDSHAKE,       _T.SECURED):      Row(_S.SECURED,         _N.restart_in_tls),

    (_S.SECURED,         _T.HEADER):       Row(_S.SASL_OFFERED,    _N.offer_sasl),
    (_S.SASL_OFFERED,    _T.AUTH):         Row(_S.SASL_STEP,       _N.begin_sasl),
    (_S.SASL_OFFERED,    _T.STARTTLS):     Row(_S.HANDSHAKE,       _N.proceed),         # after a refusal in clear
    (_S.SASL_STEP,       _T.CHALLENGE):    Row(_S.SASL_CHALLENGED, _N.challenge),
    (_S.SASL_STEP,       _T.CHECK):        Row(_S.SASL_CHECK,      _N.ask),
    (_S.SASL_STEP,       _T.REFUSE):       Row(_S.SASL_OFFERED,    _N.refuse),
    (_S.SASL_CHALLENGED, _T.RESPONSE):     Row(_S.SASL_STEP,       _N.continue_sasl),
    (_S.SASL_CHALLENGED, _T.ABORT):        Row(_S.SASL_STEP,       _N.abort),
    (_S.SASL_CHALLENGED, _T.AUTH):         Row(_S.SASL_STEP,       _N.begin_sasl),      # RFC 6120 §6.4.1: starts over
    (_S.SASL_CHECK,      _T.VERIFIED):     Row(_S.SIGNED_IN,       _N.sign_in),
    (_S.SASL_CHECK,      _T.DENIED):       Row(_S.SASL_OFFERED,    _N.deny),
    (_S.SASL_OFFERED,    _T.CHALLENGE):    Row(_S.SASL_CHALLENGED, _N.challenge),       # OAUTHBEARER: why it failed
    (_S.SIGNED_IN,       _T.REFUSE):       Row(_S.SASL_OFFERED,    _N.refuse),          # another authzid

    (_S.SIGNED_IN,       _T.HEADER):       Row(_S.BIND_OFFERED,    _N.offer_bind),
    (_S.BIND_OFFERED,    _T.BIND):         Row(_S.BINDING,         _N.ask_bind),
    (_S.BIND_OFFERED,    _T.ENABLE):       Row(None,               _N.sm_out_of_turn),
    (_S.BINDING,         _T.BOUND):        Row(_S.BOUND,           _N.bind),
    (_S.BINDING,         _T.NOT_BOUND):    Row(_S.BIND_OFFERED,    _N.refuse_bind),
    (_S.BIND_OFFERED,    _T.RESUME):       Row(_S.RESUMING,        _N.ask_resume),
    (_S.RESUMING,        _T.RESUMED):      Row(_S.BOUND,           _N.resume),
    (_S.RESUMING,        _T.NOT_RESUMED):  Row(_S.BIND_OFFERED,    _N.refuse_resume),

    (_S.BOUND,           _T.SESSION):      Row(None,               _N.answer_session),
    (_S.BOUND,           _T.ENABLE):       Row(None,               _N.ask_enable),
    (_S.BOUND,           _T.ENABLED):      Row(None,               _N.enable),
    (_S.BOUND,           _T.NOT_ENABLED):  Row(None,               _N.refuse_enable),
    (_S.BOUND,           _T.RESUME):       Row(None,               _N.sm_out_of_turn),
    (_S.BOUND,           _T.STANZA):       Row(None,               _N.pass_on),
    (_S.BOUND,           _T.BIND):         Row(None,               _N.bind_again),
    (_S.BOUND,           _T.NONZA):        Row(None,               _N.pass_on),
}

ANYWHERE: Final[dict[Trigger, Row]] = {
    _T.CLOSE:   Row(_S.CLOSED, _N.close),
    _T.BROKEN:  Row(None,      _N.broken),
    _T.EXPIRED: Row(None,      _N.too_late),
    _T.END:     Row(None,      _N.end),
}
# fmt: on

_NONZAS: Final = {
    (TLS, "starttls"): Trigger.STARTTLS,
    (SASL, "auth"): Trigger.AUTH,
    (SASL, "response"): Trigger.RESPONSE,
    (SASL, "abort"): Trigger.ABORT,
    (SM, "resume"): Trigger.RESUME,
    (SM, "enable"): Trigger.ENABLE,
    (FRAMING, "open"): Trigger.HEADER,
    (FRAMING, "close"): Trigger.CLOSE,
}
_ANSWERS: Final[dict[type, Trigger]] = {
    Secured: Trigger.SECURED,
    Verified: Trigger.VERIFIED,
    Denied: Trigger.DENIED,
    Bound: Trigger.BOUND,
    NotBound: Trigger.NOT_BOUND,
    Resumed: Trigger.RESUMED,
    NotResumed: Trigger.NOT_RESUMED,
    Enabled: Trigger.ENABLED,
    NotEnabled: Trigger.NOT_ENABLED,
    Expired: Trigger.EXPIRED,
    End: Trigger.END,
}
_WAITING: Final = frozenset({State.HANDSHAKE, State.SASL_CHECK, State.BINDING, State.RESUMING})
"""While the driver or the door is busy, input is kept, not read."""


class Negotiation(Steps):
    """The core: bytes and answers go in by `handle`, what is to be done comes out.

    When `bound`, the door may read stanzas from `tokeniser` itself and pass on only what is no stanza: no table is
    consulted for a message.
    """

    __slots__ = ()

    @property
    def bound(self) -> bool:
        return self.state is State.BOUND

    def handle(self, given: Given, now: float) -> Sequence[Out]:
        """Never raises on what a peer sends."""
        if isinstance(given, bytes):
            if self.state in _WAITING:
                self._keep(given)
            else:
                self._read(given, now)
        else:
            self._fire(_ANSWERS[type(given)], given, now)
            if self._kept and self.state not in _WAITING:
                kept, self._kept = self._kept, b""
                self._read(kept, now)
            elif self.tokeniser.pending and self.state not in _WAITING:
                self._read(b"", now)
        out, self._out = self._out, []
        return out

    def take(self, token: Token, now: float) -> Sequence[Out]:
        """One token that the door has read from `tokeniser` itself."""
        self._take(token, now)
        out, self._out = self._out, []
        return out

    def _keep(self, data: bytes) -> None:
        if self.state is State.HANDSHAKE:
            return  # the driver drops what comes in clear behind <starttls/>
        self._kept += data
        if len(self._kept) > PRE_AUTH.stanza_bytes:
            self._fire(Trigger.BROKEN, Failure("policy-violation", "too much before sign-in"), 0.0)

    def _read(self, data: bytes, now: float) -> None:
        tokeniser = self.tokeniser
        while self.state is not State.CLOSED:
            for token in tokeniser.feed(data):
                self._take(token, now)
            data = b""
            if self.state in _WAITING or not tokeniser.pending:
                return

    def _take(self, token: Token, now: float) -> None:
        if isinstance(token, Stanza):
            self._fire(_trigger_of(token), token, now)
        elif isinstance(token, Nonza):
            trigger = _NONZAS.get((token.ns, token.local), Trigger.NONZA)
            self._fire(trigger, token.attrs if trigger is Trigger.HEADER else token, now)
        elif isinstance(token, StreamOpened):
            self._fire(Trigger.HEADER, token.attrs, now)
        elif isinstance(token, StreamClosed):
            self._fire(Trigger.CLOSE, token, now)
        else:
            self._fire(Trigger.BROKEN, token, now)

    def _fire(self, trigger: Trigger, subject: Any, now: float) -> None:
        """One transition, and those that its step brings about."""
        more: tuple[Trigger, Any] | None = (trigger, subject)
        while more is not None and self.state is not State.CLOSED:
            row = TABLE.get((self.state, more[0])) or ANYWHERE.get(more[0])
            try:
                if row is None:
                    raise Fault("unsupported-stanza-type" if self.bound else "not-authorized")
                next_state, step = row
                if next_state is not None:
                    self.state = next_state
                more = step(self, more[1], now)
            except Fault as fault:
                self._fail(fault)
                return
            except NotAnElement as error:
                self._fail(Fault(error.condition))
                return


def _trigger_of(stanza: Stanza) -> Trigger:
    if stanza.kind == "iq" and stanza.type == "set":
        if stanza.has(BIND, "bind"):
            return Trigger.BIND
        if stanza.has(SESSION, "session"):
            return Trigger.SESSION
    return Trigger.STANZA
