"""Messages for users who are not there. Source: XEP-0160; stamps of XEP-0203, ids of XEP-0359.

A message is stored before it counts as handled, delivered in order when a resource with a priority that is not negative
comes, and deleted when that resource has taken it. While stored messages are on their way to a resource, new ones to the
bare JID queue behind them in the store, so that the order holds. What a resource was handed but never confirmed stays
stored and is delivered again with the same stanza-id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Timers
from antiphon.protocols.xmpp.element import attribute_value
from antiphon.services.messaging.account import Account, Bound, Drain
from antiphon.services.messaging.commits import GroupCommit, Write
from antiphon.services.messaging.config import MessagingLimits
from antiphon.services.messaging.errors import NOT_DELIVERED
from antiphon.services.messaging.store import MessagingStore, offline_messages

log = logging.getLogger(__name__)

WINDOW = 100
"""Messages handed to a session and not confirmed; more are sent when half of them are."""
WINDOW_BYTES = 256 * 1024
"""The same in bytes, well below what a session may have unconfirmed."""

FULL = ("service-unavailable", "Too many messages wait for this user.")
NOT_KEPT = ("internal-server-error", "The message could not be stored.")
"""The answers to senders whose message cannot be stored: condition and text."""


class Offline:
    """The queue of each account; how much is in it is known in memory."""

    def __init__(
        self,
        store: MessagingStore,
        commits: GroupCommit,
        timers: Timers,
        tasks: Tasks,
        limits: MessagingLimits,
        domain: str,
    ) -> None:
        self._store = store
        self._commits = commits
        self._timers = timers
        self._tasks = tasks
        self._limits = limits
        self._domain = attribute_value(domain)

    def keep(self, account: Account, data: bytes, refused: Callable[[], None]) -> Write | None:
        """Store a message that has its `from`. None when the queue is full; `refused` is called if the store fails."""

        def failed() -> None:
            account.stored -= 1
            account.stored_bytes -= len(data)
            refused()

        at, sequence = self.number(account)
        return self.write(account, sequence, at, data, failed)

    def number(self, account: Account) -> tuple[float, int]:
        """Now (wall seconds), and the sequence number of the next message, which is its stanza-id too."""
        at = self._timers.wall()
        # Ordered like time, unique within the account even when the clock stands still or steps back.
        account.sequence = sequence = max(account.sequence + 1, int(at * 1_000_000))
        return at, sequence

    def write(
        self, account: Account, sequence: int, at: float, data: bytes, failed: Callable[[], None]
    ) -> Write | None:
        """Store a message under its number. None when the queue is full; `failed` takes it out of the count again."""
        size = len(data)
        limits = self._limits
        if account.stored >= limits.offline_messages or account.stored_bytes + size > limits.offline_bytes:
            return None
        account.stored += 1
        account.stored_bytes += size
        return self._commits.put(
            offline_messages,
            (account.userid, sequence),
            {"received_at": at, "stanza": data},
            on_failure=failed,
            fresh=True,
        )

    def taken(self, account: Account, sequence: int, size: int) -> bool:
        """A session has confirmed a stored message: it is deleted. False when that is not up to this session any more."""
        if account.in_flight.pop(sequence, None) is None:
            return False
        account.stored -= 1
        account.stored_bytes -= size
        self._commits.remove(offline_messages, (account.userid, sequence))
        return True

    def marked(self, account: Account, sequence: int, data: bytes, delay: bytes = b"") -> bytes:
        """With its stanza-id, and what else the server says of it."""
        end = data.rindex(b"</")
        return b"%b%b<stanza-id xmlns='urn:xmpp:sid:0' by='%b' id='%d'/>%b" % (
            data[:end],
            delay,
            account.address,
            sequence,
            data[end:],
        )

    def drain(self, bound: Bound) -> None:
        """Deliver what waits, if anything does. Live messages to the bare JID are kept back until then."""
        if bound.drain is None and _waiting(bound.account):
            bound.drain = Drain()
            bound.account.refresh()
            self._go_on(bound, bound.drain)

    def left(self, bound: Bound) -> None:
        """The session is gone: what it has not confirmed is for the next one."""
        account = bound.account
        bound.drain = None
        for sequence in [s for s, holder in account.in_flight.items() if holder is bound]:
            del account.in_flight[sequence]
        account.refresh()
        for other in account.available:
            if other.priority >= 0:
                if other.drain is not None:
                    other.drain.again = True
                self.drain(other)
                break

    def _go_on(self, bound: Bound, drain: Drain) -> None:
        if not drain.busy:
            drain.busy = True
            self._tasks.spawn(self._fill(bound, drain), "messaging: deliver offline messages")

    async def _fill(self, bound: Bound, drain: Drain) -> None:
        """Hand over until nothing waits, or until so much is unconfirmed that more would only fill the session's queue."""
        account = bound.account
        try:
            while bound.drain is drain and _receives(bound) and _waiting(account):
                # What was accepted a moment ago is still on its way to the store.
                await self._commits.settled()
                page = await self._store.offline_page(account.userid, drain.after, WINDOW - drain.outstanding)
                for sequence, at, stanza in page:
                    if bound.drain is not drain or not _receives(bound) or _full(drain):
                        break
                    drain.after = sequence
                    if sequence not in account.in_flight:
                        self._hand_over(bound, drain, sequence, at, stanza)
                if _full(drain):
                    return
                if not page:
                    if not drain.again:
                        break
                    drain.again, drain.after = False, 0
            self._done(bound, drain)
        except Exception:
            # They stay stored and are tried again when the next resource comes.
            log.exception(
                "offline messages not delivered", extra={"code": NOT_DELIVERED.code, "userid": account.userid}
            )
            self._done(bound, drain)
        finally:
            drain.busy = False

    def _done(self, bound: Bound, drain: Drain) -> None:
        if bound.drain is drain:
            bound.drain = None
            bound.account.refresh()

    def _hand_over(self, bound: Bound, drain: Drain, sequence: int, at: float, stanza: bytes) -> None:
        account = bound.account
        account.in_flight[sequence] = bound
        drain.outstanding += 1
        drain.outstanding_bytes += len(stanza)

        def taken() -> None:
            if not self.taken(account, sequence, len(stanza)):
                return
            drain.outstanding -= 1
            drain.outstanding_bytes -= len(stanza)
            if bound.drain is drain and _half_empty(drain):
                self._go_on(bound, drain)

        delay = b"<delay xmlns='urn:xmpp:delay' from='%b' stamp='%b'/>" % (
            self._domain,
            timestamp(at).encode(),
        )
        bound.hand_over(self.marked(account, sequence, stanza, delay), taken)


def timestamp(wall: float) -> str:
    """Source: XEP-0082 §3.2."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _receives(bound: Bound) -> bool:
    return (
        bound.account.sessions.get(bound.resource) is bound and bound.tail is not None and bound.priority >= 0
    )


def _waiting(account: Account) -> bool:
    return account.stored > len(account.in_flight)


def _full(drain: Drain) -> bool:
    return drain.outstanding >= WINDOW or drain.outstanding_bytes >= WINDOW_BYTES


def _half_empty(drain: Drain) -> bool:
    return drain.outstanding <= WINDOW // 2 and drain.outstanding_bytes <= WINDOW_BYTES // 2
