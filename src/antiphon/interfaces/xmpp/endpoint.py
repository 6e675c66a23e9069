"""One client connection: the driver's `Endpoint`, around the negotiation core and the session it leads to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from antiphon.interfaces.xmpp.errors import STREAM_ENDED
from antiphon.interfaces.xmpp.rate import Bucket
from antiphon.interfaces.xmpp.session import C2SSession
from antiphon.interfaces.xmpp.sign_in import SignIn
from antiphon.kernel.core import Flow
from antiphon.kernel.errors import DomainError, Kind
from antiphon.model.principal import Principal
from antiphon.protocols.xmpp.channel_binding import server_end_point
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.protocols.xmpp.negotiation import Negotiation
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
    Enabled,
    End,
    Ended,
    Expired,
    Given,
    LoginDone,
    NotBound,
    NotEnabled,
    NotResumed,
    Out,
    Resumed,
    Secured,
    StartTls,
    Write,
)
from antiphon.protocols.xmpp.sm import REQUEST, StreamManagement, TooHigh, parse_h
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Nonza, Tokeniser

if TYPE_CHECKING:
    from antiphon.interfaces.xmpp.door import XmppDoor

log = logging.getLogger(__name__)

_PING = b"<iq type='get' id='still-there' from='%b' to='%b'><ping xmlns='urn:xmpp:ping'/></iq>"


class C2SEndpoint:
    """Negotiates, then hands stanzas to its session."""

    __slots__ = (
        "_asked_at", "_bucket", "_core", "_deadline", "_door", "_heard", "_paused_until",
        "_session", "_sign_in", "_tokeniser", "flow",
    )  # fmt: skip

    def __init__(self, door: XmppDoor) -> None:
        self._door = door
        self.flow: Flow | None = None
        self._core: Negotiation | None = None
        self._tokeniser: Tokeniser | None = None
        self._session: C2SSession | None = None
        self._sign_in = SignIn(door.identity, door.counters, "")
        self._bucket: Bucket | None = None
        self._deadline: float | None = None
        self._heard = 0.0
        self._asked_at: float | None = None
        self._paused_until: float | None = None
        """Reading is paused: until then, or until `caught_up` when infinite."""

    # -- what the driver calls

    @property
    def deadline(self) -> float | None:
        return self._deadline

    def opened(self, flow: Flow, now: float) -> None:
        self.flow = flow
        self._sign_in.source = flow.peer.host
        self._heard = now
        door = self._door
        door.counters.connections += 1
        settings = door.settings
        if settings.stanzas_per_s:
            self._bucket = Bucket(settings.stanzas_per_s, settings.burst, now)
        self._core = Negotiation(
            door.stream_settings,
            self._sign_in.keys,
            door.new_id,
            now,
            transport=flow.transport,
            binding=_binding(flow),
        )
        self._tokeniser = self._core.tokeniser
        self._deadline = self._core.deadline
        if not door.admit_stranger(self):
            self._tell(End("policy-violation", "too many connections"), now)

    def secured(self, now: float) -> None:
        assert self.flow is not None
        self._tell(Secured(_binding(self.flow)), now)

    def received(self, data: bytes, now: float) -> None:
        session = self._session
        if session is None:
            self._tell(data, now)
            return
        self._heard = now
        count = 0
        tokeniser, core = self._tokeniser, self._core
        assert tokeniser is not None
        assert core is not None
        if tokeniser.parser is None:
            self._door.has_parser(tokeniser)
        for token in tokeniser.feed(data):
            if type(token) is Stanza:
                count += 1
                if token.claimed and not self._is_own(token.claimed, session):
                    self._tell(End("invalid-from"), now)
                    return
                session.receive(token, now)
            else:
                self._do(core.take(token, now), now)
            if self._session is not session:
                return
        if self._bucket is not None:
            wait_s = self._bucket.take(max(count, len(data) / 1024), now)
            if wait_s:
                self._pause(now + wait_s)
        if session.handling > self._door.settings.handling:
            self._pause(None)

    def drained(self, now: float) -> None:
        pass  # the backlog is bounded by what a session may send, see `C2SSession`

    def expired(self, now: float) -> None:
        core = self._core
        if core is None:
            return
        if self._session is None:
            self._deadline = None
            if core.deadline is not None and core.deadline <= now:
                self._tell(Expired(), now)
            else:
                self._deadline = core.deadline
            return
        if self._paused_until is not None and self._paused_until <= now:
            self._unpause()
        self._look_after(self._session, now)

    def closed(self, now: float) -> None:
        self._door.counters.connections -= 1
        self._door.no_longer_strange(self)
        self._door.forget(self)
        if self._tokeniser is not None:
            self._tokeniser.close()
        session, self._session = self._session, None
        self.flow = self._core = self._tokeniser = None
        self._deadline = None
        if session is not None and session.endpoint is self:
            self._door.disconnected(session)

    # -- silence

    def _look_after(self, session: C2SSession, now: float) -> None:
        """A stream nobody speaks on gives its parser back, then is asked, then given up."""
        settings = self._door.settings
        silent_s = now - self._heard
        assert self._tokeniser is not None
        if self._asked_at is not None and self._heard > self._asked_at:
            self._asked_at = None
        if self._asked_at is None and silent_s >= settings.silence_s:
            self._asked_at = now
            self._ask(session)
        elif self._asked_at is not None and now >= self._asked_at + settings.answer_s:
            self._tell(End("connection-timeout"), now)
            return
        if silent_s >= settings.park_s:
            self._tokeniser.park()
        if self._asked_at is not None:
            self._deadline = self._asked_at + settings.answer_s
        else:
            self._deadline = self._heard + (
                settings.park_s if silent_s < settings.park_s else settings.silence_s
            )
        if self._paused_until is not None:
            self._deadline = min(self._deadline, self._paused_until)

    def _ask(self, session: C2SSession) -> None:
        assert self.flow is not None
        if session.sm is not None:
            self.flow.send(REQUEST)
        else:
            session.deliver(_PING % (self._door.domain_address, session.address))

    # -- reading more slowly

    def _pause(self, until: float | None) -> None:
        """Until a time, or until `caught_up`."""
        assert self.flow is not None
        self.flow.pause_reading()
        self._paused_until = until if until is not None else float("inf")
        if until is not None:
            self._deadline = until if self._deadline is None else min(until, self._deadline)

    def _unpause(self) -> None:
        self._paused_until = None
        if self.flow is not None:
            self.flow.resume_reading()

    def caught_up(self) -> None:
        """All durable writes are done."""
        if self._paused_until == float("inf"):
            self._unpause()

    # -- what the core says is to be done

    def _tell(self, given: Given, now: float) -> None:
        core = self._core
        if core is not None:
            self._do(core.handle(given, now), now)

    def _do(self, outs: Sequence[Out], now: float) -> None:
        flow = self.flow
        for out in outs:
            if flow is None:
                return
            match out:
                case Write(data):
                    flow.send(data)
                case Arrived(element):
                    self._arrived(element, now)
                case StartTls():
                    flow.start_tls()
                case AskSecret(_, username, secret):
                    self._door.tasks.spawn(self._verify(username, secret), "xmpp: verify a secret")
                case AskToken(_, token):
                    self._tell(self._sign_in.verify_token(token), now)
                case AskProved(_, username):
                    self._tell(self._sign_in.proved(username), now)
                case LoginDone():
                    self._login_done(out)
                case AskBind(resource):
                    self._bind(resource, now)
                case AskResume(id_, h):
                    self._resume(id_, h, now)
                case AskEnable(resume, max_s):
                    self._enable(resume, max_s, now)
                case Answer(stanza, data):
                    if self._session is not None:
                        self._session.answered(stanza, data)
                case Ended(condition, by_peer):
                    self._ended(condition, by_peer)
        if self._session is None and self._core is not None:
            self._deadline = self._core.deadline

    # -- sign-in

    async def _verify(self, username: str, secret: str) -> None:
        self._tell(await self._sign_in.verify_secret(username, secret), self._door.timers.now())

    def _login_done(self, login: LoginDone) -> None:
        if self._sign_in.done(login):
            assert self.principal is not None
            self._door.no_longer_strange(self)
            self._door.remember(self, self.principal.userid)

    @property
    def source(self) -> str:
        """The peer's address."""
        return self._sign_in.source

    @property
    def principal(self) -> Principal | None:
        """Who has signed in."""
        return self._sign_in.principal

    # -- sessions

    def _bind(self, resource: str, now: float) -> None:
        principal = self.principal
        assert principal is not None
        assert self._core is not None
        try:
            session = self._door.bind(self, principal, resource)
        except DomainError as error:
            busy = error.kind is Kind.UNAVAILABLE
            condition = (
                "resource-constraint"
                if busy
                else "conflict"
                if error.kind is Kind.CONFLICT
                else "not-allowed"
            )
            self._tell(NotBound(condition), now)
            return
        if session is None:
            self._tell(NotBound("conflict"), now)
            return
        self._take_over(session, now)
        self._tell(Bound(session.jid), now)

    def _take_over(self, session: C2SSession, now: float) -> None:
        assert self.flow is not None
        assert self._core is not None
        self._session = session
        session.attach(self, self.flow, self._core.framing)
        self._door.has_parser(self._core.tokeniser)
        self._heard = now
        self._asked_at = None
        self._deadline = now + self._door.settings.park_s

    def _enable(self, resume: bool, max_s: int, now: float) -> None:
        session = self._session
        if session is None or session.sm is not None:
            self._tell(NotEnabled(), now)
            return
        longest = self._door.settings.resume_s
        session.resume_s = min(max_s or longest, longest) if resume else 0
        sm = StreamManagement(self._door.new_id() if session.resume_s else "")
        # Before anything is counted: what is sent from here on comes behind <enabled/>.
        self._tell(Enabled(sm.id, session.resume_s), now)
        session.manage(sm)
        self._door.resumable(session)

    def _resume(self, id_: str, h: int, now: float) -> None:
        assert self.principal is not None
        session = self._door.waiting(id_, self.principal)
        if session is None:
            self._tell(NotResumed(), now)
            return
        assert session.sm is not None
        try:
            session.sm.confirm(h)
        except TooHigh as error:
            self._tell(End("undefined-condition", extra=error.extra()), now)
            return
        self._door.resumed(session, self.principal)
        # `h` must be final: a stanza whose write is pending would be sent again and handled twice.
        session.when_caught_up(lambda: self._resumed(session))

    def _resumed(self, session: C2SSession) -> None:
        now = self._door.timers.now()
        if self.flow is None or session.ended or session.sm is None:
            self._door.disconnected(session)
            self._tell(NotResumed(), now)
            return
        self._take_over(session, now)
        self._tell(Resumed(session.sm.id, session.sm.handled), now)
        if self._session is session:
            session.resend()

    def _arrived(self, element: Stanza | Nonza, now: float) -> None:
        session = self._session
        if session is None:
            return
        if isinstance(element, Stanza):
            if element.claimed and not self._is_own(element.claimed, session):
                self._tell(End("invalid-from"), now)
                return
            session.receive(element, now)
        elif element.local == "r":
            session.requested()
        else:
            self._confirmed(session, element, now)

    def _confirmed(self, session: C2SSession, element: Nonza, now: float) -> None:
        h = parse_h(element.attrs.get("h", ""))
        if session.sm is None or h is None:
            return
        try:
            session.sm.confirm(h)
        except TooHigh as error:
            self._tell(End("undefined-condition", extra=error.extra()), now)

    def _is_own(self, claimed: str, session: C2SSession) -> bool:
        """RFC 6120 §8.1.2.1: its full or its bare address; anything else is `invalid-from`."""
        if claimed == session.text:
            return True
        try:
            return Jid.parse(claimed) in (session.jid, session.jid.bare)
        except MalformedJid:
            return False

    # -- the end

    def _ended(self, condition: str, by_peer: bool) -> None:
        flow = self.flow
        if condition:
            self._door.counters.stream_errors[condition] += 1
            log.info(
                "stream ended",
                extra={"code": STREAM_ENDED.code, "peer": self.source, "condition": condition},
            )
        session = self._session
        self._deadline = None
        if session is not None and session.endpoint is self:
            self._session = None
            if condition == "connection-timeout":
                self._door.disconnected(session)
            else:
                self._door.end(session)
        if flow is not None:
            flow.close()

    def end(self, condition: str) -> None:
        """The stream ends with a stream error; the session has ended already, or there is none."""
        self._session = None
        self._tell(End(condition), self._door.timers.now())

    def close(self, condition: str) -> None:
        """End whatever this connection has led to."""
        if self._session is not None:
            self._session.close(condition)
        else:
            self.end(condition)

    def drop(self) -> None:
        """The connection is given up, not the session."""
        if self.flow is not None:
            self.flow.abort()

    def superseded(self) -> None:
        """The session goes on over another connection."""
        self._session = None
        self._tell(End("conflict"), self._door.timers.now())


def _binding(flow: Flow) -> bytes:
    return server_end_point(flow.security.local_certificate) if flow.security is not None else b""
