"""A user agent over one flow: requests out with their responses, requests in with their transactions.

Source: RFC 3261 §8, §17, §18; RFC 5626 §4.4.1 (keep-alive).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from antiphon.client.errors import PHONE_LOST
from antiphon.kernel.core import Address
from antiphon.kernel.random import Random
from antiphon.kernel.time import Cancel, Timers
from antiphon.protocols.sip.build import response as build_response
from antiphon.protocols.sip.framing import PONG, Frame, Framer, Ping
from antiphon.protocols.sip.message import Rejected, Request, Response
from antiphon.protocols.sip.parse import parse_datagram
from antiphon.protocols.sip.transaction.layer import TransactionLayer
from antiphon.protocols.sip.transaction.machine import (
    ClientTransaction,
    Output,
    ServerTransaction,
    Transaction,
)

log = logging.getLogger(__name__)

PING = b"\r\n\r\n"
_MAX_TRANSACTIONS = 1000


class Carrier(Protocol):
    """What takes the agent's bytes to the server."""

    @property
    def transport(self) -> str:
        """`UDP`, `TCP` or `TLS`."""
        ...

    @property
    def local(self) -> Address: ...

    @property
    def peer(self) -> Address: ...

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class AgentUser(Protocol):
    """Who serves the requests that come in."""

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        """A new request; the user answers it with `Agent.respond`, now or later."""
        ...

    def acknowledged(self, request: Request) -> None:
        """The ACK of a 2xx."""
        ...

    def cancelled(self, transaction: ServerTransaction) -> None:
        """The caller has given up before an answer; the CANCEL itself is answered."""
        ...

    def lost(self) -> None:
        """The flow is gone."""
        ...


class Exchange:
    """One request sent and what came back."""

    def __init__(self, request: Request, heard: Callable[[Response], None] | None) -> None:
        self.request = request
        self.transaction: ClientTransaction | None = None
        self.provisional = False
        """A 1xx has come, so a CANCEL may go out (RFC 3261 §9.1)."""
        self.cancelled = False
        self.final: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        """The final response; None where none came."""
        self._heard = heard

    def hear(self, response: Response) -> None:
        if response.status >= 200 and not self.final.done():
            self.final.set_result(response)
            return
        self.provisional = True
        # Provisional responses, and 2xx that come again or from another branch.
        if self._heard is not None:
            self._heard(response)

    def fail(self) -> None:
        if not self.final.done():
            self.final.set_result(None)


class Agent:
    """One SIP user agent. `attach` gives it its flow; a new flow may take the place of a lost one."""

    def __init__(self, user: AgentUser, random: Random, timers: Timers) -> None:
        self._user = user
        self._random = random
        self._timers = timers
        self._layer = TransactionLayer(_MAX_TRANSACTIONS)
        self._carrier: Carrier | None = None
        self._framer = Framer()
        self._timer: Cancel | None = None
        self._timer_at = 0.0
        self._open: set[Exchange] = set()
        self._pong: asyncio.Future[None] | None = None

    # --- the flow ----------------------------------------------------------------------------------------------

    def attach(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._framer = Framer()

    @property
    def carrier(self) -> Carrier:
        """Raises AP-CLIENT-036 where there is no flow."""
        if self._carrier is None:
            raise PHONE_LOST.error()
        return self._carrier

    @property
    def connected(self) -> bool:
        return self._carrier is not None

    def received(self, data: bytes) -> None:
        """From a stream, in any chunking."""
        for frame in self._framer.feed(data):
            self._frame(frame)
        if self._framer.broken and self._carrier is not None:
            log.warning("server's stream not understood", extra={"code": "AP-CLIENT-006"})
            self._carrier.close()

    def received_datagram(self, data: bytes) -> None:
        if not data.strip(b"\r\n"):
            self._ponged()
            return
        message = parse_datagram(data)
        if message is not None:
            self._frame(message)

    def closed(self, carrier: Carrier) -> None:
        """The flow is gone: nothing that is under way will be answered."""
        if carrier is not self._carrier:
            return  # one that was replaced already
        self._carrier = None
        for exchange in tuple(self._open):
            exchange.fail()
        self._open.clear()
        self._ponged()
        self._user.lost()

    async def ping(self, timeout_s: float) -> bool:
        """Is the flow alive? The peer answers a double CRLF with a single one (RFC 5626 §4.4.1)."""
        if self._carrier is None:
            return False
        self._pong = asyncio.get_running_loop().create_future()
        self._carrier.send(PING)
        try:
            async with asyncio.timeout(timeout_s):
                await self._pong
        except TimeoutError:
            return False
        return self._carrier is not None

    # --- requests out ------------------------------------------------------------------------------------------

    def via(self) -> str:
        """A Via value with a fresh branch."""
        carrier = self.carrier
        branch = f"z9hG4bK{self._random.token(12)}"
        return f"SIP/2.0/{carrier.transport} {carrier.local};branch={branch};rport"

    def start(self, request: Request, heard: Callable[[Response], None] | None = None) -> Exchange:
        """Send a request in a transaction of its own. `heard` gets what is not the first final response."""
        exchange = Exchange(request, heard)
        reliable = self.carrier.transport != "UDP"
        transaction, out = self._layer.request(request, reliable, self._timers.now())
        transaction.user = exchange
        exchange.transaction = transaction
        self._open.add(exchange)
        exchange.final.add_done_callback(lambda _: self._open.discard(exchange))
        self._carry_out(transaction, out)
        self._arm()
        return exchange

    def send(self, request: Request) -> None:
        """Outside any transaction: the ACK of a 2xx."""
        if self._carrier is not None:
            self._carrier.send(request.to_bytes())

    # --- responses out -----------------------------------------------------------------------------------------

    def respond(
        self,
        transaction: ServerTransaction,
        status: int,
        to_tag: str = "",
        headers: str = "",
        body: bytes = b"",
    ) -> bytes:
        """`headers` are complete lines. Returns the bytes, which a 2xx to INVITE is repeated as."""
        if self._carrier is None:
            return b""
        peer = self._carrier.peer
        data = build_response(transaction.request, status, (peer.host, peer.port), to_tag, headers, body)
        out = self._layer.respond(transaction, status, data, self._timers.now())
        self._carry_out(transaction, out)
        self._arm()
        return data

    def resend(self, data: bytes) -> None:
        """A 2xx whose ACK has not come; the user repeats it, the transaction does not (RFC 6026 §7.1)."""
        if self._carrier is not None:
            self._carrier.send(data)

    # --- what comes in -----------------------------------------------------------------------------------------

    def _frame(self, frame: Frame) -> None:
        if isinstance(frame, Response):
            answered = self._layer.answered(frame, self._timers.now())
            if answered is not None:
                self._carry_out(*answered)
        elif isinstance(frame, Request):
            self._request(frame)
        elif isinstance(frame, Ping):
            if self._carrier is not None:
                self._carrier.send(PONG)
        elif isinstance(frame, Rejected):
            self._rejected(frame)
        self._ponged()
        self._arm()

    def _request(self, request: Request) -> None:
        now = self._timers.now()
        known = self._layer.server(request)
        if known is not None:
            self._carry_out(known, self._layer.receive(known, request, now))
            return
        if request.method == "ACK":
            self._user.acknowledged(request)
            return
        if self._layer.full:
            return
        carrier = self.carrier
        transaction = self._layer.serve(request, carrier.transport != "UDP", now)
        if request.method == "CANCEL":
            invite = self._layer.cancelled(request)
            self.respond(transaction, 200 if invite is not None else 481)
            if invite is not None and not invite.answered:
                self._user.cancelled(invite)
            return
        self._user.request(request, transaction)

    def _rejected(self, rejected: Rejected) -> None:
        request = rejected.answerable
        log.info("request refused", extra={"code": "AP-CLIENT-006", "status": rejected.status})
        if request is not None and self._carrier is not None:
            peer = self._carrier.peer
            self._carrier.send(build_response(request, rejected.status, (peer.host, peer.port)))

    def _ponged(self) -> None:
        # Whatever comes in proves that the flow is alive.
        if self._pong is not None and not self._pong.done():
            self._pong.set_result(None)

    def _carry_out(self, transaction: Transaction, outputs: Sequence[Output]) -> None:
        exchange = transaction.user
        for output in outputs:
            if isinstance(output, bytes):
                if self._carrier is not None:
                    self._carrier.send(output)
            elif isinstance(output, Response) and isinstance(exchange, Exchange):
                exchange.hear(output)
            elif isinstance(exchange, Exchange) and not isinstance(output, Request | Response):
                exchange.fail()

    def _arm(self) -> None:
        deadline = self._layer.deadline
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._timers.at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        for transaction, outputs in self._layer.expire(self._timers.now()):
            self._carry_out(transaction, outputs)
        self._arm()

    def stop(self) -> None:
        """No timer is left behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
