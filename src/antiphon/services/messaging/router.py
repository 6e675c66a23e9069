"""Where a stanza goes. Source: RFC 6120 §10, RFC 6121 §8.

A chat message between two local sessions is the hot path: two dictionary look-ups, one look at the names of its children,
one concatenation for its `from`. No tree is built. What sessions with stream management say to one another is looked after
by `live.py` until it is confirmed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from antiphon.kernel.bus import Bus
from antiphon.kernel.time import Clock
from antiphon.protocols.xmpp.element import attribute_value
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.names import CLIENT
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import carbons
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.accounts import Accounts
from antiphon.services.messaging.answers import Answers
from antiphon.services.messaging.broadcast import MAX_NOTE, Broadcast
from antiphon.services.messaging.composed import SERVER_RESOURCE
from antiphon.services.messaging.domains import Domains
from antiphon.services.messaging.errors import NOT_BOUND, StanzaError
from antiphon.services.messaging.events import MessageStored
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, SERVER
from antiphon.services.messaging.live import InFlight, Live
from antiphon.services.messaging.offline import FULL, NOT_KEPT, Offline
from antiphon.services.messaging.ports import Session
from antiphon.services.messaging.requests import Requests
from antiphon.services.messaging.rules import (
    ALWAYS_OURS,
    OURS,
    RULES,
    TO_PERSON,
    TYPES,
    Fate,
    believed,
    reach,
    worth_storing,
)
from antiphon.services.messaging.subscription import KINDS
from antiphon.services.messaging.subscriptions import Subscriptions

log = logging.getLogger(__name__)


class Router:
    """Takes every stanza of every session, and those of other domains."""

    def __init__(
        self,
        accounts: Accounts,
        bound: dict[Session, Bound],
        domains: Domains,
        subscriptions: Subscriptions,
        broadcast: Broadcast,
        offline: Offline,
        live: Live,
        requests: Requests,
        answers: Answers,
        clock: Clock,
        bus: Bus,
    ) -> None:
        self._accounts = accounts
        self._by_userid = accounts.by_userid
        self._domain = accounts.domain
        self._bound = bound
        self._domains = domains
        self._subscriptions = subscriptions
        self._broadcast = broadcast
        self._offline = offline
        self._live = live
        self._requests = requests
        self._answers = answers
        self._clock = clock
        self._bus = bus

    def route(self, stanza: Stanza, session: Session | None, now: float) -> Awaitable[None] | None:
        """None: done. An awaitable: the stanza counts as handled (XEP-0198) when it is done; it never raises.

        `session` is the one the stanza came from; None for another domain, whose `sender` has been verified by its door.
        """
        bound: Bound | None = None
        if session is not None:
            bound = self._bound.get(session)
            if bound is None:
                log.warning("stanza of a session that is not bound", extra={"code": NOT_BOUND.code})
                return None
        try:
            if stanza.kind == "message":
                return self._message(stanza, bound)
            return self._other(stanza, bound)
        except Exception as error:
            self._answers.failed(stanza, bound, error)
        return None

    def returned(self, data: bytes) -> Awaitable[None] | None:
        """What a session was handed and never took: a message finds its way again, a request is refused.

        Copies, presence and answers were for that session alone and end here.
        """
        stanza = Stanza.parse(data)
        to = stanza.to
        account = self._accounts.at(to) if to is not None else None
        if account is None or stanza.sender is None or not ALWAYS_OURS.isdisjoint(stanza.children):
            return None
        if stanza.kind == "message" and stanza.type in TO_PERSON:
            if account.chat:
                return self._to_chat(stanza, data, None, account)
            return self._store(stanza, data, None, account)
        if stanza.kind == "iq":
            self._answers.refuse(stanza, None, "service-unavailable")
        return None

    # --- messages -------------------------------------------------------------------------------------------------

    def _message(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        to = stanza.to
        if to is None:
            return self._message_to_self(stanza, bound)
        if not OURS.isdisjoint(stanza.children):
            stanza = believed(stanza, self._domain)
        if bound is not None and bound.account.blocked and bound.account.blocks(to):
            raise _blocked()
        local, domain, resource = to
        if domain != self._domain:
            return self._foreign(stanza, bound)
        data = stanza.stamped(attribute_value(stanza.sender) if bound is None else bound.address)
        account = self._by_userid.get(local)
        if account is not None and not account.blocked:
            if resource:
                target = account.sessions.get(resource)
                if target is not None and target.drain is None:
                    if (
                        target.deliver_then is not None
                        and bound is not None
                        and bound.deliver_then is not None
                    ):
                        return self._in_flight(stanza, data, bound, account, (target,))
                    target.deliver(data)
                    if account.carbons or (bound is not None and bound.account.carbons):
                        self._carbons(stanza, data, bound, account, (target,))
                    return None
            elif account.chat and stanza.type in TO_PERSON:
                return self._to_chat(stanza, data, bound, account)
        return self._by_rule(stanza, data, bound, to)

    def _to_chat(
        self, stanza: Stanza, data: bytes, bound: Bound | None, account: Account
    ) -> Awaitable[None] | None:
        if account.confirming and bound is not None and bound.deliver_then is not None:
            return self._in_flight(stanza, data, bound, account, account.chat)
        for target in account.chat:
            target.deliver(data)
        if account.carbons or (bound is not None and bound.account.carbons):
            self._carbons(stanza, data, bound, account, account.chat)
        return None

    def _in_flight(
        self, stanza: Stanza, data: bytes, bound: Bound, account: Account, targets: tuple[Bound, ...]
    ) -> Awaitable[None] | None:
        """Sender and receivers have stream management."""
        message: InFlight | None = None
        if stanza.type in TO_PERSON and worth_storing(stanza):
            message, data = self._live.deliver(stanza, data, bound, account, targets)
        else:
            for target in targets:
                target.deliver(data)
        if account.carbons or bound.account.carbons:
            self._carbons(stanza, data, bound, account, targets)
        return message

    def _message_to_self(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        """RFC 6120 §10.3.1: without an address it is for the sender's own bare JID."""
        if stanza.malformed:
            raise StanzaError("jid-malformed")
        if bound is None:
            raise StanzaError("bad-request")
        return self._message(stanza.readdressed(bound.account.bare), bound)

    def _by_rule(self, stanza: Stanza, data: bytes, bound: Bound | None, to: Jid) -> Awaitable[None] | None:
        if not to.local:
            # The server reads no messages (RFC 6121 §8.4 leaves it free).
            raise StanzaError("service-unavailable")
        account = self._accounts.find(to.local)
        sender = bound.jid if bound is not None else stanza.sender
        if account is not None and sender is not None and account.blocks(sender):
            raise StanzaError("service-unavailable")
        resource = "" if to.resource == SERVER_RESOURCE else to.resource
        if account is not None and resource and (target := account.sessions.get(resource)) is not None:
            if target.drain is not None and stanza.type in TO_PERSON and worth_storing(stanza):
                # Earlier messages are on their way from the store: this one queues behind them.
                return self._store(stanza, data, bound, account)
            if target.deliver_then is not None and bound is not None and bound.deliver_then is not None:
                return self._in_flight(stanza, data, bound, account, (target,))
            target.deliver(data)
            if account.carbons or (bound is not None and bound.account.carbons):
                self._carbons(stanza, data, bound, account, (target,))
            return None
        kind = stanza.type if stanza.type in TYPES else "normal"
        match RULES[reach(account, resource)][TYPES.index(kind)]:
            case Fate.DELIVER:
                assert account is not None
                return self._to_chat(stanza, data, bound, account)
            case Fate.DELIVER_ALL:
                assert account is not None
                for target in account.receiving:
                    target.deliver(data)
            case Fate.STORE:
                assert account is not None
                return self._store(stanza, data, bound, account)
            case Fate.REFUSE:
                self._answers.refuse(stanza, bound, "service-unavailable")
            case Fate.IGNORE:
                pass
        return None

    def _store(
        self, stanza: Stanza, data: bytes, bound: Bound | None, account: Account
    ) -> Awaitable[None] | None:
        if account.carbons or (bound is not None and bound.account.carbons):
            self._carbons(stanza, data, bound, account, ())
        if not worth_storing(stanza):
            return None
        kept = self._offline.keep(account, data, lambda: self._answers.refuse(stanza, bound, *NOT_KEPT))
        if kept is None:
            self._answers.refuse(stanza, bound, *FULL)
            return None
        sender = bound.account.key if bound is not None else str(stanza.sender.bare if stanza.sender else "")
        self._bus.publish(MessageStored(account.userid, sender))
        return kept

    def _carbons(
        self, stanza: Stanza, data: bytes, bound: Bound | None, account: Account, got: tuple[Bound, ...]
    ) -> None:
        if not carbons.eligible(stanza):
            return
        if bound is None or bound.account is not account:
            carbons.received(account, data, got)
        if bound is not None:
            carbons.sent(bound.account, data, bound, got)

    # --- presence and requests -------------------------------------------------------------------------------------

    def _other(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        to = stanza.to
        if bound is not None:
            # Whatever the door has set: this is who is answered.
            stanza.sender = bound.jid
            if to is not None and bound.account.blocked and bound.account.blocks(to) and _speaks(stanza, to):
                raise _blocked()
        if stanza.malformed:
            raise StanzaError("jid-malformed")
        if stanza.kind == "iq":
            return self._iq(stanza, bound)
        if bound is None:
            return self._presence_from_elsewhere(stanza)
        return self._presence(stanza, bound)

    def _presence(self, stanza: Stanza, bound: Bound) -> Awaitable[None] | None:
        to, kind = stanza.to, stanza.type
        if to is not None:
            return self._presence_to(stanza, bound, to)
        if kind == "":
            self._broadcast.available(bound, stanza)
            if bound.priority >= 0:
                self._offline.drain(bound)
        elif kind == "unavailable":
            self._left(bound, stanza)
        elif kind != "error":
            raise StanzaError("bad-request", "This type of presence needs an address.")
        return None

    def _left(self, bound: Bound, stanza: Stanza) -> None:
        status = stanza.tree().child_text(CLIENT, "status") if stanza.children else ""
        bound.account.last = (self._clock.wall(), status[:MAX_NOTE])
        self._broadcast.unavailable(bound, stanza.raw[len(b"<presence") :])
        self._live.left(bound)

    def _presence_to(self, stanza: Stanza, bound: Bound, to: Jid) -> Awaitable[None] | None:
        kind = stanza.type
        if kind in KINDS:
            return self._subscriptions.outbound(bound.account, kind, to.bare, stanza)
        if kind in ("", "unavailable", "error"):
            self._broadcast.directed(bound, stanza, to)
        elif kind == "probe":
            account = self._accounts.at(to)
            if account is not None and not account.blocks(bound.jid):
                for data in self._broadcast.probed(account, bound.jid, bound.address):
                    bound.deliver(data)
        else:
            raise StanzaError("bad-request", "No such type of presence.")
        return None

    def _presence_from_elsewhere(self, stanza: Stanza) -> Awaitable[None] | None:
        to, sender, kind = stanza.to, stanza.sender, stanza.type
        if to is None or sender is None:
            return None
        if to.domain != self._domain:
            self._domains.send(stanza, stanza.to_bytes())
            return None
        account = self._accounts.at(to)
        if kind == "probe" and account is not None and not account.blocks(sender):
            for data in self._broadcast.probed(account, sender, attribute_value(sender)):
                self._domains.send_bytes(data)
        elif kind in KINDS:
            bare = sender.bare
            if account is not None and not account.blocks(sender):
                data = stanza.stamped(attribute_value(bare), account.address)
                return self._subscriptions.inbound(account, kind, bare, data)
            if account is None and kind == "subscribe":
                self._domains.send_bytes(
                    b"<presence from='%b' to='%b' type='unsubscribed'/>"
                    % (attribute_value(to.bare), attribute_value(bare))
                )
        elif kind in ("", "unavailable", "error"):
            self._broadcast.deliver(to, sender, stanza.to_bytes())
        return None

    def _iq(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        to, kind = stanza.to, stanza.type
        asks = kind in ("get", "set")
        if not asks and kind not in ("result", "error"):
            raise StanzaError("bad-request", "An iq is get, set, result or error.")
        if asks and (len(stanza.children) != 1 or not stanza.id):
            raise StanzaError("bad-request", "A request has an id and exactly one child.")
        if to is None and bound is None:
            return None
        if to is not None and to.domain != self._domain:
            return self._foreign(stanza, bound)
        if to is not None and to.local and to.resource:
            return self._iq_to_session(stanza, bound, to, asks)
        if not asks:
            # The answer to a roster push or to another request of the server's own.
            return None
        if to is None or (bound is not None and to == bound.account.bare):
            assert bound is not None
            return self._requests.serve(ACCOUNT, stanza, bound, bound.account)
        if not to.local:
            return self._requests.serve(SERVER, stanza, bound, None)
        account = self._accounts.at(to)
        if account is None or (stanza.sender is not None and account.blocks(stanza.sender)):
            raise StanzaError("service-unavailable")
        return self._requests.serve(CONTACT, stanza, bound, account)

    def _iq_to_session(
        self, stanza: Stanza, bound: Bound | None, to: Jid, asks: bool
    ) -> Awaitable[None] | None:
        account = self._accounts.at(to)
        sender = stanza.sender
        if account is not None and sender is not None and not account.blocks(sender):
            target = account.sessions.get(to.resource)
            if target is not None:
                target.deliver(stanza.stamped(attribute_value(sender)))
                return None
        if asks:
            raise StanzaError("service-unavailable")
        return None

    # --- other domains ------------------------------------------------------------------------------------------------

    def _foreign(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        if bound is not None:
            stanza.sender = bound.jid
        data = stanza.to_bytes()
        if not self._domains.send(stanza, data):
            raise StanzaError("remote-server-not-found")
        if (
            bound is not None
            and bound.account.carbons
            and stanza.kind == "message"
            and carbons.eligible(stanza)
        ):
            carbons.sent(bound.account, data, bound, ())
        return None


def _speaks(stanza: Stanza, to: Jid) -> bool:
    """Saying something to somebody, other than taking back what was said before, or answering."""
    if stanza.kind == "iq":
        return stanza.type in ("get", "set") and bool(to.local)
    return stanza.type in ("", "subscribe", "subscribed", "probe")


def _blocked() -> StanzaError:
    """Whom the user has blocked the user does not reach either (XEP-0191 §3.2)."""
    return StanzaError("not-acceptable", extra=b"<blocked xmlns='urn:xmpp:blocking:errors'/>")
