"""One chat connection that lasts: found, secured, signed in, and taken up again when it breaks (XEP-0198).

Stanzas that the server has not confirmed are kept; on resumption they are sent again from where the server says it is, in
a new session all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from antiphon.client.dial import dial
from antiphon.client.environment import Environment
from antiphon.client.errors import CHAT_LOST, CHAT_REFUSED, SERVER_UNREACHABLE
from antiphon.io.clock import SystemRandom
from antiphon.io.dns_client import Resolver
from antiphon.kernel.core import Flow
from antiphon.kernel.errors import DomainError
from antiphon.protocols.x509.identity import Expected
from antiphon.protocols.xmpp.channel_binding import server_end_point
from antiphon.protocols.xmpp.client import (
    Arrived,
    Connected,
    Ended,
    Given,
    Negotiation,
    Out,
    Proof,
    Ready,
    Refused,
    Secured,
    StartTls,
    Write,
)
from antiphon.protocols.xmpp.framing import TCP
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.protocols.xmpp.names import SM
from antiphon.protocols.xmpp.sm import REQUEST, StreamManagement, TooHigh, parse_h
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Nonza

log = logging.getLogger(__name__)

PORT = 5222
NEGOTIATION_TIMEOUT_S = 20.0
KEEPALIVE_S = 60.0
SILENCE_S = 20.0
"""After a question (`<r/>`) that nothing answers for so long, the connection is given up."""
_LONGEST_RETRY_S = 60.0
_MAX_UNCONFIRMED = 1000
_FINAL = frozenset({"not-authorized", "account-disabled", "credentials-expired", "invalid-mechanism"})
"""Refusals that trying again does not change."""


@dataclass(frozen=True, slots=True)
class Account:
    jid: Jid
    """Bare."""
    token: Callable[[], Awaitable[str]] | None = None
    password: str | None = None
    resource: str = ""
    """Empty: the server chooses."""
    hosts: tuple[tuple[str, int], ...] = ()
    """Where the service profile says the service is; port 0 means 5222. Without any, DNS is asked."""


class _Connection:
    """An `Endpoint`: one TCP connection and its negotiation."""

    deadline: float | None = None

    def __init__(self, stream: Stream, negotiation: Negotiation, port: int, direct: bool) -> None:
        self._stream = stream
        self._negotiation = negotiation
        self._port = port
        self._direct = direct
        self.flow: Flow | None = None
        self.gone = asyncio.Event()

    def opened(self, flow: Flow, now: float) -> None:
        self.flow = flow
        if self._direct:
            self._identified(lambda binding: Connected(True, binding))
        else:
            self._give(Connected())

    def secured(self, now: float) -> None:
        self._identified(Secured)

    def received(self, data: bytes, now: float) -> None:
        self._give(data)

    def drained(self, now: float) -> None:
        """A person types less than a socket holds."""

    def expired(self, now: float) -> None:
        """The stream keeps its own time."""

    def closed(self, now: float) -> None:
        self.gone.set()
        self._stream.connection_closed(self)

    def send(self, data: bytes) -> None:
        if self.flow is not None:
            self.flow.send(data)

    def _identified(self, then: Callable[[bytes], Given]) -> None:
        """S4-35 … S4-38: the certificate must be the domain's, whatever host was connected to."""
        assert self.flow is not None
        security = self.flow.security
        certificate = security.peer_certificate if security is not None else None
        try:
            self._stream.check_identity(certificate or b"", self._port)
        except DomainError as error:
            self._stream.negotiation_failed(error)
            self.flow.abort()
            return
        self._give(then(server_end_point(certificate or b"")))

    def _give(self, given: Given) -> None:
        for out in self._negotiation.handle(given):
            self._do(out)

    def _do(self, out: Out) -> None:
        assert self.flow is not None
        match out:
            case Write(data):
                self.flow.send(data)
            case StartTls():
                self.flow.start_tls()
            case Arrived(element):
                self._stream.arrived(element)
            case Ready():
                self._stream.ready(self, out)
            case Refused(condition, text):
                self._stream.negotiation_failed(CHAT_REFUSED.error(text or condition), condition in _FINAL)
                self.flow.close()
            case Ended(condition):
                self._stream.ended_by_server(condition)
                self.flow.close()


class Stream:
    """`start` connects; afterwards the stream comes back by itself until `close`, or until the server says never."""

    def __init__(self, account: Account, resolver: Resolver, environment: Environment) -> None:
        self.jid = account.jid
        self.mechanism = ""
        self.failure: DomainError | None = None
        """Why the stream is over for good."""
        self.fresh = False
        """A new session has begun and its user has not introduced itself yet."""
        self.on_stanza: Callable[[Stanza], None] = lambda stanza: None
        self.on_session: Callable[[bool], None] = lambda resumed: None
        self.on_lost: Callable[[], None] = lambda: None
        self._account = account
        self._resolver = resolver
        self._trust = environment.trust()
        self._random = SystemRandom()
        self._connection: _Connection | None = None
        self._negotiated: asyncio.Future[None] | None = None
        self._sm: StreamManagement | None = None
        self._heard = asyncio.Event()
        self._closing = False
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- for the chat ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Raises AP-CLIENT-020 where the service refuses, AP-CLIENT-004 where none answers, AP-CRT-020 … for TLS."""
        await self._connect()
        self._keeper = asyncio.create_task(self._keep_alive())

    async def close(self) -> None:
        self._closing = True
        tasks = [task for task in (self._keeper, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        connection = self._connection
        if connection is not None and connection.flow is not None:
            if self._sm is not None:
                # What was read here is read: without this the server keeps it for the next session (XEP-0198 §4).
                connection.send(self._sm.answer())
            connection.send(TCP.end())
            connection.flow.close()
            await connection.gone.wait()

    def break_line(self) -> None:
        """Drop the connection without a word."""
        if self._connection is not None and self._connection.flow is not None:
            self._connection.flow.abort()

    def send(self, data: bytes) -> None:
        """A stanza; kept until the server has confirmed it."""
        self._send(data, None)

    def send_confirmed(self, data: bytes) -> asyncio.Future[None]:
        """A stanza; the future is done when the server has taken responsibility for it (XEP-0198 §4)."""
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def confirmed() -> None:
            if not taken.done():
                taken.set_result(None)

        self._send(data, confirmed)
        if self._sm is None:
            confirmed()
        elif self._connection is not None:
            self._connection.send(REQUEST)
        return taken

    def spawn(self, coro: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    # --- for the connection ------------------------------------------------------------------------------------

    def check_identity(self, certificate: bytes, port: int) -> None:
        self._trust.check(certificate, Expected.for_xmpp(self._account.jid.domain), port)

    def ready(self, connection: _Connection, ready: Ready) -> None:
        self._connection = connection
        self.jid, self.mechanism = ready.jid, ready.mechanism
        resumed = ready.resumed_h is not None
        if resumed and self._sm is not None:
            self._confirm(ready.resumed_h or 0)
            for data in list(self._sm):
                connection.send(data)
        else:
            self._new_session(connection, ready)
        self.fresh = not resumed
        if self._negotiated is not None and not self._negotiated.done():
            self._negotiated.set_result(None)

    def arrived(self, element: Stanza | Nonza) -> None:
        self._heard.set()
        if isinstance(element, Stanza):
            # A client believes its own server, which vouches for the sender (RFC 6120 §8.1.2.1).
            if element.claimed and element.sender is None:
                with contextlib.suppress(MalformedJid):
                    element.sender = Jid.parse(element.claimed)
            self.on_stanza(element)
            if self._sm is not None:
                self._sm.handled = (self._sm.handled + 1) % 2**32
        elif element.ns == SM and self._sm is not None:
            if element.local == "r" and self._connection is not None:
                self._connection.send(self._sm.answer())
            elif element.local == "a":
                h = parse_h(element.attrs.get("h", ""))
                if h is not None:
                    self._confirm(h)

    def negotiation_failed(self, error: DomainError, final: bool = False) -> None:
        if final:
            self.failure = error
        if self._negotiated is not None and not self._negotiated.done():
            self._negotiated.set_exception(error)

    def ended_by_server(self, condition: str) -> None:
        log.info("stream ended by the server", extra={"code": CHAT_LOST.code, "condition": condition})
        if condition in ("conflict", "not-authorized"):
            # Another client has our address, or the sign-in was revoked: coming back would only fight.
            self.failure = CHAT_LOST.error(condition)
        self.negotiation_failed(CHAT_LOST.error(condition))

    def connection_closed(self, connection: _Connection) -> None:
        self.negotiation_failed(CHAT_LOST.error())
        if connection is self._connection:
            self._connection = None
            self._heard.set()
            self.on_lost()

    # --- within ------------------------------------------------------------------------------------------------

    def _send(self, data: bytes, taken: Callable[[], None] | None) -> None:
        if self.failure is not None:
            raise self.failure
        sm = self._sm
        if sm is not None:
            if sm.unacked >= _MAX_UNCONFIRMED:
                raise CHAT_LOST.error("too much waits for the server")
            sm.push(data, taken)
        if self._connection is not None:
            self._connection.send(data)
        elif sm is None:
            raise CHAT_LOST.error()

    def _new_session(self, connection: _Connection, ready: Ready) -> None:
        old, self._sm = self._sm, StreamManagement(ready.sm_id) if ready.sm else None
        if old is None:
            return
        if ready.lost_h is not None:
            try:
                old.confirm(ready.lost_h)
            except TooHigh:
                pass  # the server forgot more than it says; everything is sent again
        for data, taken in old.take_all():
            # Presence and questions of the old session mean nothing in the new one.
            if data.startswith(b"<message"):
                self._connection = connection
                self._send(data, taken)

    def _confirm(self, h: int) -> None:
        assert self._sm is not None
        try:
            self._sm.confirm(h)
        except TooHigh as error:
            if self._connection is not None:
                self._connection.send(TCP.error("undefined-condition", "", error.extra()) + TCP.end())
                assert self._connection.flow is not None
                self._connection.flow.close()

    async def _connect(self) -> None:
        failure: DomainError | None = None
        for host, port, direct in await self._places():
            try:
                async with asyncio.timeout(NEGOTIATION_TIMEOUT_S):
                    await self._connect_to(host, port, direct)
                return
            except TimeoutError:
                failure = failure or SERVER_UNREACHABLE.error(f"{host}:{port}: no answer in time")
            except DomainError as error:
                failure = failure or error
                if self.failure is not None:
                    break
        raise failure or SERVER_UNREACHABLE.error(self._account.jid.domain)

    async def _connect_to(self, host: str, port: int, direct: bool) -> None:
        account = self._account
        token = await account.token() if account.token is not None else ""
        resume = (self._sm.id, self._sm.handled) if self._sm is not None and self._sm.id else None
        negotiation = Negotiation(
            self.jid if resume else account.jid,
            Proof(token, account.password),
            self._random,
            resource=account.resource,
            resume=resume,
        )
        self._negotiated = asyncio.get_running_loop().create_future()
        connection = _Connection(self, negotiation, port, direct)
        context = self._trust.context(Expected.for_xmpp(account.jid.domain), port, self._alpn(direct))
        try:
            # TLS asks for the domain, which is what the certificate is to be for (RFC 6120 §13.7.1.2).
            name = account.jid.domain
            await dial(
                self._resolver, host, port, connection, context=context, tls_now=direct, server_name=name
            )
            await self._negotiated
        except BaseException:
            if self._negotiated.done() and not self._negotiated.cancelled():
                self._negotiated.exception()
            if connection.flow is not None:
                connection.flow.abort()
                await connection.gone.wait()
            raise
        self.on_session(not self.fresh)

    @staticmethod
    def _alpn(direct: bool) -> tuple[str, ...]:
        return ("xmpp-client",) if direct else ()

    async def _places(self) -> list[tuple[str, int, bool]]:
        """Host, port, and whether TLS comes first: the service profile's, else DNS (RFC 6120 §3.2, XEP-0368)."""
        if self._account.hosts:
            return [(host, port or PORT, False) for host, port in self._account.hosts]
        domain = self._account.jid.domain
        starttls = await self._resolver.srv(f"_xmpp-client._tcp.{domain}")
        direct = await self._resolver.srv(f"_xmpps-client._tcp.{domain}")
        found = [(record.target, record.port, False) for record in starttls.records]
        found += [(record.target, record.port, True) for record in direct.records]
        return found or [(domain, PORT, False)]

    async def _keep_alive(self) -> None:
        while self.failure is None:
            if self._connection is None:
                await self._come_back()
                continue
            self._heard.clear()
            try:
                # Not wait_for: until Python 3.12 it loses a cancellation that comes together with the event.
                async with asyncio.timeout(KEEPALIVE_S):
                    await self._heard.wait()
            except TimeoutError:
                await self._probe()

    async def _probe(self) -> None:
        """Nothing has come for a while: is anybody there?"""
        connection = self._connection
        if connection is None or self._sm is None:
            if connection is not None:
                connection.send(b" ")  # RFC 6120 §4.6.1
            return
        connection.send(REQUEST)
        try:
            async with asyncio.timeout(SILENCE_S):
                await self._heard.wait()
        except TimeoutError:
            if connection.flow is not None:
                connection.flow.abort()
                await connection.gone.wait()

    async def _come_back(self) -> None:
        pause_s = 1.0
        while self.failure is None and self._connection is None:
            await asyncio.sleep(self._random.uniform(0.0, pause_s))
            try:
                await self._connect()
            except DomainError as error:
                log.info("chat service not reached", extra={"code": error.code})
                if error.code == "AP-CLIENT-003":
                    self.failure = error
                pause_s = min(pause_s * 2, _LONGEST_RETRY_S)
        if self.failure is not None:
            self.on_lost()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, DomainError):
            log.error("chat task failed", exc_info=error, extra={"code": CHAT_LOST.code})
