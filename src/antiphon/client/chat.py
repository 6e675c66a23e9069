"""Chat and presence of the signed-in person.

async with load_session() as session, await Chat.connect(session) as chat:
    await chat.send("bob@example.test", "Hello")     # returns when the server has taken it
    message = await chat.next_message()
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from antiphon.client.errors import CHAT_ERROR, CHAT_LOST, CHAT_TIMEOUT
from antiphon.client.session import Session
from antiphon.client.xmpp.contacts import ROSTER, Availability, Contact, Contacts, Presence
from antiphon.client.xmpp.stream import Account, Stream
from antiphon.io.clock import SystemRandom
from antiphon.kernel.errors import DomainError
from antiphon.protocols.xmpp.element import Element, serialise
from antiphon.protocols.xmpp.errors import stanza_error
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.protocols.xmpp.names import CLIENT, STANZA_ERRORS
from antiphon.protocols.xmpp.stanza import Stanza

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 10.0
_MAX_WAITING = 10_000
_DELAY = "urn:xmpp:delay"
_CARBONS = "urn:xmpp:carbons:2"
_FORWARD = "urn:xmpp:forward:0"
_PING = "urn:xmpp:ping"
_DISCO = "http://jabber.org/protocol/disco#info"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message with text, or the error one of ours has come back with."""

    sender: Jid
    to: Jid | None
    body: str
    id: str = ""
    sent_at: float | None = None
    """Wall seconds where the server has kept it in the meantime (XEP-0203)."""
    own: bool = False
    """Written by us on another device (XEP-0280)."""
    error: str = ""
    """The condition of an error, e.g. `service-unavailable`; empty for an ordinary message."""


class Chat:
    """Use as an async context manager, or call `close`. It comes back by itself when the connection is lost and goes
    on where it was (XEP-0198); what was sent and not confirmed is sent again."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._random = SystemRandom()
        self.contacts = Contacts()
        self.on_presence: Callable[[Presence], None] = lambda presence: None
        self.on_roster: Callable[[], None] = lambda: None
        self.subscription_requests: deque[Jid] = deque(maxlen=1000)
        """Who asks to see our presence."""
        self._messages: deque[ChatMessage] = deque(maxlen=_MAX_WAITING)
        self._asked: dict[str, asyncio.Future[Stanza]] = {}
        self._changed = asyncio.Event()
        self._show: str | None = ""
        self._note = ""
        self._priority = 0
        stream.on_stanza = self._stanza
        stream.on_session = self._begin
        stream.on_lost = self._lost

    @classmethod
    async def connect(
        cls,
        session: Session,
        *,
        password: str | None = None,
        show: str | None = "",
        note: str = "",
        resource: str = "",
        priority: int = 0,
    ) -> Chat:
        """Sign in to the person's chat service with the session's token, or with a password by SCRAM.

        `show` None stays invisible: no presence is sent and none is received. A negative `priority` gets no messages but
        those to its own full address: for a program that only looks (RFC 6121 §4.7.2.3). Raises AP-CLIENT-020 where the
        service refuses, AP-CLIENT-004 where none answers.
        """
        services = await session.services()
        account = Account(
            Jid.prepared(session.userid, session.domain),
            token=None if password is not None else session.token,
            password=password,
            resource=resource,
            hosts=tuple((a.host, a.port) for a in services.of("IMandPresence")),
        )
        stream = Stream(account, session.resolver, session.environment)
        chat = cls(stream)
        chat._show, chat._note, chat._priority = show, note, priority
        await chat.start()
        return chat

    # --- for people and programs -------------------------------------------------------------------------------

    @property
    def jid(self) -> Jid:
        """Our full address."""
        return self._stream.jid

    @property
    def mechanism(self) -> str:
        """How the service was convinced, e.g. `OAUTHBEARER`."""
        return self._stream.mechanism

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Connect, sign in, read the contact list, say that we are there. `connect` does it all."""
        try:
            await self._stream.start()
            await self._begun()
        except BaseException:
            await self._stream.close()
            raise

    def break_line(self) -> None:
        """Drop the connection as a network would; it is taken up again at once. For tests and for moving networks."""
        self._stream.break_line()

    async def close(self) -> None:
        """Say goodbye and close; the server forgets the session at once."""
        await self._stream.close()

    async def send(self, to: str | Jid, body: str) -> str:
        """Send a message; returns its id when the server has taken responsibility for it.

        Raises AP-CLIENT-023 for what is no address, AP-CLIENT-022 where the server does not confirm in time.
        """
        jid = _jid(to)
        message_id = self._random.token(12)
        message = Element(
            CLIENT,
            "message",
            {"type": "chat", "to": str(jid), "id": message_id},
            Element(CLIENT, "body", None, body),
        )
        taken = self._stream.send_confirmed(serialise(message))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await taken
        except TimeoutError as error:
            raise CHAT_TIMEOUT.error("the message may still arrive") from error
        return message_id

    async def next_message(
        self, sender: str | Jid | None = None, timeout_s: float | None = None
    ) -> ChatMessage:
        """The next message, of `sender` only if given. Raises AP-CLIENT-022 after `timeout_s`."""
        bare = _jid(sender).bare if sender is not None else None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for message in self._messages:
                        if bare is None or message.sender.bare == bare:
                            self._messages.remove(message)
                            return message
                    await self._change()
        except TimeoutError as error:
            raise CHAT_TIMEOUT.error("no message came") from error

    def take_messages(self) -> tuple[ChatMessage, ...]:
        """What has come and was not taken yet; with `changed` for who watches more than messages."""
        taken = tuple(self._messages)
        self._messages.clear()
        return taken

    def set_presence(self, show: str = "", note: str = "") -> None:
        """`show` is empty (available), `chat`, `away`, `xa` or `dnd`."""
        self._show, self._note = show, note
        self._send_presence()

    def availability(self, jid: str | Jid) -> Availability:
        return self.contacts.availability(_jid(jid))

    async def until(
        self, jid: str | Jid, holds: Callable[[Availability], bool], timeout_s: float | None = None
    ) -> Availability:
        """Wait until what a contact shows is as `holds` says. Raises AP-CLIENT-022 after `timeout_s`."""
        wanted = _jid(jid)
        try:
            async with asyncio.timeout(timeout_s):
                while not holds(current := self.contacts.availability(wanted)):
                    await self._change()
                return current
        except TimeoutError as error:
            shown = self.contacts.availability(wanted).state
            raise CHAT_TIMEOUT.error(f"{wanted} still shows {shown}") from error

    def roster(self) -> tuple[Contact, ...]:
        return tuple(self.contacts.items.values())

    async def ping(self) -> None:
        """A question that the server answers after everything it has sent before (XEP-0199)."""
        await self.ask("get", Element(_PING, "ping"))

    async def add(self, jid: str | Jid, name: str = "", groups: tuple[str, ...] = ()) -> None:
        """Put somebody on the contact list and ask to see their presence."""
        bare = _jid(jid).bare
        inside = [Element(ROSTER, "group", None, group) for group in groups]
        item = Element(ROSTER, "item", {"jid": str(bare), **({"name": name} if name else {})}, *inside)
        await self.ask("set", Element(ROSTER, "query", None, item))
        self._presence_to(bare, "subscribe")

    async def remove(self, jid: str | Jid) -> None:
        item = Element(ROSTER, "item", {"jid": str(_jid(jid).bare), "subscription": "remove"})
        await self.ask("set", Element(ROSTER, "query", None, item))

    def allow(self, jid: str | Jid) -> None:
        """Let somebody see our presence, whether they have asked or will ask."""
        self._presence_to(_jid(jid).bare, "subscribed")

    def refuse(self, jid: str | Jid) -> None:
        self._presence_to(_jid(jid).bare, "unsubscribed")

    async def ask(self, kind: str, payload: Element, to: str | Jid | None = None) -> Stanza:
        """An `iq` of kind `get` or `set`, and its result. Raises AP-CLIENT-023 for an error, AP-CLIENT-022 for silence."""
        request_id = self._random.token(12)
        attributes = {"type": kind, "id": request_id, **({"to": str(_jid(to))} if to is not None else {})}
        waiting: asyncio.Future[Stanza] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = waiting
        self._stream.send(serialise(Element(CLIENT, "iq", attributes, payload)))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await waiting
        except TimeoutError as error:
            raise CHAT_TIMEOUT.error(payload.ns) from error
        finally:
            self._asked.pop(request_id, None)
        if answer.type == "error":
            raise CHAT_ERROR.error(condition_of(answer))
        return answer

    # --- what the stream tells ---------------------------------------------------------------------------------

    def _begin(self, resumed: bool) -> None:
        if not resumed:
            self.contacts.forget_presence()
            self._stream.spawn(self._begun())

    async def _begun(self) -> None:
        """A fresh session: contacts first, then our presence, so that theirs find somebody who knows them."""
        if not self._stream.fresh:
            return
        self._stream.fresh = False
        answer = await self.ask("get", Element(ROSTER, "query"))
        query = answer.payload()
        if query is not None:
            self.contacts.take_roster(query, whole=True)
            self.on_roster()
        try:
            await self.ask("set", Element(_CARBONS, "enable"))
        except DomainError as error:
            log.info("no carbons", extra={"code": error.code})
        if self._show is not None:
            self._send_presence()
        self._tell()

    def _lost(self) -> None:
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(CHAT_LOST.error())
        self._tell()

    def _stanza(self, stanza: Stanza) -> None:
        match stanza.kind:
            case "message":
                self._message(stanza)
            case "presence":
                self._presence(stanza)
            case "iq":
                self._iq(stanza)
        self._tell()

    def _message(self, stanza: Stanza) -> None:
        if stanza.sender is None or stanza.sender.bare == self.jid.bare:
            carbon = _carbon(stanza)
            if carbon is not None:
                self._keep(carbon, own=carbon.sender is not None and carbon.sender.bare == self.jid.bare)
                return
        self._keep(stanza)

    def _keep(self, stanza: Stanza, own: bool = False) -> None:
        sender = stanza.sender or self.jid.bare
        error = condition_of(stanza) if stanza.type == "error" else ""
        body = stanza.tree().child_text(CLIENT, "body")
        if not body and not error:
            return  # a chat state, a receipt: nothing to read
        self._messages.append(ChatMessage(sender, stanza.to, body, stanza.id, _sent_at(stanza), own, error))

    def _presence(self, stanza: Stanza) -> None:
        sender = stanza.sender
        if sender is None:
            return
        if stanza.type == "subscribe":
            if sender.bare not in self.subscription_requests:
                self.subscription_requests.append(sender.bare)
            return
        presence = self.contacts.take_presence(stanza)
        if presence is not None:
            self.on_presence(presence)

    def _iq(self, stanza: Stanza) -> None:
        if stanza.type in ("result", "error"):
            waiting = self._asked.get(stanza.id)
            # Only the server and whom we asked may answer; ids are random, so nobody else can guess them.
            if waiting is not None and not waiting.done():
                waiting.set_result(stanza)
            return
        payload = stanza.payload()
        ns = payload.ns if payload is not None else ""
        from_us = stanza.sender is None or stanza.sender.bare == self.jid.bare
        if stanza.type == "set" and ns == ROSTER and from_us and payload is not None:
            # RFC 6121 §2.1.6: a push from anybody else is an attack and is not acted on.
            self.contacts.take_roster(payload, whole=False)
            self.on_roster()
            self._stream.send(_result(stanza))
        elif stanza.type == "get" and ns == _PING:
            self._stream.send(_result(stanza))
        elif stanza.type == "get" and ns == _DISCO:
            identity = Element(
                _DISCO, "identity", {"category": "client", "type": "console", "name": "Antiphon"}
            )
            features = [Element(_DISCO, "feature", {"var": var}) for var in (_DISCO, _PING)]
            self._stream.send(_result(stanza, Element(_DISCO, "query", None, identity, *features)))
        else:
            self._stream.send(stanza_error(stanza, "service-unavailable"))

    # --- within ------------------------------------------------------------------------------------------------

    async def changed(self) -> None:
        """Wait until anything has come: a message, presence, a change of the contact list. Raises as `next_message`."""
        await self._change()

    async def _change(self) -> None:
        if self._stream.failure is not None:
            raise self._stream.failure
        await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _send_presence(self) -> None:
        presence = Element(CLIENT, "presence")
        if self._show:
            presence.append(Element(CLIENT, "show", None, self._show))
        if self._note:
            presence.append(Element(CLIENT, "status", None, self._note))
        if self._priority:
            presence.append(Element(CLIENT, "priority", None, str(self._priority)))
        self._stream.send(serialise(presence))

    def _presence_to(self, jid: Jid, kind: str) -> None:
        self._stream.send(serialise(Element(CLIENT, "presence", {"to": str(jid), "type": kind})))


def condition_of(stanza: Stanza) -> str:
    """The defined condition of an error stanza."""
    error = stanza.tree().child(CLIENT, "error")
    found = error.child(STANZA_ERRORS) if error is not None else None
    return found.local if found is not None else "undefined-condition"


def _jid(text: str | Jid) -> Jid:
    if isinstance(text, Jid):
        return text
    try:
        return Jid.parse(text)
    except MalformedJid as error:
        raise CHAT_ERROR.error(f"{text} is no address") from error


def _result(stanza: Stanza, payload: Element | None = None) -> bytes:
    attributes = {"type": "result", "id": stanza.id}
    if stanza.sender is not None:
        attributes["to"] = str(stanza.sender)
    return serialise(Element(CLIENT, "iq", attributes, *([payload] if payload is not None else [])))


def _carbon(stanza: Stanza) -> Stanza | None:
    """The message inside a copy that our own server made (XEP-0280 §11: from our bare address only)."""
    for name in ("received", "sent"):
        wrapper = stanza.tree().child(_CARBONS, name)
        forwarded = wrapper.child(_FORWARD, "forwarded") if wrapper is not None else None
        inner = forwarded.child(CLIENT, "message") if forwarded is not None else None
        if inner is not None:
            return Stanza.of(inner)
    return None


def _sent_at(stanza: Stanza) -> float | None:
    delay = stanza.tree().child(_DELAY, "delay")
    if delay is None:
        return None
    try:
        return datetime.fromisoformat(delay.get("stamp")).timestamp()
    except ValueError:
        return time.time()
