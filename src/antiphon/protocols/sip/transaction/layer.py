"""Matching messages to transactions, within bounds.

Source: RFC 3261 §17.1.3, §17.2.3
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence

from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.transaction.machine import (
    ClientTransaction,
    Output,
    ServerTransaction,
    Transaction,
)
from antiphon.protocols.sip.via import MAGIC_COOKIE

Key = tuple[str, ...]


def server_key(request: Request) -> Key:
    """What makes two requests the same one. ACK and the INVITE it ends share a key."""
    via = request.via
    method = "INVITE" if request.method == "ACK" else request.method
    branch = via.branch
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        return (branch, via.sent_by.lower(), method)
    # RFC 2543 peers: the whole identity of the request. The To tag of an ACK is the server's and is left out.
    return (request.uri, request.from_.tag, request.call_id, str(request.sequence), via.raw, method)


def cancelled_key(cancel: Request) -> Key:
    """The key of the INVITE that a CANCEL speaks of (§9.2)."""
    return (*server_key(cancel)[:-1], "INVITE")


class TransactionLayer:
    """All transactions of one user agent. At most `limit` at a time; beyond it `full` says to answer 503.

    It only counts: whoever serves requests asks `full` first.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self.limit = limit
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[Key, ClientTransaction] = {}
        self._heap: list[tuple[float, int, Transaction]] = []
        self._count = itertools.count()

    @property
    def full(self) -> bool:
        return len(self._servers) + len(self._clients) >= self.limit

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def deadline(self) -> float | None:
        heap = self._heap
        while heap and heap[0][2].terminated:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def server(self, request: Request) -> ServerTransaction | None:
        """The transaction this request (or ACK) belongs to."""
        return self._servers.get(server_key(request))

    def cancelled(self, cancel: Request) -> ServerTransaction | None:
        return self._servers.get(cancelled_key(cancel))

    def serve(self, request: Request, reliable: bool, now: float, trying: bytes = b"") -> ServerTransaction:
        """A new server transaction for a request that `server` did not know."""
        transaction = ServerTransaction(request, reliable, server_key(request), trying)
        self._servers[transaction.key] = transaction
        transaction.start(now)
        self._settle(transaction)
        return transaction

    def receive(self, transaction: ServerTransaction, request: Request, now: float) -> Sequence[Output]:
        out = transaction.receive(request, now)
        self._settle(transaction)
        return out

    def respond(
        self, transaction: ServerTransaction, status: int, data: bytes, now: float
    ) -> Sequence[Output]:
        out = transaction.respond(status, data, now)
        self._settle(transaction)
        return out

    def request(
        self, request: Request, reliable: bool, now: float
    ) -> tuple[ClientTransaction, Sequence[Output]]:
        """Starts a client transaction; its branch must be unique."""
        key = (request.via.branch, request.method)
        transaction = ClientTransaction(request, reliable, key)
        self._clients[key] = transaction
        out = transaction.start(now)
        self._settle(transaction)
        return transaction, out

    def answered(self, response: Response, now: float) -> tuple[ClientTransaction, Sequence[Output]] | None:
        """Gives a response to the transaction it answers; None when there is none."""
        transaction = self._clients.get((response.via.branch, response.cseq_method))
        if transaction is None:
            return None
        out = transaction.receive(response, now)
        self._settle(transaction)
        return transaction, out

    def failed(self, transaction: Transaction, now: float) -> Sequence[Output]:
        """The transport could not carry what the transaction sent."""
        out = transaction.transport_error(now)
        self._settle(transaction)
        return out

    def expire(self, now: float) -> list[tuple[Transaction, Sequence[Output]]]:
        """Fires what is due. Call again at `deadline`."""
        fired: list[tuple[Transaction, Sequence[Output]]] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            transaction = heapq.heappop(heap)[2]
            transaction.scheduled = None
            out = transaction.expire(now)
            self._settle(transaction)
            if out:
                fired.append((transaction, out))
        return fired

    def _settle(self, transaction: Transaction) -> None:
        if transaction.terminated:
            if isinstance(transaction, ServerTransaction):
                if self._servers.get(transaction.key) is transaction:
                    del self._servers[transaction.key]
            elif self._clients.get(transaction.key) is transaction:
                del self._clients[transaction.key]
            return
        deadline = transaction.deadline
        scheduled = transaction.scheduled
        # A later deadline waits for the entry that is there; it is looked at then and put back.
        if deadline is not None and (scheduled is None or deadline < scheduled):
            transaction.scheduled = deadline
            heapq.heappush(self._heap, (deadline, next(self._count), transaction))
