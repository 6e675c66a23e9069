"""Phones that speak SIP: bytes over in-memory TLS flows through the real door, registered with a token.

The user agent here is as small as a scenario allows: reliable transport, one line, no transactions of its own.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from urllib.parse import quote

from tests.scenarios.engine.phone import WORDS, Phone, Session, State
from tests.scenarios.engine.world import DOMAIN, World

from antiphon.interfaces.sip import Listener, Scheme, SipDoor, SipStreamEndpoint
from antiphon.kernel.core import Address, Security
from antiphon.kernel.errors import Fault, Kind
from antiphon.model import Principal
from antiphon.protocols.sip.build import response
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.framing import Framer
from antiphon.protocols.sip.message import Request, Response

SDP = "application/sdp"
NO_SUCH_TOKEN = Fault("AP-TEST-001", Kind.UNAUTHENTICATED, "No such token.", "Take another.")
REFRESH_S = 60.0


class Tokens:
    """The token of everybody is `token-<userid>`; nobody has a digest secret."""

    def verify_token(self, token: str, /) -> Principal:
        if not token.startswith("token-"):
            raise NO_SUCH_TOKEN.error()
        return Principal(token.removeprefix("token-"), "token")

    def digest_ha1(self, userid: str, realm: str, algorithm: str) -> str | None:
        return None

    def attempt(self, userid: str, source: str) -> None: ...

    def sign_in_failed(self, userid: str, source: str) -> None: ...

    def sign_in_succeeded(self, userid: str, source: str) -> None: ...


class SipPhones:
    """The wire between the phones and the door: one queue, so that nobody is called from inside itself."""

    name = "sip"

    def __init__(self) -> None:
        self._queue: deque[Callable[[], None]] = deque()
        self._ports = itertools.count(40001)

    def attach(self, world: World) -> None:
        self.world = world
        tokens = Tokens()
        self.door = SipDoor(
            registrar=world.registrar,
            calls=world.calls,
            directory=world.directory,
            credentials=tokens,
            tokens=tokens,
            timers=world.time,
            random=world.random,
            domain=DOMAIN,
        )

    def phone(self, number: str) -> Phone:
        phone = SipPhone(number, self, Address("192.0.2.1", next(self._ports)))
        phone.register()
        self.settle()
        return phone

    @property
    def legs(self) -> int:
        return self.door.legs

    def put(self, delivery: Callable[[], None]) -> None:
        self._queue.append(delivery)

    def settle(self) -> None:
        while self._queue:
            self._queue.popleft()()


class SipPhone(Phone):
    """Both ends of its flow: the `Flow` that the door writes to, and the user agent that reads it."""

    transport = "tls"
    security = Security("TLSv1.3", "x", None, b"", None, None)
    pending = 0

    def __init__(self, number: str, wire: SipPhones, address: Address) -> None:
        super().__init__(number, wire.settle)
        self._wire = wire
        self.peer = address
        self.local = Address("127.0.1.1", 5090)
        line = wire.world.directory.line(number)
        assert line is not None
        self._userid = line.owner
        self._framer = Framer()
        self._branches = itertools.count(1)
        self._register_cseq = 0
        self._calls: dict[str, UaCall] = {}
        self._of: dict[Session, UaCall] = {}
        listener = Listener("cucm1.example.test", "127.0.1.1", 5090, "tls", Scheme.BEARER)
        self._endpoint = SipStreamEndpoint(wire.door, listener)
        self._endpoint.opened(self, wire.world.time.now())

    # The flow, as the door sees it

    def send(self, data: bytes) -> None:
        self._wire.put(lambda: self._heard(data))

    def start_tls(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        self.unplug()

    def abort(self) -> None:
        self.unplug()

    def unplug(self) -> None:
        if self.plugged:
            self.plugged = False
            self._endpoint.closed(self._wire.world.time.now())

    # The user agent

    @property
    def contact(self) -> str:
        return f"<sip:{self.number}@{self.peer};transport=tls>"

    def via(self, branch: str = "") -> str:
        return f"SIP/2.0/TLS {self.peer};branch={branch or self.branch()}"

    def branch(self) -> str:
        return f"z9hG4bK{self.number}-{next(self._branches)}"

    def put(self, data: bytes) -> None:
        if self.plugged:
            self._wire.put(lambda: self._endpoint.received(data, self._wire.world.time.now()))

    def register(self, proof: str = "") -> None:
        self._register_cseq += 1
        me = f"<sip:{self.number}@{DOMAIN}>"
        fields = {
            "Via": self.via(),
            "Max-Forwards": "70",
            "From": f"{me};tag=r{self.number}",
            "To": me,
            "Call-ID": f"register-{self.peer.port}",
            "CSeq": f"{self._register_cseq} REGISTER",
            "Contact": f'{self.contact};+sip.instance="<urn:uuid:{self.number}>"'
            f';+u.sip!devicename.ccm.cisco.com="CSF{self._userid.upper()}"',
            "Expires": "3600",
        }
        if proof:
            fields["Proxy-Authorization"] = proof
        self.put(Request("REGISTER", f"sip:{DOMAIN}", fields).to_bytes())

    def _heard(self, data: bytes) -> None:
        for message in self._framer.feed(data):
            if isinstance(message, Request):
                self._request(message)
            elif isinstance(message, Response):
                self._response(message)
            else:
                raise AssertionError(f"{self.number} was sent {message!r}")

    def reply(self, request: Request, status: int, headers: str = "", body: bytes = b"") -> None:
        if body:
            headers += f"Content-Type: {SDP}\r\n"
        headers += f"Contact: {self.contact}\r\n"
        self.put(response(request, status, ("127.0.1.1", 5090), f"t{self.number}", headers, body))

    def _request(self, request: Request) -> None:
        call = self._calls.get(request.call_id)
        if call is None and request.method == "INVITE":
            self._offered(request)
        elif call is None:
            if request.method != "ACK":
                self.reply(request, 481)
        else:
            call.request(request)

    def _offered(self, request: Request) -> None:
        caller = request.from_
        session = self.open(caller.sip.username, State.RINGING)
        session.shown = caller.name
        session.diverted_by = tuple(
            diversion.sip.username for diversion in reversed(request.addresses("Diversion"))
        )
        call = self.enter(session, Dialog.accepted(request, f"t{self.number}"))
        call.invite = request
        self.reply(request, 180)

    def enter(self, session: Session, dialog: Dialog) -> UaCall:
        call = UaCall(self, session, dialog)
        self._calls[dialog.call_id] = call
        self._of[session] = call
        return call

    def _response(self, message: Response) -> None:
        if message.cseq_method == "REGISTER":
            if message.status == 407:
                self.register(f'Bearer token="token-{self._userid}"')
            else:
                assert message.status == 200, message
                time = self._wire.world.time
                time.at(time.now() + REFRESH_S, self._refresh)
            return
        call = self._calls.get(message.call_id)
        if call is not None:
            call.response(message)

    def _refresh(self) -> None:
        if self.plugged:
            self.register(f'Bearer token="token-{self._userid}"')

    # Intentions

    def send_invite(self, session: Session) -> None:
        uri = f"sip:{session.other}@{DOMAIN}"
        tag = f"t{self.number}"
        me = f'"{self._userid}" <sip:{self.number}@{DOMAIN}>'
        call_id = f"call-{self.number}-{next(self._branches)}"
        call = self.enter(session, Dialog(call_id, me, tag, f"<{uri}>", "", uri))
        call.send("INVITE", session.describe())

    def send_early(self, session: Session) -> None:
        self._of[session].announce()

    def send_answer(self, session: Session) -> None:
        self._of[session].answer()

    def send_refusal(self, session: Session, status: int) -> None:
        self._of[session].refuse(status)

    def send_cancel(self, session: Session) -> None:
        self._of[session].cancel()

    def send_bye(self, session: Session) -> None:
        self._of[session].send("BYE")

    def send_reoffer(self, session: Session) -> None:
        self._of[session].send("INVITE", session.describe())

    def send_refer(self, session: Session, target: str, replaced: Session | None) -> None:
        uri = f"sip:{target}@{DOMAIN}"
        if replaced is not None:
            dialog = self._of[replaced].dialog
            value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
            uri += f"?Replaces={quote(value, safe='')}"
        self._of[session].send("REFER", headers={"Refer-To": f"<{uri}>"})


class UaCall:
    """One dialog of a phone, from the first INVITE on."""

    def __init__(self, phone: SipPhone, session: Session, dialog: Dialog) -> None:
        self._phone = phone
        self._session = session
        self.dialog = dialog
        self.invite: Request | None = None
        """The INVITE that is to be answered, or whose answer is awaited."""
        self._initial = True
        self._early = False
        """A provisional response has brought the answer; what the 2xx says does not count (RFC 3261 §13.2.1)."""

    def send(self, method: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        request = self.dialog.request(method, self._phone.via())
        request.fields["Contact"] = self._phone.contact
        request.fields.update(headers or {})
        if body:
            request.fields["Content-Type"] = SDP
            request.body = body
        if method == "INVITE":
            self.invite = request
        self._phone.put(request.to_bytes())

    def announce(self) -> None:
        assert self.invite is not None
        self._phone.reply(self.invite, 183, body=self._session.answer_to(self.invite.body))

    def answer(self) -> None:
        assert self.invite is not None
        self._accept(self.invite)
        self._initial = False
        self._session.connected(None)

    def refuse(self, status: int) -> None:
        assert self.invite is not None
        self._phone.reply(self.invite, status)

    def cancel(self) -> None:
        assert self.invite is not None
        fields = {name: self.invite.fields[name] for name in ("Via", "Max-Forwards", "From", "To", "Call-ID")}
        fields["CSeq"] = f"{self.invite.sequence} CANCEL"
        self._phone.put(Request("CANCEL", self.invite.uri, fields).to_bytes())

    def request(self, request: Request) -> None:
        session, phone = self._session, self._phone
        match request.method:
            case "ACK":
                if request.body:
                    session.learned(request.body)
            case "CANCEL":
                phone.reply(request, 200)
                self.refuse(487)
                session.over()
            case "BYE":
                phone.reply(request, 200)
                session.over()
            case "INVITE" if self.invite is not None:
                phone.reply(request, 491)
            case "INVITE":
                self._accept(request)
            case "NOTIFY":
                phone.reply(request, 200)
                status = int(request.body.split()[1])
                if status >= 200:
                    session.transfer = "works" if status < 300 else "fails"
            case _:
                phone.reply(request, 200)

    def _accept(self, request: Request) -> None:
        body = self._session.answer_to(request.body) if request.body else self._session.describe()
        self._phone.reply(request, 200, body=body)
        self.invite = None

    def response(self, message: Response) -> None:
        if message.cseq_method == "INVITE":
            self._invited(message)
        elif message.cseq_method == "REFER" and message.status >= 300:
            self._session.transfer = "fails"

    def _invited(self, message: Response) -> None:
        session, invite = self._session, self.invite
        if message.status == 100 or invite is None:
            return
        if message.status < 200:
            self._establish(invite, message)
            session.progressed(message.body or None, message.status == 180)
            self._early = self._early or bool(message.body)
        elif message.status < 300:
            self._establish(invite, message)
            self.invite = None
            self._phone.put(self.dialog.request("ACK", self._phone.via(), message.sequence).to_bytes())
            if self._initial:
                self._initial = False
                session.connected(None if self._early else message.body)
            else:
                session.learned(message.body)
        else:
            self._refused(invite, message)

    def _establish(self, invite: Request, message: Response) -> None:
        if self._initial:
            self.dialog = Dialog.established(invite, message)

    def _refused(self, invite: Request, message: Response) -> None:
        session, self.invite = self._session, None
        fields = {name: invite.fields[name] for name in ("Via", "Max-Forwards", "From", "Call-ID")}
        fields["To"] = message.fields["To"]
        fields["CSeq"] = f"{invite.sequence} ACK"
        self._phone.put(Request("ACK", invite.uri, fields).to_bytes())
        if self._initial:
            session.over(session.hears if session.hears == WORDS[487] else WORDS[message.status])
        else:
            session.kept()
