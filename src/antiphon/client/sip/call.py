"""One call of a softphone: its state, its dialog and its sound, once it is under way.

How a call begins differs from side to side: sip/outgoing.py and sip/incoming.py.

Source: RFC 3261 §12, §14, §15; RFC 3264 §8.4 (hold); RFC 3515, RFC 3891 (transfer); RFC 4028 (session timers).
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol

from antiphon.client.description import Agreed, Encryption, Local, accepted, answer, offer
from antiphon.client.errors import CALL_FAILED
from antiphon.client.sip.agent import Agent
from antiphon.client.sip.credentials import Authenticator
from antiphon.client.sip.registration import USER_AGENT, Account, contact, exchange, reason
from antiphon.client.sound import Audio, Sound
from antiphon.kernel.errors import DomainError
from antiphon.kernel.random import Random
from antiphon.kernel.time import Cancel, Timers
from antiphon.protocols.rtp import sdes
from antiphon.protocols.rtp.codec import Format
from antiphon.protocols.rtp.sdes import Crypto
from antiphon.protocols.sdp import Direction
from antiphon.protocols.sip import session_timer
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.transaction.machine import ServerTransaction
from antiphon.protocols.sip.transaction.timers import T1, T2, TIMEOUT

log = logging.getLogger(__name__)

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REFER, NOTIFY, INFO"
SDP = "application/sdp"
_SENDS = (Direction.SENDRECV, Direction.SENDONLY)
_TRANSFER_TIMEOUT_S = 60.0


class CallState(enum.Enum):
    DIALLING = "dialling"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class Line(Protocol):
    """The phone, as its calls see it."""

    @property
    def agent(self) -> Agent: ...

    @property
    def authenticator(self) -> Authenticator: ...

    @property
    def account(self) -> Account: ...

    @property
    def random(self) -> Random: ...

    @property
    def timers(self) -> Timers: ...

    @property
    def formats(self) -> tuple[Format, ...]: ...

    @property
    def encryption(self) -> Encryption: ...

    def keep(self, call: Call) -> None: ...

    def drop(self, call: Call) -> None: ...


class Call:
    """What both sides' calls share. `changed` is called after every change of state or hold."""

    incoming = False

    def __init__(self, line: Line, audio: Audio) -> None:
        self.line = line
        self.agent = line.agent
        self.state = CallState.DIALLING
        self.number = ""
        """The other side's."""
        self.display_name = ""
        self.failure: DomainError | None = None
        """Why the call did not come about, or ended for another reason than somebody hanging up."""
        self.ended_by_us = False
        self.held_by_us = False
        self.held_by_them = False
        self.changed: Callable[[], None] = lambda: None
        self.on_digit: Callable[[str], None] = lambda digit: None
        self.sound = Sound(audio, line.random, lambda digit: self.on_digit(digit))
        self.tag = line.random.token(8)
        """Of our side of the dialog."""
        self.dialog: Dialog | None = None
        self._local: Local | None = None
        self._keys: tuple[Crypto, ...] = ()
        self._agreed: Agreed | None = None
        self._change = asyncio.Event()
        self._finished = asyncio.Event()
        self._refresh: Cancel | None = None
        self._transfer: asyncio.Future[int] | None = None
        self._resending: Cancel | None = None
        self._answer_is_due = False
        self._tasks: set[asyncio.Task[None]] = set()

    # --- for people and programs -------------------------------------------------------------------------------

    @property
    def call_id(self) -> str:
        return self.dialog.call_id if self.dialog is not None else ""

    @property
    def encrypted(self) -> bool:
        return self._agreed is not None and self._agreed.keys is not None

    @property
    def codec(self) -> str:
        """Name of the agreed codec; empty before."""
        return self._agreed.sends.name if self._agreed is not None else ""

    async def answered(self) -> None:
        """Wait until the call is answered. Raises AP-CLIENT-033 with the reason where it ended before."""
        await self._until(CallState.ANSWERED)

    async def ringing(self) -> None:
        """Wait until the other side rings or has answered; raises as `answered` does."""
        await self._until(CallState.RINGING, CallState.ANSWERED)

    async def ended(self) -> None:
        """Wait until the call is over and its sound is closed (the recording is complete)."""
        await self._finished.wait()

    async def hang_up(self) -> None:
        """End the call in whatever state it is; returns when it is over."""
        if self.state is not CallState.ENDED:
            self.ended_by_us = True
            await self._give_up()
        await self._finished.wait()

    async def hold(self) -> None:
        """Ask the other side to send no more, and send no more. Raises AP-CLIENT-033 where it refuses."""
        await self._reoffer(Direction.SENDONLY)
        self.held_by_us = True
        self._pause()

    async def resume(self) -> None:
        await self._reoffer(Direction.SENDRECV)
        self.held_by_us = False
        self._pause()

    async def transfer(self, number: str) -> None:
        """Send the other side to `number` (blind transfer); ends this call when that one has been answered.

        Raises AP-CLIENT-033 where that did not succeed; this call goes on then.
        """
        target = number if ":" in number else f"sip:{number}@{self.line.account.host}"
        await self._refer(f"<{target}>")

    async def transfer_to(self, other: Call) -> None:
        """Connect the other sides of two calls of ours (attended transfer)."""
        dialog = other._established()
        replaces = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
        escaped = replaces.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
        await self._refer(f"<{dialog.remote_target}?Replaces={escaped}>")

    def press(self, digits: str) -> bool:
        """Send keys beside the sound (RFC 4733). False where the other side takes none."""
        return self.sound.press(digits)

    # --- what the phone hands in -------------------------------------------------------------------------------

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog."""
        if self.dialog is None or not self.dialog.fits(request):
            self.agent.respond(transaction, 500)
            return
        match request.method:
            case "BYE":
                self.agent.respond(transaction, 200)
                self.finish()
            case "INVITE" | "UPDATE":
                self._reoffered(request, transaction)
            case "NOTIFY":
                self.agent.respond(transaction, 200)
                self._transfer_news(request)
            case "OPTIONS" | "INFO":
                self.agent.respond(transaction, 200, headers=f"Allow: {ALLOW}\r\n")
            case _:
                self.agent.respond(transaction, 501, headers=f"Allow: {ALLOW}\r\n")

    def acknowledged(self, request: Request) -> None:
        """The ACK of our 2xx to an INVITE; with the answer where the 2xx carried our offer."""
        self._stop_repeating()
        if self._answer_is_due:
            self._answer_is_due = False
            try:
                self.take_answer(request.body)
                self.play()
            except DomainError as error:
                self.failure = error
                self.spawn(self.bye())

    def lost(self) -> None:
        """The flow to the server is gone. An answered call goes on: its sound has a way of its own."""

    # --- for the two beginnings --------------------------------------------------------------------------------

    async def open_sound(self) -> Local:
        """Ports and keys of our description, the same ones for the whole call."""
        if self._local is None:
            address = await self.sound.open(self.agent.carrier.local.host)
            session_id = int.from_bytes(self.line.random.raw(6), "big")
            self._local = Local(address, session_id, self.line.formats, self.line.encryption)
            if self.line.encryption is not Encryption.OFF:
                self._keys = sdes.offer(self.line.random)
        return self._local

    def our_offer(self) -> bytes:
        assert self._local is not None
        return offer(self._local, self._keys)

    def our_answer(self, offered: bytes) -> bytes:
        """Raises AP-CLIENT-034."""
        assert self._local is not None
        kept = self._agreed.keys if self._agreed is not None else None
        body, self._agreed = answer(offered, self._local, self.line.random, kept)
        return body

    def take_answer(self, answered: bytes) -> None:
        """Raises AP-CLIENT-034."""
        assert self._local is not None
        self._agreed = accepted(answered, self._local, self._keys)

    def accept(self, transaction: ServerTransaction, request: Request) -> None:
        """Our 2xx to an INVITE or UPDATE. Raises AP-CLIENT-034, and nothing has been sent then.

        An INVITE without an offer gets ours, and the answer comes in the ACK.
        """
        invite = request.method == "INVITE"
        body = b""
        if request.body:
            body = self.our_answer(request.body)
        elif invite:
            body, self._answer_is_due = self.our_offer(), True
        content = f"Content-Type: {SDP}\r\n" if body else ""
        headers = self.headers(request) + self.accept_timer(request) + content
        data = self.agent.respond(transaction, 200, self.tag, headers, body)
        if invite:
            self._repeat(data, T1, self.line.timers.now() + TIMEOUT)

    @property
    def described(self) -> bool:
        """Have both sides said how sound travels?"""
        return self._agreed is not None

    def play(self) -> None:
        if self._agreed is not None:
            self.sound.start(self._agreed)

    def headers(self, request: Request) -> str:
        """Lines of a response that establishes or refreshes a dialog; the route goes back as it came (§12.1.1)."""
        where = contact(self.agent, self.line.account)
        route = "".join([f"Record-Route: {value}\r\n" for value in request.values("Record-Route")])
        own = f"Contact: {where}\r\nAllow: {ALLOW}\r\nSupported: replaces, timer\r\n"
        return f"{route}{own}User-Agent: {USER_AGENT}\r\n"

    def to(self, state: CallState) -> None:
        if self.state is not CallState.ENDED and state is not self.state:
            self.state = state
            self._tell()

    def spawn(self, coro: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def finish(self, failure: DomainError | None = None) -> None:
        """Over, whoever ended it."""
        if self.state is CallState.ENDED:
            return
        self.failure = self.failure or failure
        if self._refresh is not None:
            self._refresh.cancel()
        self._stop_repeating()
        if self._transfer is not None and not self._transfer.done():
            self._transfer.set_result(200)
        self.line.drop(self)
        self.to(CallState.ENDED)
        self.spawn(self._close_sound())

    async def bye(self) -> None:
        dialog = self.dialog
        if dialog is not None and self.agent.connected:
            try:
                await exchange(self.agent, self.line.authenticator, dialog.request("BYE", self.agent.via()))
            except DomainError as error:
                log.info("BYE not answered", extra={"code": error.code})
        self.finish()

    def watch_session(self, agreement: session_timer.Agreement | None) -> None:
        """Refresh the session in time, or end it when the other side has vanished (RFC 4028 §10)."""
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        if agreement is None:
            return
        due = self._send_refresh if agreement.ours else self._vanished

        def act() -> None:
            self.spawn(due(agreement.interval_s))

        self._refresh = self.line.timers.at(self.line.timers.now() + agreement.next_s, act)

    # --- within ------------------------------------------------------------------------------------------------

    async def _give_up(self) -> None:
        """End a call that is under way; the two beginnings add how to end one that is not."""
        await self.bye()

    async def _until(self, *states: CallState) -> None:
        while self.state not in states:
            if self.state is CallState.ENDED:
                raise self.failure or CALL_FAILED.error("ended before it was answered")
            await self._change.wait()

    def _tell(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
        self.changed()

    def _established(self) -> Dialog:
        if self.dialog is None or self.state is not CallState.ANSWERED:
            raise CALL_FAILED.error("the call is not under way")
        return self.dialog

    def _pause(self) -> None:
        theirs = self._agreed is not None and self._agreed.direction not in _SENDS
        self.sound.pause(self.held_by_us or theirs)
        self._tell()

    async def _reoffer(self, direction: Direction) -> None:
        dialog = self._established()
        assert self._local is not None
        before = self._local.direction
        self._local = replace(self._local, version=self._local.version + 1, direction=direction)
        request = dialog.request("INVITE", self.agent.via())
        request.fields |= {
            "Contact": contact(self.agent, self.line.account),
            "Allow": ALLOW,
            "Supported": "replaces, timer",
            "Session-Expires": str(session_timer.DEFAULT_S),
            "Content-Type": SDP,
        }
        request.body = self.our_offer()
        response = await exchange(self.agent, self.line.authenticator, request, self._acknowledge)
        # The exchange may have counted a challenge; the dialog goes on from the number that was answered.
        dialog.local_seq = response.sequence
        if response.status >= 300:
            self._local = replace(self._local, direction=before)
            raise CALL_FAILED.error(reason(response))
        dialog.refresh(response)
        self._acknowledge(response)
        if response.body:
            self.take_answer(response.body)
            self.play()
        self.watch_session(session_timer.outcome(response, session_timer.DEFAULT_S))

    def _acknowledge(self, response: Response) -> None:
        if 200 <= response.status < 300 and self.dialog is not None:
            self.agent.send(self.dialog.request("ACK", self.agent.via(), response.sequence))

    def _reoffered(self, request: Request, transaction: ServerTransaction) -> None:
        assert self.dialog is not None
        if self._local is None:
            self.agent.respond(transaction, 491)
            return
        self._local = replace(self._local, version=self._local.version + 1)
        try:
            self.accept(transaction, request)
        except DomainError:
            self.agent.respond(transaction, 488)
            return
        self.dialog.refresh(request)
        if request.body and self._agreed is not None:
            self.play()
            self.held_by_them = self._agreed.direction in (Direction.RECVONLY, Direction.INACTIVE)
            self._pause()

    def _repeat(self, data: bytes, after_s: float, until: float) -> None:
        """§13.3.1.4: the 2xx again until the ACK comes, T1 to T2 apart, for 64*T1; then the call is given up."""
        self._stop_repeating()
        now = self.line.timers.now()
        if now >= until:
            self.failure = CALL_FAILED.error("the answer was not acknowledged")
            self.spawn(self.bye())
            return

        def again() -> None:
            self.agent.resend(data)
            self._repeat(data, min(after_s * 2, T2), until)

        self._resending = self.line.timers.at(now + after_s, again)

    def _stop_repeating(self) -> None:
        if self._resending is not None:
            self._resending.cancel()
            self._resending = None

    def accept_timer(self, request: Request) -> str:
        """The Session-Expires line of our 2xx, if one is due; starts watching."""
        try:
            expires, agreement = session_timer.answer(request)
        except session_timer.TooSmall:
            expires, agreement = None, None
        self.watch_session(agreement if "Session-Expires" in request.fields else None)
        return f"Require: timer\r\nSession-Expires: {expires}\r\n" if expires and self._refresh else ""

    async def _send_refresh(self, interval_s: int) -> None:
        if self.state is CallState.ANSWERED:
            await self._reoffer(Direction.SENDONLY if self.held_by_us else Direction.SENDRECV)

    async def _vanished(self, interval_s: int) -> None:
        log.info("session not refreshed", extra={"code": CALL_FAILED.code, "interval_s": interval_s})
        self.failure = CALL_FAILED.error("the other side has vanished")
        await self.bye()

    async def _refer(self, target: str) -> None:
        dialog = self._established()
        self._transfer = asyncio.get_running_loop().create_future()
        request = dialog.request("REFER", self.agent.via())
        request.fields |= {
            "Contact": contact(self.agent, self.line.account),
            "Refer-To": target,
            "Referred-By": f"<{self.line.account.address}>",
        }
        response = await exchange(self.agent, self.line.authenticator, request)
        dialog.local_seq = response.sequence
        if response.status >= 300:
            raise CALL_FAILED.error(reason(response))
        try:
            async with asyncio.timeout(_TRANSFER_TIMEOUT_S):
                status = await self._transfer
        except TimeoutError as error:
            raise CALL_FAILED.error("nothing was heard of the transfer") from error
        if status >= 300:
            raise CALL_FAILED.error(f"transfer refused: {status}")
        if self.state is not CallState.ENDED:
            self.ended_by_us = True
            await self.bye()

    def _transfer_news(self, request: Request) -> None:
        """A sipfrag: the status line of the call that the other side makes (RFC 3515 §2.4.5)."""
        parts = request.body.partition(b"\r\n")[0].split(b" ")
        if self._transfer is None or self._transfer.done() or len(parts) < 2 or not parts[1].isdigit():
            return
        status = int(parts[1][:3])
        if status >= 200:
            self._transfer.set_result(status)

    async def _close_sound(self) -> None:
        try:
            await self.sound.close()
        finally:
            self._finished.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, DomainError):
            self.finish(error)
        elif error is not None:
            log.error("call failed", exc_info=error, extra={"code": CALL_FAILED.code})
            self.finish(CALL_FAILED.error())
