"""Answers of the server find their way: to the session that asked, or to another domain."""

from __future__ import annotations

import logging

from antiphon.kernel.errors import WIRE, DomainError
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import replies
from antiphon.services.messaging.account import Bound
from antiphon.services.messaging.accounts import Accounts
from antiphon.services.messaging.domains import Domains
from antiphon.services.messaging.errors import NOT_HANDLED, StanzaError

log = logging.getLogger(__name__)


class Answers:
    """`bound` is the session the stanza came from; None when it came from another domain or from a session now gone."""

    def __init__(self, accounts: Accounts, domains: Domains) -> None:
        self._accounts = accounts
        self._domains = domains

    def send(self, bound: Bound | None, data: bytes) -> None:
        if bound is not None:
            bound.deliver(data)
            return
        to = Stanza.parse(data).to
        if to is None:
            return
        if to.domain != self._accounts.domain:
            self._domains.send_bytes(data)
            return
        account = self._accounts.at(to)
        target = account.sessions.get(to.resource) if account is not None else None
        if target is not None:
            target.deliver(data)

    def refuse(
        self, stanza: Stanza, bound: Bound | None, condition: str, text: str = "", extra: bytes = b""
    ) -> None:
        """Nothing is sent where no error may be: to an error, to the answer of a request."""
        if bound is not None:
            stanza.sender = bound.jid
        by = bound.account.address if bound is not None and stanza.to is None else b""
        data = replies.error(stanza, condition, text, extra, by)
        if data is not None:
            self.send(bound, data)

    def failed(self, stanza: Stanza, bound: Bound | None, error: Exception) -> None:
        """Handling the stanza has raised: a refusal, or a fault of ours, of which the peer learns nothing but that."""
        match error:
            case StanzaError():
                self.refuse(stanza, bound, error.condition, error.text, error.extra)
            case DomainError():
                self.refuse(stanza, bound, WIRE[error.kind].xmpp, error.fault.what)
            case _:
                log.error(
                    "stanza not handled",
                    exc_info=error,
                    extra={"code": NOT_HANDLED.code, "kind": stanza.kind},
                )
                self.refuse(stanza, bound, "internal-server-error")
