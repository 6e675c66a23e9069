"""Requests to the server and to its users' accounts: the one handler that claimed them answers, now or later."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from antiphon.kernel.tasks import Tasks
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import replies
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.answers import Answers
from antiphon.services.messaging.errors import StanzaError
from antiphon.services.messaging.iq import IqPort, IqRequest, Payload, Table
from antiphon.services.messaging.ports import Promise


class Requests:
    """The tables of `iq.py` at work."""

    def __init__(
        self,
        tables: dict[str, Table],
        port: IqPort,
        answers: Answers,
        tasks: Tasks,
        promise: Callable[[], Promise],
    ) -> None:
        self.tables = tables
        self._port = port
        self._answers = answers
        self._tasks = tasks
        self._promise = promise

    def serve(
        self, table: str, stanza: Stanza, bound: Bound | None, account: Account | None
    ) -> Awaitable[None] | None:
        """`stanza` is a get or set with one child. Raises what handlers raise."""
        ns, name = stanza.children[0]
        handler = self.tables[table].get((stanza.type, ns, name))
        if handler is None:
            raise StanzaError("service-unavailable")
        payload, sender = stanza.payload(), stanza.sender
        assert payload is not None
        if sender is None:
            return None
        answer = handler(self._port, IqRequest(stanza, payload, sender, bound, account))
        if inspect.iscoroutine(answer):
            done = self._promise()
            self._tasks.spawn(self._later(answer, stanza, bound, done), "messaging: answer an iq")
            return done
        self._answers.send(bound, replies.result(stanza, answer))
        return None

    async def _later(
        self, answer: Coroutine[Any, Any, Payload], stanza: Stanza, bound: Bound | None, done: Promise
    ) -> None:
        try:
            self._answers.send(bound, replies.result(stanza, await answer))
        except Exception as error:
            self._answers.failed(stanza, bound, error)
        finally:
            if not done.done():
                done.set_result(None)
