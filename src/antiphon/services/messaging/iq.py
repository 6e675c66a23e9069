"""Requests that the server answers: to itself, for the user who asks, for one of its users.

A feature claims (type, namespace, name) in one or more of three tables, by who the request is addressed to:

| table        | `to`                                              |
|--------------|---------------------------------------------------|
| `iq server`  | the domain                                        |
| `iq account` | the sender's own bare JID, or nobody              |
| `iq contact` | the bare JID of another user of this server       |

A handler gets the port and the request and returns the payload of the result (or None), or a coroutine that does; it
refuses by raising `StanzaError` or a `DomainError`. What it does before it returns happens in the order of the stanzas.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from antiphon.kernel.features import Feature
from antiphon.kernel.random import Random
from antiphon.kernel.route import Routes
from antiphon.kernel.time import Timers
from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.accounts import Accounts
from antiphon.services.messaging.broadcast import Broadcast
from antiphon.services.messaging.commits import GroupCommit
from antiphon.services.messaging.config import MessagingLimits, Software
from antiphon.services.messaging.contacts import Contacts
from antiphon.services.messaging.domains import Domains
from antiphon.services.messaging.ports import Users
from antiphon.services.messaging.store import MessagingStore
from antiphon.services.messaging.subscriptions import Subscriptions

SERVER, ACCOUNT, CONTACT = "iq server", "iq account", "iq contact"

Payload: TypeAlias = Element | bytes | None
Answer: TypeAlias = Payload | Coroutine[Any, Any, Payload]
Key: TypeAlias = tuple[str, str, str]
"""(type, namespace, name)."""


@dataclass(frozen=True, slots=True)
class IqPort:
    """What handlers may use."""

    accounts: Accounts
    domains: Domains
    contacts: Contacts
    subscriptions: Subscriptions
    broadcast: Broadcast
    commits: GroupCommit
    store: MessagingStore
    users: Users
    timers: Timers
    random: Random
    limits: MessagingLimits
    software: Software
    features: tuple[Feature, ...]

    @property
    def domain(self) -> str:
        return self.accounts.domain


@dataclass(frozen=True, slots=True)
class IqRequest:
    """A get or set with exactly one child."""

    stanza: Stanza
    payload: Element
    sender: Jid
    bound: Bound | None
    """The session it came from; None for another server's."""
    account: Account | None
    """Whose data is asked for; None for the server itself."""

    @property
    def own(self) -> tuple[Account, Bound]:
        """In the table `iq account` the sender asks for its own."""
        assert self.account is not None
        assert self.bound is not None
        return self.account, self.bound


Handler: TypeAlias = Callable[[IqPort, IqRequest], Answer]
Table: TypeAlias = Routes[Key, Callable[..., Any]]
