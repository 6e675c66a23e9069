"""The XMPP door of one node: connections, sessions, and the sessions that wait for their clients."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from weakref import ReferenceType, ref

from antiphon.interfaces.xmpp.config import DoorSettings, OnConflict
from antiphon.interfaces.xmpp.counters import Counters
from antiphon.interfaces.xmpp.endpoint import C2SEndpoint
from antiphon.interfaces.xmpp.ports import Identity, Messaging
from antiphon.interfaces.xmpp.session import C2SSession
from antiphon.kernel.bus import Bus
from antiphon.kernel.random import Random
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Timers
from antiphon.model.principal import Principal
from antiphon.protocols.xmpp.element import attribute_value
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.limits import C2S
from antiphon.protocols.xmpp.negotiation import StreamSettings
from antiphon.protocols.xmpp.tokeniser import EXPAT, Tokeniser
from antiphon.services.directory.events import UserChanged, UserRemoved
from antiphon.services.identity.events import SessionRevoked, SessionsRevoked

log = logging.getLogger(__name__)


class XmppDoor:
    """`endpoint` is the factory for every listener: 5222, 5223 (TLS, ALPN `xmpp-client`), WebSocket subprotocol `xmpp`.

    A session that signed in with a token goes on when the token expires, as RFC 7628 servers do: it ends when the
    sign-in is revoked or the user is disabled.
    """

    def __init__(
        self,
        domain: str,
        messaging: Messaging,
        identity: Identity,
        bus: Bus,
        timers: Timers,
        random: Random,
        tasks: Tasks,
        settings: DoorSettings | None = None,
    ) -> None:
        self.settings = settings = settings or DoorSettings()
        self.domain = domain
        self.domain_address = attribute_value(domain)
        self.messaging = messaging
        self.identity = identity
        self.timers = timers
        self.tasks = tasks
        self.counters = Counters()
        self._random = random
        self.stream_settings = StreamSettings(
            domain=domain,
            mechanisms=settings.mechanisms,
            hostnames=settings.hostnames,
            features=settings.features + _limits(settings),
            oauth_metadata=settings.oauth_metadata,
            tls_required=settings.tls_required,
            clear_secrets=settings.clear_secrets,
            attempts=settings.attempts,
            header_s=settings.header_s,
            sign_in_s=settings.sign_in_s,
        )
        self._streams: dict[str, set[C2SEndpoint]] = {}
        """Connections of signed-in users, by userid."""
        self._strangers: dict[str, set[C2SEndpoint]] = {}
        """Connections on which nobody has signed in, by address."""
        self._sessions: dict[str, set[C2SSession]] = {}
        self._resumable: dict[str, C2SSession] = {}
        """By the id a client resumes with."""
        self._waiting: OrderedDict[C2SSession, None] = OrderedDict()
        """Sessions without a connection, the longest-waiting first."""
        self._parsers: deque[ReferenceType[Tokeniser]] = deque()
        """Streams that made a parser, the oldest first."""
        self._stopped = False
        # Old versions read unfinished tokens again and again; the tokeniser bounds that, whoever audits wants to know.
        log.info("XMPP door", extra={"domain": domain, "expat": EXPAT})
        self._unsubscribe = [
            bus.subscribe(UserChanged, self._user_changed),
            bus.subscribe(UserRemoved, lambda event: self._close_user(event.userid)),
            bus.subscribe(SessionsRevoked, lambda event: self._close_user(event.userid)),
            bus.subscribe(SessionRevoked, self._session_revoked),
        ]

    def endpoint(self) -> C2SEndpoint:
        """A fresh one for each connection."""
        return C2SEndpoint(self)

    async def stop(self) -> None:
        """End every stream with `system-shutdown`; what clients have not confirmed is stored when this returns."""
        self._stopped = True
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        pending: list[Awaitable[None]] = []
        for session in [session for of_user in self._sessions.values() for session in of_user]:
            endpoint = session.endpoint
            stored = self._end(session)
            if stored is not None:
                pending.append(stored)
            if endpoint is not None:
                endpoint.end("system-shutdown")
        for endpoint in [endpoint for of_user in self._streams.values() for endpoint in of_user]:
            endpoint.close("system-shutdown")
        for stored in pending:
            await stored

    def has_parser(self, tokeniser: Tokeniser) -> None:
        """A stream makes a parser: the stream that made one longest ago gives its own back."""
        self._parsers.append(ref(tokeniser))
        if len(self._parsers) > self.settings.parsers:
            oldest = self._parsers.popleft()()
            if oldest is not None:
                oldest.park()

    # -- small things for endpoints and sessions

    def new_id(self) -> str:
        return self._random.token(16)

    def later(self, call: Callable[[], None]) -> None:
        """Soon, but not inside what is happening now."""
        self.timers.at(self.timers.now(), call)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self.timers.at(self.timers.now() + seconds, call)

    def admit_stranger(self, endpoint: C2SEndpoint) -> bool:
        """Whether this address may have one more connection that has not signed in."""
        strangers = self._strangers.setdefault(endpoint.source, set())
        if len(strangers) >= self.settings.strangers:
            return False
        strangers.add(endpoint)
        return True

    def no_longer_strange(self, endpoint: C2SEndpoint) -> None:
        """It has signed in, or is gone. Doing it twice does nothing."""
        strangers = self._strangers.get(endpoint.source)
        if strangers is not None:
            strangers.discard(endpoint)
            if not strangers:
                del self._strangers[endpoint.source]

    def remember(self, endpoint: C2SEndpoint, userid: str) -> None:
        self._streams.setdefault(userid, set()).add(endpoint)

    def forget(self, endpoint: C2SEndpoint) -> None:
        principal = endpoint.principal
        if principal is not None and (streams := self._streams.get(principal.userid)) is not None:
            streams.discard(endpoint)
            if not streams:
                del self._streams[principal.userid]

    # -- sessions

    def bind(self, endpoint: C2SEndpoint, principal: Principal, resource: str) -> C2SSession | None:
        """A new session; None when the resource is in use and may not be taken. Raises what `Messaging.bind` raises."""
        userid = principal.userid
        taken = bool(resource) and any(
            known.jid.resource == resource for known in self.messaging.sessions(userid)
        )
        if taken and self.settings.on_conflict is OnConflict.REFUSE:
            return None
        if not resource or (taken and self.settings.on_conflict is OnConflict.RENAME):
            resource = self._random.token(12)
        session = C2SSession(self, Jid(userid, self.domain, resource), principal)
        self.messaging.bind(session)
        self._sessions.setdefault(userid, set()).add(session)
        self.counters.sessions += 1
        return session

    def resumable(self, session: C2SSession) -> None:
        """Stream management is on: the session can be found by its id."""
        if session.sm is not None and session.sm.id:
            self._resumable[session.sm.id] = session

    def disconnected(self, session: C2SSession) -> None:
        """The connection broke without the end of the stream."""
        session.detach()
        if session.ended:
            return
        if not session.resume_s or self._stopped:
            self.end(session)
            return
        self._waiting[session] = None
        self.counters.waiting += 1
        session.expiry = self.timers.at(self.timers.now() + session.resume_s, lambda: self._expire(session))
        self._make_room(session)

    def _make_room(self, newest: C2SSession) -> None:
        of_user = [session for session in self._waiting if session.userid == newest.userid]
        if len(of_user) > self.settings.resumable_per_user:
            self._expire(of_user[0])
        if len(self._waiting) > self.settings.resumable:
            self._expire(next(iter(self._waiting)))

    def _expire(self, session: C2SSession) -> None:
        if session in self._waiting:
            self.counters.expired += 1
            self.end(session)

    def waiting(self, id_: str, principal: Principal) -> C2SSession | None:
        """The session a client wants to resume, if it is that client's."""
        session = self._resumable.get(id_)
        if session is None or session.userid != principal.userid or session.ended:
            return None
        return session

    def resumed(self, session: C2SSession, principal: Principal) -> None:
        """A new connection takes the session; an old one that is half dead is ended."""
        self._no_longer_waits(session)
        old = session.endpoint
        session.detach()
        session.principal = principal
        if old is not None:
            old.superseded()
        self.counters.resumed += 1

    def _no_longer_waits(self, session: C2SSession) -> None:
        if session in self._waiting:
            del self._waiting[session]
            self.counters.waiting -= 1
        if session.expiry is not None:
            session.expiry.cancel()
            session.expiry = None

    def end(self, session: C2SSession) -> None:
        """The session is over; messages that its client did not confirm go elsewhere."""
        stored = self._end(session)
        if stored is not None:
            self.tasks.spawn(_wait(stored), "xmpp: store unconfirmed messages")

    def _end(self, session: C2SSession) -> Awaitable[None] | None:
        if session.ended:
            return None
        session.ended = True
        session.detach()
        self._no_longer_waits(session)
        self.counters.sessions -= 1
        of_user = self._sessions.get(session.userid)
        if of_user is not None:
            of_user.discard(session)
            if not of_user:
                del self._sessions[session.userid]
        self.messaging.unbind(session)
        sm, session.sm = session.sm, None
        if sm is None:
            return None
        self._resumable.pop(sm.id, None)
        # What was handed over with a callback is in the store still, and stays there.
        lost = [data for data, taken in sm.take_all() if taken is None]
        return self.messaging.undelivered(lost) if lost else None

    # -- what the services say

    def _user_changed(self, event: UserChanged) -> None:
        if not event.enabled:
            self._close_user(event.userid)

    def _close_user(self, userid: str) -> None:
        for session in tuple(self._sessions.get(userid, ())):
            session.close("not-authorized")
        for endpoint in tuple(self._streams.get(userid, ())):
            endpoint.close("not-authorized")

    def _session_revoked(self, event: SessionRevoked) -> None:
        for session in tuple(self._sessions.get(event.userid, ())):
            if session.principal.session_id == event.session_id:
                session.close("not-authorized")
        for endpoint in tuple(self._streams.get(event.userid, ())):
            if endpoint.principal is not None and endpoint.principal.session_id == event.session_id:
                endpoint.close("not-authorized")


def _limits(settings: DoorSettings) -> bytes:
    """What a client may expect of the stream (XEP-0478)."""
    idle_s = int(settings.silence_s + settings.answer_s)
    return (
        b"<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>%d</max-bytes><idle-seconds>%d</idle-seconds></limits>"
        % (C2S.stanza_bytes, idle_s)
    )


async def _wait(stored: Awaitable[None]) -> None:
    await stored
