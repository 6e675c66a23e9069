"""Messages handed to sessions that confirm (XEP-0198), from sessions that want to know: acknowledged is never lost.

Only where sender and receiver both have stream management. The sender's stanza counts as handled when one of the
sessions it was handed to has confirmed it, or when it is in the store because none did within a second; so it outlives
a killed process either way, and in the common case without a write. A receiver without stream management cannot confirm:
what was handed to its connection counts as delivered, and nothing is kept here.

    state     the sender's  one session        a second has  written        not written       the last session
              stanza is     confirms           passed                       (full or failed)  ends unconfirmed
    HANDED    pending       DONE, handled      write         -              -                 write, let go
    WRITING   pending       DONE, handled,     -             STORED,        DONE, handled     let go
                            delete the row                   handled        by an error
    STORED    handled       DONE,              -             -              -                 let go
                            delete the row

"Let go": the row belongs to `offline.py` alone, which hands it to the next session, with the stanza-id it had before. A
session that ends while another still has the message changes nothing. A session that becomes unavailable counts as
ended: it may have left without a word. A message whose receiver's store is full is refused after that second, though its
session may still take it: an error too many rather than a loss. One timer serves all, and one transaction what is due.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator
from typing import Any

from antiphon.kernel.bus import Bus
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Timers
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.answers import Answers
from antiphon.services.messaging.commits import GroupCommit
from antiphon.services.messaging.events import MessageStored
from antiphon.services.messaging.offline import FULL, NOT_KEPT, Offline
from antiphon.services.messaging.ports import Promise

TICK_S = 0.5
"""A message is written at the second tick after it was handed over: unconfirmed for half a second to a second."""


class State(enum.Enum):
    HANDED = "handed over"
    WRITING = "on its way to the store"
    STORED = "in the store"
    DONE = "confirmed, or refused"


class InFlight:
    """One message on its way. Awaiting it waits until the sender's stanza counts as handled; it never raises."""

    __slots__ = ("_live", "_waiter", "account", "at", "data", "handled", "holders", "sender", "sequence", "size", "stanza",
                 "state", "turn")  # fmt: skip

    def __init__(
        self,
        live: Live,
        stanza: Stanza,
        data: bytes,
        sender: Bound,
        account: Account,
        holders: tuple[Bound, ...],
    ) -> None:
        self._live = live
        self._waiter: Callable[[], None] | None = None
        self.stanza: Stanza | None = stanza
        """What an error answers; None once none can come."""
        self.data = data
        """What is stored: without our marks."""
        self.size = len(data)
        self.sender = sender
        self.account = account
        self.holders = holders
        """Sessions that have it and have not ended."""
        self.state = State.HANDED
        self.handled = False
        self.sequence = 0
        self.at = 0.0
        self.turn: dict[InFlight, None] = live.young

    def confirmed(self) -> None:
        """One of the sessions has it. A second time, or after it was let go, this does nothing."""
        if self.state is not State.DONE and self.holders:
            self._live.confirmed(self)

    def then(self, call: Callable[[], None]) -> None:
        """Call once it counts as handled. There is one such call, that of the sender's session."""
        self._waiter = call

    def settle(self) -> None:
        """The sender's stanza counts as handled from here."""
        self.handled = True
        self.stanza = None
        self.data = b""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter()

    def __await__(self) -> Generator[Any, Any, None]:
        if not self.handled:
            promise = self._live.promise()
            self.then(lambda: promise.set_result(None))
            yield from promise.__await__()


class Live:
    """All messages in flight."""

    def __init__(
        self,
        offline: Offline,
        commits: GroupCommit,
        answers: Answers,
        timers: Timers,
        tasks: Tasks,
        promise: Callable[[], Promise],
        bus: Bus,
    ) -> None:
        self._offline = offline
        self._commits = commits
        self._answers = answers
        self._timers = timers
        self._tasks = tasks
        self.promise = promise
        self._bus = bus
        self.young: dict[InFlight, None] = {}
        """Handed over since the last tick, in order; `_old`: since the one before."""
        self._old: dict[InFlight, None] = {}
        self._ticking = False

    def deliver(
        self, stanza: Stanza, data: bytes, sender: Bound, account: Account, targets: tuple[Bound, ...]
    ) -> tuple[InFlight, bytes]:
        """Hand it to `targets`, all of which confirm. Also returned: the message as they got it, with its stanza-id."""
        message = InFlight(self, stanza, data, sender, account, targets)
        message.at, message.sequence = self._offline.number(account)
        marked = self._offline.marked(account, message.sequence, data)
        self.young[message] = None
        if not self._ticking:
            self._wind()
        for target in targets:
            target.unconfirmed[message] = None
        for target in targets:
            deliver_then = target.deliver_then
            assert deliver_then is not None
            deliver_then(marked, message.confirmed)
        return message, marked

    def confirmed(self, message: InFlight) -> None:
        if message.state is State.HANDED:
            del message.turn[message]
        else:
            self._offline.taken(message.account, message.sequence, message.size)
        self._done(message)

    def left(self, bound: Bound) -> None:
        """The session is gone, or says that it is: what no other session has goes to the store and on from there."""
        messages, bound.unconfirmed = bound.unconfirmed, {}
        written = []
        for message in messages:
            message.holders = tuple([holder for holder in message.holders if holder is not bound])
            if message.state is State.HANDED:
                if not message.holders:
                    del message.turn[message]
                    if self._write(message):
                        written.append(message)
                        self._let_go(message)
            elif message.holders:
                message.account.in_flight[message.sequence] = message.holders[0]
            else:
                self._let_go(message)
        if written:
            self._settle(written)
        self._offline.left(bound)

    def _let_go(self, message: InFlight) -> None:
        """Its row belongs to the offline store alone."""
        account = message.account
        account.in_flight.pop(message.sequence, None)
        self._bus.publish(MessageStored(account.userid, message.sender.account.key))

    def store_all(self) -> None:
        """Whatever is unconfirmed is on its way to the store when this returns."""
        late, self._old, self.young = [*self._old, *self.young], {}, {}
        self._store(late)

    # --- within

    def _wind(self) -> None:
        self._ticking = True
        self._timers.at(self._timers.now() + TICK_S, self._tick)

    def _tick(self) -> None:
        late, self._old, self.young = list(self._old), self.young, {}
        self._store(late)
        self._ticking = False
        if self._old or self.young:
            self._wind()

    def _store(self, late: list[InFlight]) -> None:
        written = [message for message in late if message.state is State.HANDED and self._write(message)]
        if written:
            self._settle(written)

    def _write(self, message: InFlight) -> bool:
        """Whether it is on its way to the store. It is in no turn any more."""
        account = message.account
        message.state = State.WRITING
        kept = self._offline.write(
            account, message.sequence, message.at, message.data, lambda: self._failed(message)
        )
        if kept is None:
            self._refuse(message, *FULL)
            return False
        if message.holders and message.state is State.WRITING:
            account.in_flight[message.sequence] = message.holders[0]
        return True

    def _failed(self, message: InFlight) -> None:
        if message.state is State.WRITING:
            account = message.account
            account.in_flight.pop(message.sequence, None)
            account.stored -= 1
            account.stored_bytes -= message.size
            self._refuse(message, *NOT_KEPT)

    def _refuse(self, message: InFlight, condition: str, text: str) -> None:
        stanza = message.stanza
        if stanza is not None:
            self._answers.refuse(stanza, message.sender, condition, text)
        self._done(message)

    def _done(self, message: InFlight) -> None:
        message.state = State.DONE
        for holder in message.holders:
            holder.unconfirmed.pop(message, None)
        if not message.handled:
            message.settle()

    def _settle(self, messages: list[InFlight]) -> None:
        self._tasks.spawn(self._stored(messages), "messaging: store unconfirmed messages")

    async def _stored(self, messages: list[InFlight]) -> None:
        await self._commits.settled()
        for message in messages:
            if message.state is State.WRITING:
                message.state = State.STORED
                message.settle()
