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
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.commits import GroupCommit, Write
from antiphon.services.messaging.config import MessagingLimits
from antiphon.services.messaging.store import MessagingStore, offline_messages

log = logging.getLogger(__name__)

PAGE = 100


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
        if account.stored >= self._limits.offline_messages:
            return None
        at = self._timers.wall()
        # Ordered like time, unique within the account even when the clock stands still or steps back.
        account.sequence = max(account.sequence + 1, int(at * 1_000_000))
        account.stored += 1

        def failed() -> None:
            account.stored -= 1
            refused()

        return self._commits.put(
            offline_messages,
            (account.userid, account.sequence),
            {"received_at": at, "stanza": data},
            on_failure=failed,
            fresh=True,
        )

    def drain(self, bound: Bound) -> None:
        """Deliver what waits, if anything does. Live messages to the bare JID are kept back until then."""
        if bound.account.stored > len(bound.account.in_flight) and not bound.draining:
            bound.draining = True
            bound.account.refresh()
            self._tasks.spawn(self._drain(bound), "messaging: deliver offline messages")

    def left(self, bound: Bound) -> None:
        """The session is gone: what it has not confirmed is for the next one."""
        account = bound.account
        for sequence in [s for s, holder in account.in_flight.items() if holder is bound]:
            del account.in_flight[sequence]
        if account.receiving:
            self.drain(account.receiving[0])

    async def _drain(self, bound: Bound) -> None:
        account, after = bound.account, 0
        try:
            while _receives(bound) and account.stored > len(account.in_flight):
                # What was accepted a moment ago is still on its way to the store.
                await self._commits.settled()
                page = await self._store.offline_page(account.userid, after, PAGE)
                for sequence, at, stanza in page:
                    after = sequence
                    if not _receives(bound):
                        break
                    if sequence not in account.in_flight:
                        self._hand_over(bound, sequence, at, stanza)
                if not page:
                    break
        except Exception:
            # They stay stored and are tried again when the next resource comes.
            log.exception(
                "offline messages not delivered", extra={"code": "AP-IM-007", "userid": account.userid}
            )
        finally:
            bound.draining = False
            account.refresh()

    def _hand_over(self, bound: Bound, sequence: int, at: float, stanza: bytes) -> None:
        account = bound.account
        account.in_flight[sequence] = bound

        def taken() -> None:
            if account.in_flight.pop(sequence, None) is not None:
                account.stored -= 1
                self._commits.remove(offline_messages, (account.userid, sequence))

        end = stanza.rindex(b"</")
        marks = (
            b"<delay xmlns='urn:xmpp:delay' from='%b' stamp='%b'/><stanza-id xmlns='urn:xmpp:sid:0' by='%b' id='%d'/>"
            % (
                self._domain,
                timestamp(at).encode(),
                account.address,
                sequence,
            )
        )
        bound.hand_over(stanza[:end] + marks + stanza[end:], taken)


def timestamp(wall: float) -> str:
    """Source: XEP-0082 §3.2."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _receives(bound: Bound) -> bool:
    return (
        bound.account.sessions.get(bound.resource) is bound and bound.tail is not None and bound.priority >= 0
    )
