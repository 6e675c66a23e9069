"""`antiphon chat`: a conversation in the terminal, or one message from a script."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import Output, printable

if TYPE_CHECKING:
    from antiphon.client.chat import Chat, ChatMessage

app = cyclopts.App(name="chat", help="Chat.")

_HELP = "/add ADDRESS  /allow ADDRESS  /refuse ADDRESS  /who  /away  /dnd  /back  /quit"
_SHOWS = {"/away": "away", "/dnd": "dnd", "/back": ""}


@app.default
def chat(
    address: str = "",
    *,
    message: Annotated[str, cyclopts.Parameter(allow_leading_hyphen=True)] = "",
    wait: float | None = None,
    count: int | None = None,
    account: str = "",
    json: bool = False,
) -> int:
    """Chat with somebody: every line you type is a message, Ctrl-D or /quit ends, /help shows what else there is.

    Examples: antiphon chat bob@example.test
    antiphon chat bob@example.test --message "Lunch?" --wait 60

    Parameters
    ----------
    address
        Whom to chat with; without one you only listen.
    message
        Send this and end; - reads it from standard input.
    wait
        After --message, or when listening: wait so many seconds for an answer (exit code 1 if none comes).
    count
        End after so many messages have come.
    account
        Address of the sign-in to use; the default is the last one.
    json
        Write JSON lines.
    """
    if not address and message:
        print(_("Say whom the message is for."), file=sys.stderr)
        return 2
    text = sys.stdin.read().rstrip("\n") if message == "-" else message
    return asyncio.run(_chat(address, text, wait, count, account, Output("antiphon.chat/1", json)))


async def _chat(
    address: str, text: str, wait_s: float | None, count: int | None, account: str, output: Output
) -> int:
    from antiphon.client.chat import Chat
    from antiphon.client.session import load_session

    one_shot = bool(text) and wait_s is None and count is None
    async with (
        load_session(account or None) as session,
        # Who only sends stays invisible: what waits for this person must not go to a program that does not read it.
        await Chat.connect(session, show=None if one_shot else "") as chat,
    ):
        output.event("connected", "", jid=str(chat.jid), mechanism=chat.mechanism)
        if text:
            message_id = await chat.send(address, text)
            output.event("sent", _("Sent."), to=address, id=message_id)
            return 0 if one_shot else await _listen(chat, address, wait_s, count or 1, output)
        if not address or wait_s is not None or count is not None:
            return await _listen(chat, address, wait_s, count, output)
        await _converse(chat, address, output)
    return 0


async def _listen(chat: Chat, address: str, wait_s: float | None, count: int | None, output: Output) -> int:
    """Until `count` messages (of `address`, if given) have come, or the patience is over."""
    from antiphon.client.errors import CHAT_TIMEOUT
    from antiphon.kernel.errors import DomainError

    heard = 0
    bare = address.partition("/")[0].lower()
    try:
        async with asyncio.timeout(wait_s):
            while count is None or heard < count:
                message = await chat.next_message()
                _show(message, output)
                if not bare or str(message.sender.bare) == bare:
                    heard += 1
    except TimeoutError:
        if count is not None:
            print(_("No message came."), file=sys.stderr)
            return 1
    except DomainError as error:
        if error.code != CHAT_TIMEOUT.code:
            raise
    return 0


async def _converse(chat: Chat, address: str, output: Output) -> None:
    from antiphon.protocols.xmpp.jid import Jid

    bare = Jid.parse(address).bare
    state = chat.availability(bare).state
    output.event(
        "conversation", _("You chat with {who} ({state}). /help for more.").format(who=bare, state=state)
    )

    async def incoming() -> None:
        shown, asked = state, 0
        while True:
            for message in chat.take_messages():
                _show(message, output)
            shown, asked = _tell_presence(chat, bare, shown, asked, output)
            await chat.changed()

    listening = asyncio.ensure_future(incoming())
    lines = _lines()
    try:
        while True:
            line = asyncio.ensure_future(lines.get())
            await asyncio.wait([line, listening], return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                line.cancel()
                listening.result()
            typed = await line
            if typed is None or not await _typed(chat, bare, typed, output):
                return
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def _tell_presence(chat: Chat, bare: object, shown: str, asked: int, output: Output) -> tuple[str, int]:
    now = chat.availability(str(bare)).state
    if now != shown:
        output.event(
            "presence", _("· {who} is {state}").format(who=bare, state=now), jid=str(bare), state=now
        )
    requests = list(chat.subscription_requests)
    for jid in requests[asked:]:
        line = _("· {who} asks to see your presence: /allow {who}").format(who=jid)
        output.event("subscription-request", line, jid=str(jid))
    return now, len(requests)


async def _typed(chat: Chat, bare: object, line: str, output: Output) -> bool:
    """One line from the keyboard; False to end."""
    from antiphon.kernel.errors import DomainError

    word, _space, rest = line.partition(" ")
    try:
        if not line.strip():
            return True
        if word in ("/quit", "/exit"):
            return False
        if word in _SHOWS:
            chat.set_presence(_SHOWS[word], rest.strip())
        elif word == "/add":
            await chat.add(rest.strip())
        elif word == "/allow":
            chat.allow(rest.strip())
        elif word == "/refuse":
            chat.refuse(rest.strip())
        elif word == "/who":
            for contact in chat.roster():
                state = chat.availability(contact.jid).state
                output.event(
                    "contact", f"· {contact.name or contact.jid}: {state}", jid=str(contact.jid), state=state
                )
        elif word == "/help" or (word.startswith("/") and not word.startswith("//")):
            output.event("help", _HELP)
        else:
            message_id = await chat.send(str(bare), line.removeprefix("/") if line.startswith("//") else line)
            output.event("sent", "", to=str(bare), id=message_id)
    except DomainError as error:
        print(f"{error.code}: {error.fault.what} {error.detail}", file=sys.stderr)
    return True


def _show(message: ChatMessage, output: Output) -> None:
    who = str(message.sender.bare)
    if message.error:
        line = _("{who} cannot be reached: {why}").format(who=who, why=message.error)
        output.event("error", line, sender=who, error=message.error, id=message.id)
        return
    name = _("you, elsewhere") if message.own else message.sender.local or who
    output.event(
        "message",
        f"{name}: {printable(message.body)}",
        sender=str(message.sender),
        body=message.body,
        id=message.id,
        sent_at=message.sent_at,
        own=message.own,
    )


def _lines() -> asyncio.Queue[str | None]:
    """Lines of standard input as they are typed; None at its end.

    A thread that nobody waits for: a blocked read must not keep the program from ending.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        try:
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line.rstrip("\r\n"))
            loop.call_soon_threadsafe(lines.put_nowait, None)
        except (RuntimeError, ValueError):
            return  # the loop has closed, or the input has

    threading.Thread(target=read, daemon=True).start()
    return lines
