"""The messaging service: sessions come and go, stanzas are routed, rosters and waiting messages are kept.

Everything decisions need is in memory: `start` loads the rosters, block lists and the counts of waiting messages of all
users of this node; only the bodies of waiting messages and private XML are read when they are asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from antiphon.kernel import features
from antiphon.kernel.bus import Bus
from antiphon.kernel.database import Database
from antiphon.kernel.features import Feature
from antiphon.kernel.random import Random
from antiphon.kernel.tasks import Tasks
from antiphon.kernel.time import Timers
from antiphon.services.directory.events import UserChanged, UserRemoved
from antiphon.services.messaging import contacts
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.accounts import Accounts
from antiphon.services.messaging.answers import Answers
from antiphon.services.messaging.broadcast import Broadcast
from antiphon.services.messaging.commits import GroupCommit
from antiphon.services.messaging.composed import SERVER_RESOURCE, server_presence
from antiphon.services.messaging.config import MessagingLimits, Software
from antiphon.services.messaging.contacts import Contacts
from antiphon.services.messaging.domains import Domains
from antiphon.services.messaging.errors import NO_SUCH_USER, NOT_HANDLED, RESOURCE_RESERVED, TOO_MANY_SESSIONS
from antiphon.services.messaging.events import SessionBound, SessionUnbound
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, SERVER, IqPort
from antiphon.services.messaging.live import Live
from antiphon.services.messaging.offline import Offline
from antiphon.services.messaging.ports import ConfirmingSession, Presence, Promise, Session, Users
from antiphon.services.messaging.requests import Requests
from antiphon.services.messaging.router import Router
from antiphon.services.messaging.store import MessagingStore, blocked, last_activity
from antiphon.services.messaging.subscription import FROM, IN, OUT, TO
from antiphon.services.messaging.subscriptions import Subscriptions
from antiphon.services.presence.events import PresenceChanged

log = logging.getLogger(__name__)


class Messaging:
    """The service of one domain on one node."""

    def __init__(
        self,
        domain: str,
        database: Database,
        users: Users,
        presence: Presence,
        bus: Bus,
        timers: Timers,
        tasks: Tasks,
        random: Random,
        promise: Callable[[], Promise],
        limits: MessagingLimits | None = None,
        software: Software | None = None,
    ) -> None:
        """`promise` makes things to wait for: `asyncio.get_running_loop().create_future`."""
        limits = limits or MessagingLimits()
        self._limits = limits
        self._bus = bus
        self._tasks = tasks
        self._timers = timers
        self._store = MessagingStore(database)
        self._bound: dict[Session, Bound] = {}
        self.accounts = Accounts(users, domain)
        self.domains = Domains()
        self.commits = GroupCommit(database, timers, tasks, promise)
        self.features: tuple[Feature, ...] = features.load("antiphon.services.messaging.features")
        self._contacts = Contacts(self.commits, random)
        self._broadcast = Broadcast(self.accounts, self.domains, presence, limits)
        self._subscriptions = Subscriptions(
            self.accounts, self._contacts, self.domains, self._broadcast, limits
        )
        self._offline = Offline(self._store, self.commits, timers, tasks, limits, domain)
        port = IqPort(
            self.accounts, self.domains, self._contacts, self._subscriptions, self._broadcast, self.commits,
            self._store, users, timers, random, limits, software or Software(), self.features,
        )  # fmt: skip
        answers = Answers(self.accounts, self.domains)
        self._live = Live(self._offline, self.commits, answers, timers, tasks, promise, bus)
        tables = {table: features.routes(table, self.features) for table in (SERVER, ACCOUNT, CONTACT)}
        self.requests = Requests(tables, port, answers, tasks, promise)
        self.router = Router(
            self.accounts, self._bound, self.domains, self._subscriptions, self._broadcast, self._offline, self._live,
            self.requests, answers, timers, bus,
        )  # fmt: skip
        bus.subscribe(PresenceChanged, self._presence_changed)
        bus.subscribe(UserChanged, self._user_changed)
        bus.subscribe(UserRemoved, self._user_removed)

    async def start(self) -> None:
        """Load what decisions are made from. The schema must be up to date (`store.SCHEMA`)."""
        for owner, roster in (await contacts.load(self._store)).items():
            account = self.accounts.make(owner)
            account.roster = roster
            account.pending = contacts.pending(roster)
            account.roster_changed()
        lists: dict[str, set[str]] = {}
        for row in await self._store.rows(blocked):
            lists.setdefault(row.owner, set()).add(row.jid)
        for owner, jids in lists.items():
            self.accounts.make(owner).blocked = frozenset(jids)
        for row in await self._store.rows(last_activity):
            self.accounts.make(row.owner).last = (row.left_at, row.status)
        for owner, (count, size, sequence) in (await self._store.offline_counts()).items():
            account = self.accounts.make(owner)
            account.stored, account.stored_bytes, account.sequence = count, size, sequence

    async def stop(self) -> None:
        """What was accepted is in the store when this returns."""
        self._live.store_all()
        await self.commits.settled()

    def bind(self, session: Session) -> None:
        """A resource is connected. One of the same name is closed with `conflict` (RFC 6120 §7.7.2.2).

        Raises AP-IM-001 (reserved resource), AP-IM-002 (no such user), AP-IM-003 (too many sessions).
        """
        jid = session.jid
        if not jid.resource or jid.resource == SERVER_RESOURCE:
            raise RESOURCE_RESERVED.error(jid.resource)
        account = self.accounts.at(jid)
        if account is None:
            raise NO_SUCH_USER.error(str(jid.bare))
        older = account.sessions.get(jid.resource)
        if older is not None:
            older.session.close("conflict")
            self.unbind(older.session)
        if len(account.sessions) >= self._limits.sessions:
            raise TOO_MANY_SESSIONS.error(account.userid)
        bound = Bound(session, account)
        account.sessions[jid.resource] = bound
        self._bound[session] = bound
        session.priority, session.presence, session.interested = 0, None, False
        self._bus.publish(SessionBound(account.userid, str(jid)))

    def confirms(self, session: Session) -> None:
        """Its stream has stream management from here on (XEP-0198): see `live.py` for what becomes of its messages."""
        bound = self._bound.get(session)
        if bound is not None and isinstance(session, ConfirmingSession):
            bound.deliver_then = session.deliver_then
            bound.account.refresh()

    def unbind(self, session: Session) -> None:
        """The stream is gone for good: not for a stream that may be resumed (XEP-0198). Doing it twice does nothing."""
        bound = self._bound.pop(session, None)
        if bound is None:
            return
        account = bound.account
        account.sessions.pop(bound.resource, None)
        self._broadcast.unavailable(bound)
        account.refresh()
        self._live.left(bound)
        if not account.sessions:
            self._keep_last(account)
        self._bus.publish(SessionUnbound(account.userid, str(bound.jid)))

    def undelivered(self, stanzas: list[bytes]) -> Awaitable[None] | None:
        """Stanzas that an ended session was handed by `deliver` and never acknowledged, in order; call it after `unbind`.

        Messages go to another resource or are stored. Those handed by `deliver_then` are in the store by now: not those.
        """
        pending: Awaitable[None] | None = None
        for data in stanzas:
            try:
                pending = self.router.returned(data) or pending
            except Exception:
                log.exception("undelivered stanza lost", extra={"code": NOT_HANDLED.code})
        return pending

    def sessions(self, userid: str) -> tuple[Session, ...]:
        account = self.accounts.by_userid.get(userid)
        return () if account is None else tuple([bound.session for bound in account.sessions.values()])

    def _keep_last(self, account: Account) -> None:
        left_at = self._timers.wall()
        status = account.last[1] if account.last is not None else ""
        account.last = (left_at, status)
        self.commits.put(last_activity, (account.userid,), {"left_at": left_at, "status": status})

    def _presence_changed(self, event: PresenceChanged) -> None:
        account = self.accounts.find(event.userid)
        if account is None:
            return
        said = server_presence(event.availability.value, event.activity, event.note, event.source)
        if said is None and account.server_presence is None:
            return
        account.server_presence = said
        self._broadcast.server_changed(account)

    def _user_changed(self, event: UserChanged) -> None:
        account = self.accounts.by_userid.get(event.userid)
        if account is None:
            return
        self.accounts.reread(account)
        if not account.enabled:
            self._close(account)

    def _user_removed(self, event: UserRemoved) -> None:
        """Contacts see the user go; nothing of the user is kept."""
        account = self.accounts.by_userid.get(event.userid)
        if account is None:
            return
        self._close(account)
        for item in tuple(account.roster):
            contact = self.accounts.of_contact(item.contact)
            jid = contact.bare if contact is not None else None
            if jid is not None and item.state & (TO | OUT):
                self._subscriptions.outbound(account, "unsubscribe", jid)
            if jid is not None and item.state & (FROM | IN):
                self._subscriptions.outbound(account, "unsubscribed", jid)
        self.accounts.forget(account)
        self._tasks.spawn(self._erase(account.userid), "messaging: erase a user")

    async def _erase(self, userid: str) -> None:
        await self.commits.settled()
        await self._store.erase(userid)

    def _close(self, account: Account) -> None:
        for bound in tuple(account.sessions.values()):
            bound.session.close("not-authorized")
            self.unbind(bound.session)
