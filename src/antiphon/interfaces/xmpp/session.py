"""A bound session: what messaging knows of a client, over one connection or, resumed, over several.

What is received counts as handled (XEP-0198 §4) in order and only when it cannot be lost any more: its durable write is
done, or the session it was for has confirmed it. What is sent is kept until the client confirms it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from antiphon.interfaces.xmpp.errors import NOT_CONFIRMED, ROUTING_FAILED, TOO_SLOW
from antiphon.kernel.core import Flow
from antiphon.kernel.time import Cancel
from antiphon.model.principal import Principal
from antiphon.protocols.xmpp.element import attribute_value
from antiphon.protocols.xmpp.errors import stanza_error
from antiphon.protocols.xmpp.framing import TCP, Framing
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.sm import REQUEST, WRAP, StreamManagement
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.live import InFlight

if TYPE_CHECKING:
    from antiphon.interfaces.xmpp.door import XmppDoor
    from antiphon.interfaces.xmpp.endpoint import C2SEndpoint

log = logging.getLogger(__name__)

_CHECK_EVERY = 65536
"""Bytes sent until the backlog is looked at again."""
_REQUEST_AFTER_S = 1.0
_REQUEST_SOON_S = 0.1
"""For a stanza whose sender waits: well before it would be written to the store (`services.messaging.live`)."""


class C2SSession:
    """Satisfies `services.messaging.ports.Session` and `ConfirmingSession`."""

    __slots__ = (
        "_answer_owed", "_asking", "_asking_soon", "_caught_up", "_counters", "_door", "_frame", "_handling", "_overfull",
        "_route", "_send", "_told", "_unchecked", "_unmanaged", "address", "ended", "endpoint", "expiry",
        "flow", "interested", "jid", "presence", "principal", "priority", "resume_s", "sm", "text", "userid",
    )  # fmt: skip

    def __init__(self, door: XmppDoor, jid: Jid, principal: Principal) -> None:
        self.jid = jid
        self.text = str(jid)
        self.address = attribute_value(jid)
        self.userid = principal.userid
        self.principal = principal
        self.priority = 0
        self.presence: bytes | None = None
        self.interested = False
        self.endpoint: C2SEndpoint | None = None
        self.flow: Flow | None = None
        self.sm: StreamManagement | None = None
        self.resume_s = 0
        self.expiry: Cancel | None = None
        self.ended = False
        self._door = door
        self._route = door.messaging.router.route
        self._counters = door.counters
        self._send: Callable[[bytes], None] | None = None
        self._frame: Callable[[bytes], bytes] | None = None
        self._handling: deque[Awaitable[None] | None] | None = None
        """Received and not yet handled, in order; None costs less than an empty one while nothing is."""
        self._answer_owed = -1
        """How many of `_handling` a `<r/>` came behind; -1 when no answer is owed."""
        self._told = 0
        """What the client last heard of `handled`."""
        self._unmanaged = 0
        """How many of `_handling` came before stream management was on."""
        self._caught_up: Callable[[], None] | None = None
        self._unchecked = 0
        self._asking = self._asking_soon = False
        self._overfull = False

    def manage(self, sm: StreamManagement) -> None:
        """Stream management is on from here: what came before does not count."""
        self.sm = sm
        self._unmanaged = self.handling
        self._door.messaging.confirms(self)

    def attach(self, endpoint: C2SEndpoint, flow: Flow, framing: Framing) -> None:
        """A connection carries the session from now on."""
        self.endpoint = endpoint
        self.flow = flow
        self._frame = None if framing is TCP else framing.stanza
        self._send = flow.send
        self._unchecked = 0
        self._answer_owed = -1
        if self.sm is not None:
            self._told = self.sm.handled  # <resumed/> says it

    def detach(self) -> None:
        """The connection is gone; the session waits."""
        self.endpoint = self.flow = self._send = self._frame = None

    # -- out

    def deliver(self, data: bytes) -> None:
        sm = self.sm
        if sm is not None:
            self._deliver_managed(sm, data, None)
            return
        send = self._send
        if send is None:
            return
        self._counters.sent += 1
        send(data if self._frame is None else self._frame(data))
        self._unchecked += len(data)
        if self._unchecked > _CHECK_EVERY:
            self._check_backlog()

    def deliver_then(self, data: bytes, taken: Callable[[], None]) -> None:
        """`taken` is called when the client has confirmed the stanza; without stream management, at once."""
        sm = self.sm
        if sm is not None:
            self._deliver_managed(sm, data, taken)
        elif self._send is not None:
            self.deliver(data)
            taken()

    def _deliver_managed(self, sm: StreamManagement, data: bytes, taken: Callable[[], None] | None) -> None:
        if self.ended:
            return
        sm.push(data, taken)
        settings = self._door.settings
        if sm.unacked > settings.unacked_stanzas or sm.unacked_bytes > settings.unacked_bytes:
            if not self._overfull:
                self._overfull = True
                log.warning("client does not confirm", extra={"code": NOT_CONFIRMED.code, "jid": self.text})
                self._door.later(lambda: self.close("policy-violation"))
            return
        send = self._send
        if send is None:
            return
        self._counters.sent += 1
        send(data if self._frame is None else self._frame(data))
        if sm.unrequested >= settings.request_every:
            sm.unrequested = 0
            send(REQUEST)
        elif taken is not None:
            if not self._asking_soon:
                self._asking_soon = True
                self._door.after(_REQUEST_SOON_S, self._ask_soon)
        elif not self._asking:
            self._asking = True
            self._door.after(_REQUEST_AFTER_S, self._ask)
        if (sm.handled - self._told) % WRAP > 2 * settings.request_every:
            self._tell(sm, send)  # in passing, for a client that never asks
        self._unchecked += len(data)
        if self._unchecked > _CHECK_EVERY:
            self._check_backlog()

    def _ask_soon(self) -> None:
        self._asking_soon = False
        self._request()

    def _ask(self) -> None:
        self._asking = False
        self._request()

    def _request(self) -> None:
        sm = self.sm
        if sm is not None and sm.unrequested and self._send is not None:
            sm.unrequested = 0
            self._send(REQUEST)

    def _check_backlog(self) -> None:
        self._unchecked = 0
        flow, endpoint = self.flow, self.endpoint
        if flow is None or endpoint is None or flow.pending <= self._door.settings.backlog_bytes:
            return
        log.warning(
            "client does not read", extra={"code": TOO_SLOW.code, "jid": self.text, "peer": str(flow.peer)}
        )
        self._send = None  # nothing more goes to this connection
        if self.resume_s:
            self._door.later(endpoint.drop)
        else:
            self._door.later(lambda: self.close("policy-violation"))

    def resend(self) -> None:
        """After a resumption: what the client has not confirmed, in order."""
        sm, send = self.sm, self._send
        assert sm is not None
        assert send is not None
        for data in sm:
            self._counters.sent += 1
            send(data if self._frame is None else self._frame(data))
        if sm.unacked:
            sm.unrequested = 0
            send(REQUEST)

    # -- in

    def receive(self, stanza: Stanza, now: float) -> None:
        stanza.sender = self.jid
        kind, counters = stanza.kind, self._counters
        if kind == "message":
            counters.messages += 1
        elif kind == "iq":
            counters.iqs += 1
        else:
            counters.presences += 1
        try:
            done = self._route(stanza, self, now)
        except Exception:
            log.exception("stanza not handled", extra={"code": ROUTING_FAILED.code, "jid": self.text})
            done = None
            answer = stanza_error(stanza, "internal-server-error")
            if answer:
                self.deliver(answer)
        if done is None and self._handling is None:
            sm = self.sm
            if sm is not None:
                sm.handled = (sm.handled + 1) % WRAP
        else:
            self._handle_later(done)

    def answered(self, stanza: Stanza, data: bytes) -> None:
        """The stream itself has answered a stanza: it is handled like the others."""
        if data:
            self.deliver(data)
        if self._handling is not None:
            self._handling.append(None)
        elif self.sm is not None:
            self.sm.handled = (self.sm.handled + 1) % WRAP

    @property
    def handling(self) -> int:
        """Stanzas received that could still be lost."""
        return 0 if self._handling is None else len(self._handling)

    def _handle_later(self, done: Awaitable[None] | None) -> None:
        if self._handling is not None:
            self._handling.append(done)
        else:
            self._handling = deque((done,))
            self._go_on()

    def _go_on(self) -> None:
        if self._finish() is not None:
            self._door.tasks.spawn(self._finish_in_order(), "xmpp: wait for durable writes")

    async def _finish_in_order(self) -> None:
        """One task a burst."""
        while (done := self._finish()) is not None:
            try:
                await done
            except Exception:
                log.exception("stanza not handled", extra={"code": ROUTING_FAILED.code, "jid": self.text})
            self._finished()

    def _finish(self) -> Awaitable[None] | None:
        """Stanzas count as handled in the order they came. Returned: what must be awaited before it can go on.

        None when all are, or when the first that is not calls `_go_on` itself: no task waits for another session.
        """
        handling = self._handling
        assert handling is not None
        while handling:
            done = handling[0]
            if isinstance(done, InFlight):
                if not done.handled:
                    done.then(self._go_on)
                    return None
            elif done is not None:
                return done
            self._finished()
        self._caught_up_now()
        return None

    def _finished(self) -> None:
        """The first of `_handling` is handled."""
        assert self._handling is not None
        self._handling.popleft()
        sm = self.sm
        if self._unmanaged:
            self._unmanaged -= 1
        elif sm is not None:
            sm.handled = (sm.handled + 1) % WRAP
        if self._answer_owed > 0:
            self._answer_owed -= 1
            if self._answer_owed == 0:
                self._answer()

    def _caught_up_now(self) -> None:
        self._handling = None
        caught_up, self._caught_up = self._caught_up, None
        if caught_up is not None:
            caught_up()
        if self.endpoint is not None:
            self.endpoint.caught_up()

    def when_caught_up(self, call: Callable[[], None]) -> None:
        """Once nothing received is pending: now, if nothing is."""
        if self._handling is not None:
            self._caught_up = call
        else:
            call()

    # -- confirmations

    def requested(self) -> None:
        """`<r/>`: answered when all that came before it is handled."""
        if self.sm is None:
            return
        if self._handling is not None:
            self._answer_owed = len(self._handling)
        else:
            self._answer()

    def _answer(self) -> None:
        self._answer_owed = -1
        if self.sm is not None and self._send is not None:
            self._tell(self.sm, self._send)

    def _tell(self, sm: StreamManagement, send: Callable[[bytes], None]) -> None:
        self._told = sm.handled
        send(sm.answer())

    # -- the end

    def close(self, condition: str) -> None:
        """End the stream, if there is one, and the session. Doing it twice does nothing."""
        if self.ended:
            return
        endpoint = self.endpoint
        self._door.end(self)
        if endpoint is not None:
            endpoint.end(condition)
