"""The transaction layer on real peers: it sends what transactions say and keeps one timer for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from antiphon.interfaces.sip.peer import Peer
from antiphon.interfaces.sip.replies import reply
from antiphon.kernel.random import Random
from antiphon.kernel.time import Cancel, Timers
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.transaction import (
    ClientTransaction,
    ServerTransaction,
    TimedOut,
    Transaction,
    TransactionLayer,
    TransportFailed,
)
from antiphon.protocols.sip.via import MAGIC_COOKIE

Heard = Request | Response | TimedOut | TransportFailed
OnHeard = Callable[[Heard], None]


class User:
    """Who uses a transaction: the peer it speaks with, and who hears what it hears."""

    __slots__ = ("heard", "peer", "subject")

    def __init__(self, peer: Peer, heard: OnHeard | None, subject: object = None) -> None:
        self.peer = peer
        self.heard = heard
        self.subject = subject
        """The leg of a server transaction; what CANCEL finds."""


class Transactions:
    """Client and server transactions of the door."""

    def __init__(self, timers: Timers, random: Random, limit: int) -> None:
        self._timers = timers
        self._random = random
        self._layer = TransactionLayer(limit)
        self._armed: Cancel | None = None
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._layer)

    @property
    def full(self) -> bool:
        return self._layer.full

    def via(self, peer: Peer) -> str:
        """A Via of ours with a branch that nobody can guess."""
        return f"{peer.listener.via};branch={MAGIC_COOKIE}{self._random.token(12)};rport"

    def repeated(self, request: Request, peer: Peer) -> bool:
        """Is this a request that is being served, or the ACK of a refusal? Then it has been dealt with."""
        transaction = self._layer.server(request)
        if transaction is None:
            return False
        if request.method == "ACK" and transaction.request.method != "INVITE":
            return False
        outputs = self._layer.receive(transaction, request, self._timers.now())
        self._perform(transaction, outputs)
        self._arm()
        return True

    def serve(
        self, request: Request, peer: Peer, subject: object = None, acked: OnHeard | None = None
    ) -> ServerTransaction:
        trying = b"" if request.method == "INVITE" else reply(request, peer, 100)
        transaction = self._layer.serve(request, peer.reliable, self._timers.now(), trying)
        transaction.user = User(peer, acked, subject)
        self._arm()
        return transaction

    def respond(self, transaction: ServerTransaction, status: int, data: bytes) -> None:
        self._perform(transaction, self._layer.respond(transaction, status, data, self._timers.now()))
        self._arm()

    def cancelled(self, cancel: Request, peer: Peer) -> ServerTransaction | None:
        """The INVITE transaction a CANCEL speaks of; only its own sender may."""
        transaction = self._layer.cancelled(cancel)
        if transaction is None or user_of(transaction).peer is not peer:
            return None
        return transaction

    def request(self, request: Request, peer: Peer, heard: OnHeard | None) -> ClientTransaction:
        transaction, outputs = self._layer.request(request, peer.reliable, self._timers.now())
        transaction.user = User(peer, heard)
        self._perform(transaction, outputs)
        self._arm()
        return transaction

    def answered(self, response: Response) -> bool:
        found = self._layer.answered(response, self._timers.now())
        if found is None:
            return False
        self._perform(*found)
        self._arm()
        return True

    def fail(self, transaction: Transaction) -> None:
        """Its connection is gone."""
        self._perform(transaction, self._layer.failed(transaction, self._timers.now()))

    def _perform(self, transaction: Transaction, outputs: Sequence[bytes | Heard]) -> None:
        if not outputs:
            return
        user = user_of(transaction)
        for output in outputs:
            if isinstance(output, bytes):
                user.peer.send(output)
            elif user.heard is not None:
                user.heard(output)

    def _arm(self) -> None:
        due = self._layer.deadline
        if due is None or (self._armed is not None and self._due <= due):
            return
        if self._armed is not None:
            self._armed.cancel()
        self._due = due
        self._armed = self._timers.at(due, self._expired)

    def _expired(self) -> None:
        self._armed = None
        for transaction, outputs in self._layer.expire(self._timers.now()):
            self._perform(transaction, outputs)
        self._arm()


def user_of(transaction: Transaction) -> User:
    user = transaction.user
    assert isinstance(user, User)
    return user
