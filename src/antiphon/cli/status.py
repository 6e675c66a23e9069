"""`antiphon status`: what your contacts show, and what you show them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import Output, printable

if TYPE_CHECKING:
    from antiphon.client.chat import Chat
    from antiphon.protocols.xmpp.jid import Jid

app = cyclopts.App(name="status", help="Show or set presence.")

Show = Literal["available", "chat", "away", "xa", "dnd"]
_SETTLE_S = 0.3
"""What comes from other domains takes a moment; those of our own are there before the server answers a ping."""


@app.default
def status(
    *,
    show: Annotated[Show | None, cyclopts.Parameter(name="--set")] = None,
    note: str = "",
    seconds: Annotated[float | None, cyclopts.Parameter(name="--for")] = None,
    watch: bool = False,
    account: str = "",
    json: bool = False,
) -> int:
    """Show what your contacts show. With --set show something yourself, for as long as the command runs.

    Presence belongs to a connection: it ends with the command (Ctrl-C, or --for).

    Examples: antiphon status
    antiphon status --set dnd --note "Writing" --for 3600

    Parameters
    ----------
    show
        What your contacts are to see: available, chat (glad to), away, xa (away for long) or dnd (do not disturb).
    note
        A few words with it.
    seconds
        With --set or --watch: end after so many seconds.
    watch
        Go on and print every change.
    account
        Address of the sign-in to use; the default is the last one.
    json
        Write JSON lines.
    """
    output = Output("antiphon.status/1", json)
    return asyncio.run(_status(show, note, seconds, watch, account, output))


async def _status(
    show: str | None, note: str, seconds: float | None, watch: bool, account: str, output: Output
) -> int:
    from antiphon.client.chat import Chat
    from antiphon.client.session import load_session

    async with (
        load_session(account or None) as session,
        # A program that only looks gets no messages: they wait for one that shows them.
        await Chat.connect(
            session, show=(show or "").replace("available", ""), note=note, priority=-1
        ) as chat,
    ):
        await chat.ping()
        if show is not None:
            line = _("Your contacts see: {state}. Ctrl-C ends it.").format(state=show)
            output.event("set", line, show=show, note=note)
        elif not watch:
            await asyncio.sleep(_SETTLE_S)
        await _watch(chat, seconds, show is not None or watch, watch or show is None, output)
    return 0


async def _watch(chat: Chat, seconds: float | None, stay: bool, tell: bool, output: Output) -> None:
    shown: dict[Jid, tuple[str, str]] = {}
    if tell:
        _tell_changes(chat, shown, output)
    if not stay:
        return
    try:
        async with asyncio.timeout(seconds):
            while True:
                await chat.changed()
                if tell:
                    _tell_changes(chat, shown, output)
    except TimeoutError:
        pass


def _tell_changes(chat: Chat, shown: dict[Jid, tuple[str, str]], output: Output) -> None:
    for contact in sorted(chat.roster(), key=lambda c: (c.name or str(c.jid)).casefold()):
        availability = chat.availability(contact.jid)
        now = (availability.state, availability.note)
        if shown.get(contact.jid) == now:
            continue
        shown[contact.jid] = now
        note = f" ({printable(availability.note)})" if availability.note else ""
        name = printable(contact.name) or str(contact.jid)
        output.event(
            "contact",
            f"{name:<32} {availability.state}{note}",
            jid=str(contact.jid),
            name=contact.name,
            state=availability.state,
            note=availability.note,
            on_the_phone=availability.on_the_phone,
            subscription=contact.subscription,
        )
