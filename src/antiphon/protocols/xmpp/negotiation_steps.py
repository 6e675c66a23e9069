"""The steps of a server's negotiation, in the order of a stream. Which follows which: see the table in `negotiation.py`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from antiphon.protocols.xmpp import sasl
from antiphon.protocols.xmpp.element import escape_attribute, escape_text
from antiphon.protocols.xmpp.errors import stanza_error
from antiphon.protocols.xmpp.framing import TCP, WEBSOCKET
from antiphon.protocols.xmpp.jid import Jid, MalformedJid, prepare_resource
from antiphon.protocols.xmpp.limits import PRE_AUTH
from antiphon.protocols.xmpp.names import (
    BIND,
    CHANNEL_BINDING,
    DOMAIN_BASED_NAME,
    SASL,
    SESSION,
    SM,
    TLS,
)
from antiphon.protocols.xmpp.negotiation_events import (
    Answer,
    Arrived,
    AskBind,
    AskEnable,
    AskProved,
    AskResume,
    AskSecret,
    AskToken,
    Bound,
    Denied,
    Enabled,
    End,
    Ended,
    Expired,
    LoginDone,
    NotBound,
    NotEnabled,
    NotResumed,
    Out,
    Resumed,
    Secured,
    StartTls,
    Verified,
    Write,
)
from antiphon.protocols.xmpp.negotiation_states import Fault, State, StreamSettings, Trigger
from antiphon.protocols.xmpp.scram import SERVER_END_POINT
from antiphon.protocols.xmpp.sm import parse_h
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Failure, Nonza, Tokeniser


class Steps:
    """One stream and what can be done on it. A step writes, asks the door, may bring about another trigger by returning
    it, and ends the stream by raising `Fault`."""

    __slots__ = (
        "_claim", "_failures", "_kept", "_mechanism", "_mechanism_name", "_new_id", "_offer", "_out",
        "_stanza", "_success", "_to", "deadline", "encrypted", "framing", "keys", "settings", "state",
        "tokeniser", "userid",
    )  # fmt: skip

    def __init__(
        self,
        settings: StreamSettings,
        keys: sasl.Keys,
        new_id: Callable[[], str],
        now: float,
        *,
        transport: str = "tcp",
        binding: bytes = b"",
    ) -> None:
        """`keys` looks SCRAM keys up in memory. `transport` as `Flow.transport`; `binding` is tls-server-end-point."""
        websocket = transport in ("ws", "wss")
        self.settings = settings
        self.keys = keys
        self._new_id = new_id
        self.framing = WEBSOCKET if websocket else TCP
        self.tokeniser = Tokeniser(PRE_AUTH, framed=websocket)
        self.encrypted = transport in ("tls", "wss")
        self.state = State.SECURED if websocket or self.encrypted else State.OPEN
        self.userid = ""
        self.deadline: float | None = now + settings.header_s
        self._offer = sasl.Offer(self.encrypted or settings.clear_secrets, binding, settings.oauth_metadata)
        self._mechanism: sasl.Mechanism | None = None
        self._mechanism_name = ""
        self._claim: sasl.Step | None = None
        self._success = b""
        self._failures = 0
        self._stanza: Stanza | None = None
        self._to: str | None = None
        self._kept = b""
        self._out: list[Out] = []

    def _write(self, data: bytes) -> None:
        self._out.append(Write(data))

    def _fail(self, fault: Fault) -> None:
        if self._to is None:  # RFC 6120 §4.9.1.2: an error is preceded by a header
            self._write_header()
        self._write(self.framing.error(fault.condition, fault.text, fault.extra))
        self._write(self.framing.end())
        self.state = State.CLOSED
        self.deadline = None
        self._out.append(Ended(fault.condition))

    def _write_header(self) -> None:
        self._write(self.framing.header(self.settings.domain, self._new_id()))

    # -- steps: streams

    def _check_header(self, attrs: dict[str, str], now: float) -> None:
        to = attrs.get("to", "")
        first = self._to is None
        self._write_header()
        try:
            host = str(Jid.parse(to)) if to else ""
        except MalformedJid:
            host = ""
        known, self._to = self._to, host
        if attrs.get("version") != "1.0":
            raise Fault("unsupported-version")
        if not first and host != known:
            # Whoever signed in to one host is nobody at another (messaging security: identity pinned to the host).
            raise Fault("not-authorized", "another host than before")
        if host != self.settings.domain:
            raise Fault("host-unknown")
        if first:
            self.deadline = now + self.settings.sign_in_s

    def offer_tls(self, attrs: dict[str, str], now: float) -> None:
        self._check_header(attrs, now)
        required = b"<required/>" if self.settings.tls_required else b""
        content = b"<starttls xmlns='%b'>%b</starttls>" % (TLS.encode(), required)
        if not self.settings.tls_required:
            content += self._mechanisms()
        self._write(self.framing.features(content))

    def proceed(self, _: Nonza, now: float) -> None:
        if self.encrypted:
            raise Fault("not-authorized", "the stream is encrypted already")
        self._write(b"<proceed xmlns='%b'/>" % TLS.encode())
        self.tokeniser.discard()  # nothing said in clear may count as said in TLS
        self._out.append(StartTls())

    def restart_in_tls(self, secured: Secured, now: float) -> None:
        self.encrypted = True
        self._offer = sasl.Offer(True, secured.binding, self.settings.oauth_metadata)
        self.tokeniser.discard()
        self.tokeniser.restart()

    def offer_sasl(self, attrs: dict[str, str], now: float) -> None:
        self._check_header(attrs, now)
        self._write(self.framing.features(self._mechanisms()))

    def _mechanisms(self) -> bytes:
        return _mechanisms(self._offered(), self.settings.hostnames)

    def _offered(self) -> tuple[str, ...]:
        if not self.encrypted and self.settings.tls_required and self.framing is TCP:
            return ()
        return sasl.offered(self.settings.mechanisms, self._offer)

    # -- steps: sign-in

    def begin_sasl(self, auth: Nonza, now: float) -> tuple[Trigger, Any]:
        name = auth.attrs.get("mechanism", "")
        self._mechanism_name = name if name in sasl.ALL else "?"
        offered = self._offered()
        if name not in offered:
            encryptable = not self.encrypted and self.framing is TCP and name in self.settings.mechanisms
            return Trigger.REFUSE, sasl.Refused("encryption-required" if encryptable else "invalid-mechanism")
        self._mechanism = sasl.begin(name, offered, self._offer, self.keys, self._new_id)
        text = auth.text().strip()
        if not text:
            return (
                Trigger.CHALLENGE,
                b"",
            )  # RFC 6120 §6.4.2: the client waits to be asked for its initial response
        return self._step(text)

    def continue_sasl(self, response: Nonza, now: float) -> tuple[Trigger, Any]:
        return self._step(response.text().strip())

    def _step(self, text: str) -> tuple[Trigger, Any]:
        assert self._mechanism is not None
        try:
            message = b"" if text == "=" else b64decode(text, validate=True)
        except (Base64Error, ValueError):
            return Trigger.REFUSE, sasl.Refused("incorrect-encoding")
        return self._outcome(self._mechanism.step(message))

    def _outcome(self, step: sasl.Step) -> tuple[Trigger, Any]:
        if isinstance(step, sasl.Challenge):
            return Trigger.CHALLENGE, step.data
        if isinstance(step, sasl.Refused):
            return Trigger.REFUSE, step
        return Trigger.CHECK, step

    def challenge(self, data: bytes, now: float) -> None:
        self._write(b"<challenge xmlns='%b'>%b</challenge>" % (SASL.encode(), b64encode(data)))

    def ask(self, claim: sasl.CheckSecret | sasl.CheckToken | sasl.Proved, now: float) -> None:
        self._claim = claim
        name = self._mechanism_name
        if isinstance(claim, sasl.CheckSecret):
            self._out.append(AskSecret(name, claim.username, claim.secret))
        elif isinstance(claim, sasl.CheckToken):
            self._out.append(AskToken(name, claim.token))
        else:
            self._success = claim.data
            self._out.append(AskProved(name, claim.username))

    def refuse(self, refused: sasl.Refused, now: float) -> None:
        self._drop_attempt()
        self._out.append(LoginDone(self._mechanism_name, refused.username, refused.condition, refused.guess))
        self._sasl_failure(refused.condition, "")

    def deny(self, denied: Denied, now: float) -> tuple[Trigger, Any] | None:
        claim, mechanism = self._claim, self._mechanism
        username = "" if isinstance(claim, sasl.CheckToken) else getattr(claim, "username", "")
        if isinstance(mechanism, sasl.OAuthBearer) and denied.condition == "not-authorized":
            return self._outcome(mechanism.refuse())
        self._drop_attempt()
        self._out.append(LoginDone(self._mechanism_name, username, denied.condition))
        self._sasl_failure(denied.condition, denied.text)
        return None

    def _sasl_failure(self, condition: str, text: str) -> None:
        described = f"<text xml:lang='en'>{escape_text(text)}</text>" if text else ""
        self._write(f"<failure xmlns='{SASL}'><{condition}/>{described}</failure>".encode())
        self._failures += 1
        if self._failures >= self.settings.attempts:
            raise Fault("policy-violation", "too many attempts")

    def abort(self, _: Nonza, now: float) -> tuple[Trigger, Any]:
        return Trigger.REFUSE, sasl.Refused("aborted")

    def sign_in(self, verified: Verified, now: float) -> tuple[Trigger, Any] | None:
        claim = self._claim
        assert claim is not None
        username = getattr(claim, "username", verified.userid)
        authzid: str = getattr(claim, "authzid", "")
        if authzid and not self._is_own(authzid, verified.userid):
            return Trigger.REFUSE, sasl.Refused("invalid-authzid", username, guess=True)
        self.userid = verified.userid
        data = b64encode(self._success) if self._success else b""
        self._drop_attempt()
        self._out.append(LoginDone(self._mechanism_name, username, ""))
        self._write(b"<success xmlns='%b'>%b</success>" % (SASL.encode(), data))
        self.tokeniser.restart()
        return None

    def _is_own(self, authzid: str, userid: str) -> bool:
        try:
            return Jid.parse(authzid) == Jid.prepared(userid, self.settings.domain)
        except MalformedJid:
            return False

    def _drop_attempt(self) -> None:
        self._mechanism = self._claim = None
        self._success = b""

    # -- steps: binding, resumption, stream management

    def offer_bind(self, attrs: dict[str, str], now: float) -> None:
        self._check_header(attrs, now)
        self._write(self.framing.features(_AFTER_SIGN_IN + self.settings.features))

    def ask_bind(self, stanza: Stanza, now: float) -> tuple[Trigger, Any] | None:
        self._stanza = stanza
        payload = stanza.payload()
        wanted = payload.child_text(BIND, "resource") if payload is not None else ""
        try:
            resource = prepare_resource(wanted) if wanted else ""
        except MalformedJid:
            return Trigger.NOT_BOUND, NotBound("bad-request")
        self._out.append(AskBind(resource))
        return None

    def bind(self, bound: Bound, now: float) -> None:
        assert self._stanza is not None
        jid = f"<bind xmlns='{BIND}'><jid>{escape_text(str(bound.jid))}</jid></bind>"
        self._write(self.framing.stanza(self._result(self._stanza, jid)))
        self._open_up()

    def _open_up(self) -> None:
        self._stanza = None
        self.deadline = None
        self.tokeniser.single = False
        self.tokeniser.limits = self.settings.limits

    def _result(self, stanza: Stanza, payload: str) -> bytes:
        return f"<iq type='result' id='{escape_attribute(stanza.id)}'>{payload}</iq>".encode()

    def refuse_bind(self, refused: NotBound, now: float) -> None:
        assert self._stanza is not None
        self._write(self.framing.stanza(stanza_error(self._stanza, refused.condition)))

    def ask_resume(self, resume: Nonza, now: float) -> tuple[Trigger, Any] | None:
        h = parse_h(resume.attrs.get("h", ""))
        previd = resume.attrs.get("previd", "")
        if h is None or not previd:
            return Trigger.NOT_RESUMED, NotResumed("bad-request")
        self._out.append(AskResume(previd, h))
        return None

    def resume(self, resumed: Resumed, now: float) -> None:
        self._write(
            f"<resumed xmlns='{SM}' h='{resumed.h}' previd='{escape_attribute(resumed.id)}'/>".encode()
        )
        self._open_up()

    def refuse_resume(self, refused: NotResumed, now: float) -> None:
        h = "" if refused.h is None else f" h='{refused.h}'"
        self._sm_failed(refused.condition, h)

    def _sm_failed(self, condition: str, attributes: str = "") -> None:
        reason = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        self._write(f"<failed xmlns='{SM}'{attributes}>{reason}</failed>".encode())

    def ask_enable(self, enable: Nonza, now: float) -> None:
        wanted = enable.attrs.get("max", "")
        max_s = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 0
        self._out.append(AskEnable(enable.attrs.get("resume") in ("true", "1"), max_s))

    def enable(self, enabled: Enabled, now: float) -> None:
        resumable = (
            f" id='{escape_attribute(enabled.id)}' resume='true' max='{enabled.max_s}'" if enabled.id else ""
        )
        self._write(f"<enabled xmlns='{SM}'{resumable}/>".encode())

    def refuse_enable(self, refused: NotEnabled, now: float) -> None:
        self._sm_failed(refused.condition)

    def sm_out_of_turn(self, _: Nonza, now: float) -> None:
        """`<enable/>` comes after binding, `<resume/>` instead of it."""
        self._sm_failed("unexpected-request")

    def answer_session(self, stanza: Stanza, now: float) -> None:
        # RFC 6121 §1.4: the session request does nothing any more, and old clients still wait for its result.
        self._out.append(Answer(stanza, self._result(stanza, "")))

    def bind_again(self, stanza: Stanza, now: float) -> None:
        # RFC 6120 §7.7.2.2 allows several resources a stream only in an extension nobody speaks.
        self._out.append(Answer(stanza, stanza_error(stanza, "not-allowed")))

    def pass_on(self, element: Stanza | Nonza, now: float) -> None:
        if isinstance(element, Nonza) and (element.ns != SM or element.local not in ("r", "a")):
            raise Fault("unsupported-stanza-type")
        self._out.append(Arrived(element))

    # -- steps: the end

    def close(self, _: object, now: float) -> None:
        self._write(self.framing.end())
        self.deadline = None
        self._out.append(Ended("", by_peer=True))

    def broken(self, failure: Failure, now: float) -> None:
        raise Fault(failure.condition, failure.text)

    def too_late(self, _: Expired, now: float) -> None:
        raise Fault("connection-timeout")

    def end(self, end: End, now: float) -> None:
        if end.condition:
            raise Fault(end.condition, end.text, end.extra)
        self._write(self.framing.end())
        self.state = State.CLOSED
        self.deadline = None
        self._out.append(Ended(""))


_AFTER_SIGN_IN: Final = (
    f"<bind xmlns='{BIND}'/><session xmlns='{SESSION}'><optional/></session><sm xmlns='{SM}'/>".encode()
)


@lru_cache(maxsize=64)
def _mechanisms(offered: tuple[str, ...], hostnames: tuple[str, ...]) -> bytes:
    names = "".join(f"<mechanism>{name}</mechanism>" for name in offered)
    hosts = "".join(
        f"<hostname xmlns='{DOMAIN_BASED_NAME}'>{escape_text(host)}</hostname>" for host in hostnames
    )
    content = f"<mechanisms xmlns='{SASL}'>{names}{hosts}</mechanisms>"
    if any(name.endswith("-PLUS") for name in offered):
        content += (
            f"<sasl-channel-binding xmlns='{CHANNEL_BINDING}'>"
            f"<channel-binding type='{SERVER_END_POINT}'/></sasl-channel-binding>"
        )
    return content.encode()
