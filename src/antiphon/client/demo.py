"""The whole flow against a running deployment, as a list of steps that each say what was asked and what came back.

Two people: discovery, home cluster, sign-in, service profile, chat, softphones, a call with sound both ways, presence that
shows the call, and the end of it all when one of them signs out. It is what `antiphon demo` prints, and an acceptance test
of any deployment that has two people with a softphone each.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.client.audio import read_wav, tone, tone_share, write_wav
from antiphon.client.chat import Chat
from antiphon.client.discovery import Discoverer, Where
from antiphon.client.documents import DeviceSettings, Services
from antiphon.client.environment import Environment
from antiphon.client.errors import DEMO_FAILED
from antiphon.client.http import Http
from antiphon.client.phone import Phone
from antiphon.client.session import Session
from antiphon.client.signin import sign_in
from antiphon.client.sip.call import Call
from antiphon.client.sip.incoming import IncomingCall
from antiphon.client.sound import WavFiles
from antiphon.io.dns_client import Outcome
from antiphon.kernel.errors import DomainError

PATIENCE_S = 10.0
TALK_S = 1.5
RATE = 8000
CALLER_HZ, CALLED_HZ = 440, 880
ENOUGH_SHARE = 0.5
"""Of the recorded power; silence at both ends of a recording does not count against it."""


@dataclass(frozen=True, slots=True)
class DemoUser:
    address: str
    password: str = field(repr=False)
    number: str = ""


@dataclass(frozen=True, slots=True)
class DemoEnvironment:
    """A deployment and two of its people."""

    environment: Environment
    caller: DemoUser
    called: DemoUser


@dataclass(frozen=True, slots=True)
class Said:
    """What one step asked and what came back."""

    asked: str
    answered: str


@dataclass(frozen=True, slots=True)
class StepResult:
    name: str
    asked: str
    answered: str
    took_s: float
    failure: DomainError | None = None


Report = Callable[[StepResult], None]


class _Person:
    """One of the two, and what they have open."""

    def __init__(self, user: DemoUser) -> None:
        self.user = user
        self.session: Session
        self.services: Services
        self.device: DeviceSettings
        self.chat: Chat
        self.phone: Phone
        self.call: Call


class Demo:
    """One run. `run` returns whether every step went as it should; it stops at the first that did not."""

    def __init__(self, around: DemoEnvironment, report: Report) -> None:
        self._around = around
        self._report = report
        self._caller, self._called = _Person(around.caller), _Person(around.called)
        self._open = contextlib.AsyncExitStack()
        self._directory = Path(".")
        self._incoming: IncomingCall

    def steps(self) -> tuple[tuple[str, Callable[[], Awaitable[Said]]], ...]:
        return (
            ("DNS", self._dns),
            ("Home cluster", self._home),
            ("Sign in", self._sign_in),
            ("Service profile", self._profile),
            ("Devices", self._devices),
            ("Chat service", self._connect_chat),
            ("Contacts", self._befriend),
            ("Chat", self._chat),
            ("Softphones", self._register),
            ("Call", self._ring),
            ("Answer", self._answer),
            ("Presence", self._on_the_phone),
            ("Sound", self._listen),
            ("Hold", self._hold),
            ("Hang up", self._hang_up),
            ("Sign out", self._sign_out),
        )

    async def run(self) -> bool:
        with tempfile.TemporaryDirectory(prefix="antiphon-demo-") as directory:
            self._directory = Path(directory)
            async with self._open:
                for name, step in self.steps():
                    if not await self._step(name, step):
                        return False
        return True

    async def _step(self, name: str, step: Callable[[], Awaitable[Said]]) -> bool:
        started = time.monotonic()
        try:
            async with asyncio.timeout(3 * PATIENCE_S):
                said = await step()
        except DomainError as error:
            self._report(StepResult(name, "", str(error), time.monotonic() - started, error))
            return False
        except TimeoutError:
            late = DEMO_FAILED.error(f"{name}: nothing came back in time")
            self._report(StepResult(name, "", str(late), time.monotonic() - started, late))
            return False
        self._report(StepResult(name, said.asked, said.answered, time.monotonic() - started))
        return True

    @property
    def _both(self) -> tuple[_Person, _Person]:
        return self._caller, self._called

    # --- the way in --------------------------------------------------------------------------------------------

    async def _dns(self) -> Said:
        name = f"_cisco-uds._tcp.{self._around.caller.address.partition('@')[2]}"
        answer = await self._around.environment.open_resolver().srv(name)
        _expect(answer.outcome is Outcome.FOUND, f"{name}: {answer.outcome.value}")
        where = self._around.environment.resolver
        servers = ", ".join(f"{record.target}:{record.port}" for record in answer.records)
        return Said(f"SRV {name} of {where or 'the system'}", servers)

    async def _home(self) -> Said:
        around = self._around.environment
        address = self._around.caller.address
        async with Http(around.open_resolver(), around.context_for) as http:
            found = await Discoverer(around.open_resolver(), http).discover(address)
        _expect(found.where is Where.INSIDE and bool(found.home), f"{address}: {found.where.value}")
        _expect(found.endpoints is not None, f"{found.home} has no authorization server")
        return Said(f"which cluster is home to {address}", f"{found.home}, version {found.version}")

    async def _sign_in(self) -> Said:
        for person in self._both:
            user = person.user
            session = await sign_in(user.address, self._around.environment, password=user.password)
            person.session = await self._open.enter_async_context(session)
        names = [f"{(await p.session.user()).display_name} ({p.session.userid})" for p in self._both]
        lifetime = round((self._caller.session.record.tokens.expires_at - time.time()) / 60)
        return Said(
            "one sign-in each, with a password",
            f"{' and '.join(names)}; access token for {lifetime} min, good for HTTP, XMPP and SIP",
        )

    async def _profile(self) -> Said:
        for person in self._both:
            person.services = await person.session.services()
        found = self._caller.services.of("IMandPresence")
        _expect(bool(found), "no IM and presence service in the service profile")
        user = await self._caller.session.user()
        return Said(f"GET {user.service_profile_uri}", f"IM and presence on {found[0].host}")

    async def _devices(self) -> Said:
        for person in self._both:
            person.device = await person.session.softphone()
        said = [
            f"{p.device.name}: line {p.device.lines[0].number}, node {p.device.members[0].host}"
            for p in self._both
        ]
        _expect(self._caller.device.sip_oauth, "the device may not register by token (sipOAuthMode)")
        return Said("the device file of each softphone", "; ".join(said))

    # --- chat --------------------------------------------------------------------------------------------------

    async def _connect_chat(self) -> Said:
        caller = await Chat.connect(self._caller.session)
        self._caller.chat = await self._open.enter_async_context(caller)
        called = await Chat.connect(self._called.session, password=self._called.user.password)
        self._called.chat = await self._open.enter_async_context(called)
        said = [f"{p.chat.jid} by {p.chat.mechanism}" for p in self._both]
        return Said("one by token, one by password", "; ".join(said))

    async def _befriend(self) -> Said:
        for person, other in (self._both, self._both[::-1]):
            person.chat.allow(other.chat.jid)
            await person.chat.add(other.chat.jid.bare)
        for person, other in (self._both, self._both[::-1]):
            person.chat.allow(other.chat.jid)
            await person.chat.until(other.chat.jid, lambda shown: shown.online, PATIENCE_S)
        return Said("to see each other's presence", "both see the other available")

    async def _chat(self) -> Said:
        said = []
        for person, other in (self._both, self._both[::-1]):
            text = f"Hello from {person.session.userid}"
            started = time.monotonic()
            await person.chat.send(other.chat.jid.bare, text)
            taken = time.monotonic() - started
            message = await other.chat.next_message(person.chat.jid, PATIENCE_S)
            _expect(message.body == text, f"{other.session.userid} read {message.body!r}")
            arrived = time.monotonic() - started
            said.append(f"{text!r}: taken after {taken * 1000:.0f} ms, read after {arrived * 1000:.0f} ms")
        return Said("a message each way", "; ".join(said))

    # --- the call ----------------------------------------------------------------------------------------------

    async def _register(self) -> Said:
        said = []
        for person in self._both:
            person.phone = await self._open.enter_async_context(await Phone.connect(person.session))
            node = person.phone.registered_with
            port = node.oauth_port if node is not None else 0
            said.append(f"{person.phone.number} as {person.device.name} on port {port}")
        return Said("REGISTER with the same token (Bearer over TLS)", "; ".join(said))

    async def _ring(self) -> Said:
        write_wav(self._directory / "caller.wav", tone(CALLER_HZ, 1.0, RATE), RATE)
        write_wav(self._directory / "called.wav", tone(CALLED_HZ, 1.0, RATE), RATE)
        number = self._called.phone.number
        files = WavFiles(self._directory / "caller.wav", self._directory / "heard-by-caller.wav", repeat=True)
        self._caller.call = await self._caller.phone.place(number, files)
        incoming = await self._called.phone.next_call()
        self._called.call = self._incoming = incoming
        await self._caller.call.ringing()
        caller = f"{incoming.display_name} ({incoming.number})"
        _expect(incoming.number == self._caller.phone.number, f"the called phone shows {caller}")
        return Said(f"INVITE {number}", f"180 Ringing; {number} shows {caller}")

    async def _answer(self) -> Said:
        call = self._incoming
        files = WavFiles(self._directory / "called.wav", self._directory / "heard-by-called.wav", repeat=True)
        await call.answer(files)
        await self._caller.call.answered()
        secured = "encrypted (SRTP)" if self._caller.call.encrypted else "not encrypted"
        return Said("200 OK, ACK", f"answered; sound is {self._caller.call.codec}, {secured}")

    async def _on_the_phone(self) -> Said:
        for person, other in (self._both, self._both[::-1]):
            shown = await person.chat.until(other.chat.jid, lambda shown: shown.on_the_phone, PATIENCE_S)
        return Said("what contacts see, without any client saying so", f"{shown.state} ({shown.note})")

    async def _listen(self) -> Said:
        # Two periods of talk by the clock: there is no event for "enough sound has been recorded".
        await asyncio.gather(*(person.call.sound.heard.wait() for person in self._both))
        await asyncio.sleep(TALK_S)
        counters = [person.call.sound.counters for person in self._both]
        said = f"packets received {counters[0].received} and {counters[1].received}"
        lost = counters[0].lost + counters[1].lost
        return Said(
            f"{CALLER_HZ} Hz one way, {CALLED_HZ} Hz the other, for {TALK_S} s", f"{said}, lost {lost}"
        )

    async def _hold(self) -> Said:
        await self._called.call.hold()
        _expect(self._caller.call.held_by_them, "the other side was not told")
        await self._called.call.resume()
        _expect(not self._caller.call.held_by_them, "the other side is still on hold")
        return Said("re-INVITE sendonly, then sendrecv", "held and resumed")

    async def _hang_up(self) -> Said:
        await self._caller.call.hang_up()
        await self._called.call.ended()
        said = []
        for name, frequency in (("heard-by-caller", CALLED_HZ), ("heard-by-called", CALLER_HZ)):
            share = tone_share(read_wav(self._directory / f"{name}.wav", RATE), RATE, frequency)
            _expect(share > ENOUGH_SHARE, f"{name}.wav: {frequency} Hz makes only {share:.0%} of the sound")
            said.append(f"{name}.wav: {frequency} Hz makes {share:.0%}")
        for person, other in (self._both, self._both[::-1]):
            await person.chat.until(other.chat.jid, lambda shown: not shown.on_the_phone, PATIENCE_S)
        return Said("BYE; then the two recordings", "; ".join(said) + "; presence is back")

    async def _sign_out(self) -> Said:
        started = time.monotonic()
        await self._called.session.sign_out()
        await self._called.phone.disconnected(PATIENCE_S)
        took = time.monotonic() - started
        try:
            await self._called.session.token(fresh=True)
        except DomainError as error:
            refused = error.code
        else:
            raise DEMO_FAILED.error("the sign-in can still be renewed")
        return Said(
            f"{self._called.user.address} signs out",
            f"cut off after {took:.1f} s; a renewal is refused ({refused})",
        )


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DEMO_FAILED.error(otherwise)
