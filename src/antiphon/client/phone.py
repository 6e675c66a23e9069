"""The softphone: registers one device of the signed-in person, makes calls and takes them.

async with load_session() as session, await Phone.connect(session) as phone:
    call = await phone.place("1002", WavFiles(play=Path("hello.wav"), record=Path("answer.wav")))
    await call.answered()
    await call.ended()
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Self

from antiphon.client.description import DEFAULT_FORMATS, Encryption
from antiphon.client.dial import dial
from antiphon.client.documents import CallManager, DeviceSettings
from antiphon.client.errors import NO_DEVICE, PHONE_LOST
from antiphon.client.session import Session
from antiphon.client.sip.agent import Agent
from antiphon.client.sip.call import ALLOW, Call
from antiphon.client.sip.carrier import StreamCarrier, open_datagram
from antiphon.client.sip.credentials import Authenticator, Token
from antiphon.client.sip.incoming import IncomingCall
from antiphon.client.sip.outgoing import OutgoingCall
from antiphon.client.sip.registration import Account, Registration
from antiphon.client.sound import Audio, Silence
from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.dns_client import Resolver
from antiphon.kernel.errors import DomainError
from antiphon.kernel.random import Random
from antiphon.kernel.time import Timers
from antiphon.model.device import SecurityMode
from antiphon.protocols.rtp.codec import Format
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.transaction.machine import ServerTransaction

log = logging.getLogger(__name__)

PING_S = 30.0
PONG_TIMEOUT_S = 10.0
_LONGEST_RETRY_S = 60.0
_MAX_CALLS = 6


class Phone:
    """Use as an async context manager, or call `close`. It registers again by itself when the connection is lost."""

    def __init__(
        self,
        device: DeviceSettings,
        resolver: Resolver,
        context: Callable[[str, int], ssl.SSLContext],
        *,
        token: Token | None = None,
        username: str = "",
        password: str | None = None,
        transport: str = "",
        encryption: Encryption | None = None,
        formats: tuple[Format, ...] = DEFAULT_FORMATS,
    ) -> None:
        """With a `token` the device registers on `sipOAuthPort` over TLS (S3-49 …), with a password by digest.

        `transport` is `tls`, `tcp` or `udp`; the default follows the device file. Prefer `connect`.
        """
        if not device.lines or not device.members:
            raise NO_DEVICE.error(device.name)
        self.random: Random = SystemRandom()
        self.timers: Timers = LoopTime()
        self.device = device
        self.formats = formats
        self.number = device.lines[0].number
        oauth = device.sip_oauth and token is not None
        secure = oauth or device.security_mode is SecurityMode.ENCRYPTED
        self._transport = transport or ("tls" if secure else "tcp")
        self._oauth = oauth and self._transport == "tls"
        # Keys in SDP need signalling that nobody reads along.
        default = Encryption.OPTIONAL if self._transport == "tls" else Encryption.OFF
        self.encryption = encryption if encryption is not None else default
        self.authenticator = Authenticator(self.random, username, password, token if self._oauth else None)
        self.agent = Agent(self, self.random, self.timers)
        self.registered_with: CallManager | None = None
        self.on_registered: Callable[[bool], None] = lambda registered: None
        """Told when the registration comes and goes."""
        self._resolver = resolver
        self._context = context
        self._instance = str(uuid.UUID(bytes=self.random.raw(16), version=4))
        self._registration: Registration | None = None
        self._account: Account | None = None
        self._calls: list[Call] = []
        self._incoming: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False

    @classmethod
    async def connect(
        cls,
        session: Session,
        device: str = "",
        *,
        password: str | None = None,
        transport: str = "",
        encryption: Encryption | None = None,
        formats: tuple[Format, ...] = DEFAULT_FORMATS,
    ) -> Phone:
        """Register the named device, or the person's first software client.

        Raises AP-CLIENT-031 without a device, AP-CLIENT-032 where the server refuses, AP-CLIENT-004 where none answers.
        """
        phone = cls(
            await session.softphone(device),
            session.resolver,
            session.environment.context_for,
            token=None if password is not None else session.token,
            username=session.userid,
            password=password,
            transport=transport,
            encryption=encryption,
            formats=formats,
        )
        await phone.start()
        return phone

    # --- Line: what the calls need -----------------------------------------------------------------------------

    @property
    def account(self) -> Account:
        if self._account is None:
            raise PHONE_LOST.error()
        return self._account

    def keep(self, call: Call) -> None:
        self._calls.append(call)

    def drop(self, call: Call) -> None:
        if call in self._calls:
            self._calls.remove(call)

    # --- for people and programs -------------------------------------------------------------------------------

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(self._calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Register with the first node that takes the device, and keep registered from then on."""
        try:
            refresh_s = await self._register_anywhere()
        except BaseException:
            await self.close()
            raise
        self._keeper = asyncio.create_task(self._keep_registered(refresh_s))

    async def place(self, number: str, audio: Audio | None = None) -> OutgoingCall:
        """Call a number or a SIP URI; returns when the call is on its way."""
        call = OutgoingCall(self, audio or Silence())
        await call.place(number)
        return call

    async def next_call(self) -> IncomingCall:
        """Wait for somebody to call. The call rings already."""
        while True:
            call = await self._incoming.get()
            if call in self._calls:
                return call

    async def disconnected(self, timeout_s: float | None = None) -> None:
        """Wait until the connection to the node is lost. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self._lost.wait()

    async def close(self) -> None:
        """Hang up, unregister, disconnect."""
        self._closing = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for call in self.calls:
            await call.hang_up()
        if self._registration is not None and self.agent.connected:
            try:
                async with asyncio.timeout(2):
                    await self._registration.unregister()
            except (DomainError, TimeoutError):
                pass  # the binding ends by itself
        await self._disconnect()
        self.agent.stop()

    async def _disconnect(self) -> None:
        if self.agent.connected:
            self.agent.carrier.close()
            await self._lost.wait()

    # --- AgentUser: what comes in ------------------------------------------------------------------------------

    def request(self, request: Request, transaction: ServerTransaction) -> None:
        call = self._call_of(request)
        if call is not None:
            call.request(request, transaction)
        elif request.to.tag:
            self.agent.respond(transaction, 481)
        elif request.method == "INVITE":
            self._ring(request, transaction)
        elif request.method in ("OPTIONS", "NOTIFY", "REFER", "INFO"):
            # Unsolicited NOTIFYs (message waiting, presence) and remote-control REFERs are taken and not acted on.
            status = 202 if request.method == "REFER" else 200
            self.agent.respond(transaction, status, self.random.token(8), f"Allow: {ALLOW}\r\n")
        else:
            self.agent.respond(transaction, 405, self.random.token(8), f"Allow: {ALLOW}\r\n")

    def acknowledged(self, request: Request) -> None:
        call = self._call_of(request)
        if call is not None:
            call.acknowledged(request)

    def cancelled(self, transaction: ServerTransaction) -> None:
        for call in self.calls:
            if isinstance(call, IncomingCall) and call.transaction is transaction:
                call.cancelled()

    def lost(self) -> None:
        if not self._closing:
            for call in self.calls:
                call.lost()
        self._lost.set()

    def _call_of(self, request: Request) -> Call | None:
        key = (request.call_id, request.to.tag, request.from_.tag)
        return next(
            (call for call in self._calls if call.dialog is not None and call.dialog.key == key), None
        )

    def _ring(self, request: Request, transaction: ServerTransaction) -> None:
        if len(self._calls) >= _MAX_CALLS or self._closing:
            self.agent.respond(transaction, 486, self.random.token(8))
            return
        call = IncomingCall(self, Silence(), request, transaction)
        call.ring()
        self._incoming.put_nowait(call)

    # --- staying registered ------------------------------------------------------------------------------------

    async def _register_anywhere(self) -> float:
        failure: DomainError | None = None
        for member in self.device.members:
            try:
                return await self._register_with(member)
            except DomainError as error:
                log.info("node not usable", extra={"code": error.code, "node": member.host})
                failure = failure or error
                await self._disconnect()
        raise failure or NO_DEVICE.error(self.device.name)

    async def _register_with(self, member: CallManager) -> float:
        line = self.device.lines[0]
        account = Account(
            line.number,
            line.display_name,
            self.device.name,
            line.contact or self._instance,
            member.host,
            self._instance,
            self.device.register_expires_s,
            self.device.register_delta_s,
        )
        self._lost.clear()
        await self._open_flow(member)
        if self._registration is None or self._account != account:
            self._registration = Registration(self.agent, self.authenticator, account, self.random)
            self._account = account
        refresh_s = await self._registration.register()
        self.registered_with = member
        self.on_registered(True)
        return refresh_s

    async def _open_flow(self, member: CallManager) -> None:
        if self._transport == "udp":
            await open_datagram(self.agent, self._resolver, member.host, member.sip_port)
            return
        tls = self._transport == "tls"
        port = member.oauth_port if self._oauth else member.secure_port if tls else member.sip_port
        await dial(
            self._resolver,
            member.host,
            port,
            StreamCarrier(self.agent),
            context=self._context(member.host, port) if tls else None,
            tls_now=tls,
        )

    async def _keep_registered(self, refresh_s: float) -> None:
        """Refresh in time; ping in between, so that a dead connection is found before the next call is missed."""
        due = self.timers.now() + refresh_s
        while True:
            wait_s = min(due - self.timers.now(), PING_S)
            try:
                async with asyncio.timeout(max(wait_s, 0.0)):
                    await self._lost.wait()
            except TimeoutError:
                pass
            try:
                if not self.agent.connected:
                    due = self.timers.now() + await self._register_again()
                elif self.timers.now() >= due:
                    assert self._registration is not None
                    due = self.timers.now() + await self._registration.register()
                elif self._transport != "udp" and not await self.agent.ping(PONG_TIMEOUT_S):
                    await self._disconnect()
            except DomainError as error:
                # A refresh that was refused (token revoked, device deleted) is tried again as from the beginning.
                log.warning("registration lost", extra={"code": error.code})
                self.on_registered(False)
                await self._disconnect()

    async def _register_again(self) -> float:
        """With growing, uneven pauses, so that a thousand phones do not come back at the same instant."""
        self.on_registered(False)
        pause_s = 1.0
        while True:
            await asyncio.sleep(self.random.uniform(pause_s / 2, pause_s))
            try:
                return await self._register_anywhere()
            except DomainError as error:
                pause_s = min(max(pause_s * 2, error.retry_after_s or 0.0), _LONGEST_RETRY_S)
