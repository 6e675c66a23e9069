"""Where a stanza goes. Source: RFC 6120 §10, RFC 6121 §8.

A chat message between two local sessions is the hot path: two dictionary look-ups, one look at the names of its children,
one concatenation for its `from`. No tree is built.

What becomes of a message that does not simply reach its resource stands in one table, `RULES`, after the one of RFC 6121
§8.5.4. Where that allows to be silent or to answer, the answer is chosen for everything a person wrote, so that nothing
is lost without a word. "Most available" is the highest priority; the others get carbons (XEP-0280) if they want them.
"""

from __future__ import annotations

import enum
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from antiphon.kernel.bus import Bus
from antiphon.kernel.errors import WIRE, DomainError
from antiphon.kernel.tasks import Tasks
from antiphon.protocols.xmpp.element import Element, attribute_value
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.names import CLIENT, QName
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import carbons, replies
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.accounts import Accounts
from antiphon.services.messaging.broadcast import MAX_NOTE, Broadcast
from antiphon.services.messaging.composed import SERVER_RESOURCE
from antiphon.services.messaging.domains import Domains
from antiphon.services.messaging.errors import StanzaError
from antiphon.services.messaging.events import MessageStored
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, SERVER, IqPort, IqRequest, Payload, Table
from antiphon.services.messaging.offline import Offline
from antiphon.services.messaging.ports import Promise, Session
from antiphon.services.messaging.subscription import KINDS
from antiphon.services.messaging.subscriptions import Subscriptions

log = logging.getLogger(__name__)


class Reach(enum.Enum):
    """How far a message to a local address gets."""

    NOBODY = "no such user"
    AWAY = "bare JID, no resource that receives"
    THERE = "bare JID, a resource that receives"
    GONE_AWAY = "full JID of a resource that is not there, and no other receives"
    GONE_THERE = "full JID of a resource that is not there, but another receives"


class Fate(enum.Enum):
    """What becomes of it."""

    DELIVER = "to the most available resources"
    DELIVER_ALL = "to every resource that receives"
    STORE = "kept until a resource comes"
    REFUSE = "answered with service-unavailable"
    IGNORE = "nothing"


_D, _A, _O, _E, _S = Fate.DELIVER, Fate.DELIVER_ALL, Fate.STORE, Fate.REFUSE, Fate.IGNORE
TYPES = ("normal", "chat", "groupchat", "headline", "error")
RULES: dict[Reach, tuple[Fate, ...]] = {
    Reach.NOBODY: (_E, _E, _E, _S, _S),
    Reach.AWAY: (_O, _O, _E, _S, _S),
    Reach.THERE: (_D, _D, _E, _A, _S),
    Reach.GONE_AWAY: (_E, _O, _E, _S, _S),
    Reach.GONE_THERE: (_E, _D, _E, _S, _S),
}
"""A column for each of `TYPES`. A resource that is there gets everything (RFC 6121 §8.5.3.1)."""

_TO_PERSON = frozenset({"chat", "normal", ""})

_SID = QName("urn:xmpp:sid:0", "stanza-id")
_DELAY = QName("urn:xmpp:delay", "delay")
_ALWAYS_OURS = frozenset(
    {
        QName(carbons.NAMESPACE, "received"),
        QName(carbons.NAMESPACE, "sent"),
        QName("urn:xmpp:mam:2", "result"),
    }
)
_OURS = _ALWAYS_OURS | {_SID, _DELAY}
"""What only the server may say; a client that writes it is not believed."""

_BODY = QName(CLIENT, "body")
_CHAT_STATES = "http://jabber.org/protocol/chatstates"
_HINTS = "urn:xmpp:hints"
_NO_STORE = frozenset({QName(_HINTS, "no-store"), QName(_HINTS, "no-permanent-store")})


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
        tables: dict[str, Table],
        port: IqPort,
        tasks: Tasks,
        promise: Callable[[], Promise],
        bus: Bus,
    ) -> None:
        self._accounts = accounts
        self._by_userid = accounts.by_userid
        self._domain = accounts.domain
        self._server = attribute_value(accounts.domain)
        self._bound = bound
        self._domains = domains
        self._subscriptions = subscriptions
        self._broadcast = broadcast
        self._offline = offline
        self._tables = tables
        self._port = port
        self._tasks = tasks
        self._promise = promise
        self._bus = bus

    def route(self, stanza: Stanza, session: Session | None, now: float) -> Awaitable[None] | None:
        """None: done. An awaitable: the stanza counts as handled (XEP-0198) when it is done; it never raises.

        `session` is the one the stanza came from; None for another domain, whose `sender` has been verified by its door.
        """
        bound: Bound | None = None
        if session is not None:
            bound = self._bound.get(session)
            if bound is None:
                log.warning("stanza of a session that is not bound", extra={"code": "AP-IM-008"})
                return None
        try:
            if stanza.kind == "message":
                return self._message(stanza, bound)
            return self._other(stanza, bound)
        except StanzaError as refused:
            self._refuse(stanza, bound, refused.condition, refused.text)
        except DomainError as refused:
            self._refuse(stanza, bound, WIRE[refused.kind].xmpp, refused.fault.what)
        except Exception:
            log.exception("stanza not handled", extra={"code": "AP-IM-006", "kind": stanza.kind})
            self._refuse(stanza, bound, "internal-server-error")
        return None

    def returned(self, data: bytes) -> Awaitable[None] | None:
        """What a session was handed and never took: a message finds its way again, a request is refused.

        Copies, presence and answers were for that session alone and end here.
        """
        stanza = Stanza.parse(data)
        to = stanza.to
        account = self._accounts.at(to) if to is not None else None
        if account is None or stanza.sender is None or not _ALWAYS_OURS.isdisjoint(stanza.children):
            return None
        if stanza.kind == "message" and stanza.type in _TO_PERSON:
            if account.chat:
                return self._to_chat(stanza, data, None, account)
            return self._store(stanza, data, None, account)
        if stanza.kind == "iq":
            self._refuse(stanza, None, "service-unavailable")
        return None

    # --- messages -------------------------------------------------------------------------------------------------

    def _message(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        to = stanza.to
        if to is None:
            return self._message_to_self(stanza, bound)
        if not _OURS.isdisjoint(stanza.children):
            stanza = self._stripped(stanza)
        local, domain, resource = to
        if domain != self._domain:
            return self._foreign(stanza, bound)
        data = stanza.stamped(attribute_value(stanza.sender) if bound is None else bound.address)
        account = self._by_userid.get(local)
        if account is not None and not account.blocked:
            if resource:
                target = account.sessions.get(resource)
                if target is not None:
                    target.deliver(data)
                    if account.carbons or (bound is not None and bound.account.carbons):
                        self._carbons(stanza, data, bound, account, (target,))
                    return None
            elif account.chat and stanza.type in _TO_PERSON:
                return self._to_chat(stanza, data, bound, account)
        return self._by_rule(stanza, data, bound, to)

    def _to_chat(
        self, stanza: Stanza, data: bytes, bound: Bound | None, account: Account
    ) -> Awaitable[None] | None:
        for target in account.chat:
            target.deliver(data)
        if account.carbons or (bound is not None and bound.account.carbons):
            self._carbons(stanza, data, bound, account, account.chat)
        return None

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
            target.deliver(data)
            if account.carbons or (bound is not None and bound.account.carbons):
                self._carbons(stanza, data, bound, account, (target,))
            return None
        kind = stanza.type if stanza.type in TYPES else "normal"
        match RULES[_reach(account, resource)][TYPES.index(kind)]:
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
                self._refuse(stanza, bound, "service-unavailable")
            case Fate.IGNORE:
                pass
        return None

    def _store(
        self, stanza: Stanza, data: bytes, bound: Bound | None, account: Account
    ) -> Awaitable[None] | None:
        if bound is not None and bound.account.carbons:
            self._carbons(stanza, data, bound, account, ())
        if not _worth_storing(stanza):
            return None
        refused = "The message could not be stored."
        kept = self._offline.keep(
            account, data, lambda: self._refuse(stanza, bound, "internal-server-error", refused)
        )
        if kept is None:
            self._refuse(stanza, bound, "service-unavailable", "Too many messages wait for this user.")
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

    def _stripped(self, stanza: Stanza) -> Stanza:
        to = stanza.to
        ours = {self._domain, str(to.bare) if to is not None else ""}

        def forged(child: Element) -> bool:
            name = child.name
            if name == _SID:
                return child.get("by") in ours
            return name in _ALWAYS_OURS or (name == _DELAY and child.get("from") in ours)

        return stanza.without(forged)

    # --- presence and requests -------------------------------------------------------------------------------------

    def _other(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        if bound is not None:
            # Whatever the door has set: this is who is answered.
            stanza.sender = bound.jid
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
        bound.account.last = (self._port.timers.wall(), status[:MAX_NOTE])
        self._broadcast.unavailable(bound, stanza.raw[len(b"<presence") :])
        self._offline.left(bound)

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
            return self._serve(ACCOUNT, stanza, bound, bound.account)
        if not to.local:
            return self._serve(SERVER, stanza, bound, None)
        account = self._accounts.at(to)
        if account is None or (stanza.sender is not None and account.blocks(stanza.sender)):
            raise StanzaError("service-unavailable")
        return self._serve(CONTACT, stanza, bound, account)

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

    def _serve(
        self, table: str, stanza: Stanza, bound: Bound | None, account: Account | None
    ) -> Awaitable[None] | None:
        ns, name = stanza.children[0]
        handler = self._tables[table].get((stanza.type, ns, name))
        if handler is None:
            raise StanzaError("service-unavailable")
        payload, sender = stanza.payload(), stanza.sender
        assert payload is not None
        if sender is None:
            return None
        answer = handler(self._port, IqRequest(stanza, payload, sender, bound, account))
        if inspect.iscoroutine(answer):
            done = self._promise()
            self._tasks.spawn(self._answer_later(answer, stanza, bound, done), "messaging: answer an iq")
            return done
        self._answer(bound, replies.result(stanza, answer))
        return None

    async def _answer_later(
        self, answer: Coroutine[Any, Any, Payload], stanza: Stanza, bound: Bound | None, done: Promise
    ) -> None:
        try:
            self._answer(bound, replies.result(stanza, await answer))
        except StanzaError as refused:
            self._refuse(stanza, bound, refused.condition, refused.text)
        except DomainError as refused:
            self._refuse(stanza, bound, WIRE[refused.kind].xmpp, refused.fault.what)
        except Exception:
            log.exception("request not handled", extra={"code": "AP-IM-006", "kind": "iq"})
            self._refuse(stanza, bound, "internal-server-error")
        finally:
            if not done.done():
                done.set_result(None)

    # --- answers and other domains -----------------------------------------------------------------------------------

    def _foreign(self, stanza: Stanza, bound: Bound | None) -> Awaitable[None] | None:
        if bound is not None:
            stanza.sender = bound.jid
        if not self._domains.send(stanza, stanza.to_bytes()):
            raise StanzaError("remote-server-not-found")
        return None

    def _refuse(self, stanza: Stanza, bound: Bound | None, condition: str, text: str = "") -> None:
        if bound is not None:
            stanza.sender = bound.jid
        by = bound.account.address if bound is not None and stanza.to is None else b""
        data = replies.error(stanza, condition, text, by=by)
        if data is not None:
            self._answer(bound, data)

    def _answer(self, bound: Bound | None, data: bytes) -> None:
        if bound is not None:
            bound.deliver(data)
            return
        to = Stanza.parse(data).to
        if to is not None and to.domain != self._domain:
            self._domains.send_bytes(data)
        elif to is not None and (account := self._accounts.at(to)) is not None:
            target = account.sessions.get(to.resource)
            if target is not None:
                target.deliver(data)


def _reach(account: Account | None, resource: str) -> Reach:
    if account is None:
        return Reach.NOBODY
    if resource:
        return Reach.GONE_THERE if account.chat else Reach.GONE_AWAY
    return Reach.THERE if account.chat else Reach.AWAY


def _worth_storing(stanza: Stanza) -> bool:
    """Not what means nothing later: chat states alone (XEP-0160 §3), or what its sender does not want kept (XEP-0334)."""
    if not _NO_STORE.isdisjoint(stanza.children):
        return False
    return _BODY in stanza.children or any(
        child.ns not in (_CHAT_STATES, _HINTS) and child != (CLIENT, "thread") for child in stanza.children
    )
