"""The SIP door: it takes messages from every listener to what serves them.

Source: RFC 3261 §8.2, §18.2
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from antiphon.interfaces.sip import errors
from antiphon.interfaces.sip.answering import Answering
from antiphon.interfaces.sip.authentication import Authenticator, Refusal
from antiphon.interfaces.sip.board import Board
from antiphon.interfaces.sip.in_dialog import InDialog
from antiphon.interfaces.sip.inbound import Inbound
from antiphon.interfaces.sip.leg import Leg
from antiphon.interfaces.sip.outbound import Outbound
from antiphon.interfaces.sip.peer import Peer
from antiphon.interfaces.sip.ports import Calls, Credentials, Directory, Edges, NoEdges, Registrar, Tokens
from antiphon.interfaces.sip.register import Registration
from antiphon.interfaces.sip.replies import ACCEPT, ALLOW, SUPPORTED, reply
from antiphon.interfaces.sip.screening import required
from antiphon.interfaces.sip.transactions import Transactions
from antiphon.interfaces.sip.transfers import Transfers
from antiphon.kernel.core import Address
from antiphon.kernel.random import Random
from antiphon.kernel.time import Timers
from antiphon.protocols.sip.check import acceptable, fault
from antiphon.protocols.sip.digest import Nonces
from antiphon.protocols.sip.message import Rejected, Request, Response
from antiphon.protocols.sip.parse import METHODS
from antiphon.protocols.x509.names import server_names
from antiphon.services.call.legs import (
    Answer,
    AnswerReoffer,
    End,
    LegCommand,
    Originate,
    Progress,
    Refuse,
    RefuseReoffer,
    Reoffer,
    TransferResult,
)
from antiphon.services.registrar.events import Reason

log = logging.getLogger(__name__)

CAPABILITIES = f"Allow: {ALLOW}\r\nAccept: {ACCEPT}\r\nSupported: {SUPPORTED}\r\n"
MAX_LOGGED_NAMES, MAX_LOGGED = 10, 400
"""Of a certificate that is refused: names, and characters of them."""
_REFUSED = {
    "SUBSCRIBE": 489,
    "PUBLISH": 489,
    "NOTIFY": 481,
    "BYE": 481,
    "UPDATE": 481,
    "INFO": 481,
    "PRACK": 481,
}
"""Methods that mean something here only within a dialog, or for an event package that nobody serves."""


class SipDoor:
    """One for a node: the endpoints of all its SIP listeners share it."""

    def __init__(
        self,
        *,
        registrar: Registrar,
        calls: Calls,
        directory: Directory,
        credentials: Credentials,
        tokens: Tokens,
        timers: Timers,
        random: Random,
        domain: str,
        edges: Edges | None = None,
        max_transactions: int = 100_000,
    ) -> None:
        self._edges: Edges = edges or NoEdges()
        self._registrar = registrar
        self._directory = directory
        self._tag = random.token(6)
        self._udp: Callable[[Address], Peer] | None = None
        self._peers: set[Peer] = set()
        authenticator = Authenticator(directory, credentials, tokens, Nonces(random.raw(32)))
        self._registration = Registration(registrar, authenticator, timers, random)
        self._transactions = Transactions(timers, random, max_transactions)
        self._board = Board(calls, registrar, self._transactions, timers, random, domain, self._udp_peer)
        self._answering = Answering(self._board)
        self._transfers = Transfers(self._board)
        self._inbound = Inbound(self._board, authenticator, self._answering, self._tag)
        self._outbound = Outbound(self._board, self._answering)
        self._in_dialog = InDialog(self._board, self._answering, self._transfers, self._tag)
        self._board.execute = self._execute

    @property
    def legs(self) -> int:
        return len(self._board.legs)

    @property
    def transactions(self) -> int:
        return len(self._transactions)

    # Messages

    def received(self, message: Request | Response, peer: Peer, now: float) -> bool:
        """Serve one message. False when it was not acceptable; never raises."""
        try:
            if isinstance(message, Request):
                rejected = fault(message)
                if rejected is not None:
                    self.rejected(rejected, peer)
                    return False
                self._request(message, peer, now)
                return True
            if not acceptable(message):
                peer.errors += 1
                return False
            # A response that nobody waits for is dropped: a stray, or one of RFC 4475's broadcasts.
            self._transactions.answered(message)
            return True
        except Exception:
            # A fault of ours on one message loses that message and nothing else.
            log.exception(
                errors.SERVING_FAILED.what,
                extra={"code": errors.SERVING_FAILED.code, "peer": str(peer.address)},
            )
            return False

    def refreshed(self, data: bytes, peer: Peer, now: float) -> bool:
        """Was this the prepared refresh of a registration? Then it has been served."""
        try:
            return self._registration.refresh(data, peer, now)
        except Exception:
            log.exception(
                errors.SERVING_FAILED.what,
                extra={"code": errors.SERVING_FAILED.code, "peer": str(peer.address)},
            )
            peer.lanes.clear()
            return False

    def rejected(self, rejected: Rejected, peer: Peer) -> None:
        """Answer what could not be read, when there is somebody to answer."""
        peer.errors += 1
        if peer.errors & (peer.errors - 1) == 0:  # 1, 2, 4, 8 …: a flood does not flood the log
            log.info(
                errors.MALFORMED.what,
                extra={
                    "code": errors.MALFORMED.code,
                    "peer": str(peer.address),
                    "why": rejected.what[:100],
                    "errors": peer.errors,
                },
            )
        request = rejected.answerable
        if request is not None:
            peer.send(reply(request, peer, rejected.status, self._tag))

    def _request(self, request: Request, peer: Peer, now: float) -> None:
        method = request.method
        if method == "REGISTER":
            self._registration.serve(request, peer, now)
        elif method == "OPTIONS":
            self._options(request, peer)
        elif method == "CANCEL":
            self._inbound.cancel(request, peer)
        elif self._transactions.repeated(request, peer):
            return
        elif method == "ACK":
            self._in_dialog.ack(request)
        elif self._transactions.full:
            log.warning(errors.OVERLOADED.what, extra={"code": errors.OVERLOADED.code})
            peer.send(reply(request, peer, 503, self._tag, "Retry-After: 5\r\n"))
        elif request.to.tag:
            self._in_dialog.serve(request, peer)
        elif method == "INVITE":
            self._inbound.invite(request, peer, now)
        elif method == "REFER":
            self._remote_control(request, peer, now)
        else:
            status = _REFUSED.get(method) or (405 if method in METHODS else 501)
            peer.send(reply(request, peer, status, self._tag, f"Allow: {ALLOW}\r\n"))

    def _options(self, request: Request, peer: Peer) -> None:
        """Stateless: the same question gets the same answer (§11)."""
        refusal = required(request)
        if refusal is not None:
            peer.send(reply(request, peer, refusal.status, self._tag, refusal.headers))
        else:
            peer.send(reply(request, peer, 200, self._tag, CAPABILITIES))

    def _remote_control(self, request: Request, peer: Peer, now: float) -> None:
        """REFER outside a call: alarms and status reports of phones are taken note of; others are not served."""
        caller = self._inbound.caller(request, peer, now)
        if isinstance(caller, Refusal):
            peer.send(reply(request, peer, caller.status, self._tag, caller.headers))
            return
        to_urn = [address for address in request.addresses("Refer-To") if address.uri[:4].lower() == "urn:"]
        status = 202 if to_urn or request.content_type.startswith("application/x-cisco-") else 403
        peer.send(reply(request, peer, status, self._tag, "Refer-Sub: false\r\n" if status == 202 else ""))

    # Connections

    def datagrams(self, peer: Callable[[Address], Peer]) -> None:
        """A UDP socket that registrations restored after a restart are reached through; the first one counts."""
        if self._udp is None:
            self._udp = peer

    def _udp_peer(self, address: Address) -> Peer | None:
        return None if self._udp is None else self._udp(address)

    def connected(self, peer: Peer) -> None:
        self._peers.add(peer)

    def admits_edge(self, certificate: bytes, address: Address) -> bool:
        """S3-43: whoever comes to the mutual-TLS port must be in the list of edge nodes."""
        if certificate and self._edges.allowed(certificate):
            return True
        names = ", ".join(server_names(certificate)[:MAX_LOGGED_NAMES])[:MAX_LOGGED]
        extra = {"code": errors.EDGE_UNKNOWN.code, "peer": str(address), "names": names}
        log.warning(errors.EDGE_UNKNOWN.what, extra=extra)
        return False

    def edges_changed(self) -> None:
        """The list of edge nodes has changed: who does not stand in it any more is cut off now."""
        for peer in tuple(self._peers):
            if peer.listener.edge and not self.admits_edge(peer.certificate, peer.address):
                self.lost(peer)
                peer.close()

    def lost(self, peer: Peer) -> None:
        """A connection is gone: its bindings go, what rings over it fails, calls wait for their device to return."""
        peer.alive = False
        self._peers.discard(peer)
        peer.trusted.clear()
        self._registrar.remove_flow(peer)
        waiting, peer.waiting = peer.waiting, {}
        for told in waiting.values():
            told()

    def revoke(self, userid: str) -> None:
        """A user was disabled, or all their sign-ins were revoked: bindings and connections end now."""
        for line in self._directory.lines_of(userid):
            self._registrar.remove(line.number, None, Reason.REJECTED)
        for peer in tuple(self._peers):
            ended = list(peer.trusts_of(userid))
            for trust in ended:
                peer.distrust(trust.caller)
            # An edge node carries many users over one connection; the others keep theirs.
            if ended and not peer.trusted:
                peer.close()

    def revoke_session(self, userid: str, session_id: str) -> None:
        """One sign-in has ended: what was registered with its tokens ends now, the user's other phones go on."""
        for peer in tuple(self._peers):
            ended = [trust.caller for trust in peer.trusts_of(userid) if trust.session_id == session_id]
            for caller in ended:
                peer.distrust(caller)
                self._registrar.remove(caller.number, caller.device, Reason.REJECTED)
            if ended and not peer.trusted:
                peer.close()

    # Commands of the call service

    def _execute(self, command: LegCommand) -> None:
        if isinstance(command, Originate):
            self._outbound.originate(command)
            return
        leg = self._board.legs.get(command.leg)
        if leg is None:
            return
        if isinstance(command, Progress):
            self._inbound.progress(leg, command)
        elif isinstance(command, Answer):
            self._inbound.answer(leg, command)
        elif isinstance(command, Refuse):
            self._inbound.refuse(leg, command)
        elif isinstance(command, Reoffer):
            self._in_dialog.reoffer(leg, command)
        elif isinstance(command, AnswerReoffer):
            self._in_dialog.answer(leg, command)
        elif isinstance(command, RefuseReoffer):
            self._in_dialog.refuse(leg, command)
        elif isinstance(command, TransferResult):
            self._transfers.result(leg, command)
        else:
            self._end(leg, command)

    def _end(self, leg: Leg, command: End) -> None:
        if leg.invite is not None:
            self._inbound.refuse(leg, Refuse(leg.id, command.cause))
        elif leg.forks and leg.winner is None:
            self._outbound.give_up(leg, command.cause)
        else:
            if leg.owed_ack is not None and leg.dialog is not None and leg.peer is not None:
                # An offer that came in a 2xx still wants its ACK before the BYE.
                self._board.acknowledge(leg, leg.dialog, leg.owed_ack, leg.peer)
                leg.owed_ack = None
            self._answering.hang_up(leg, command.cause)
