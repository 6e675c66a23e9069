"""A site behind the SIP door: real registrar, real call service, a directory in memory, virtual time, and phones.

A phone speaks over an in-memory flow; what the door sends it is in its `inbox`, parsed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from antiphon.interfaces.sip import (
    Listener,
    Scheme,
    SipDatagramEndpoint,
    SipDoor,
    SipStreamEndpoint,
    SipWebSocketEndpoint,
)
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.core import Address, Security
from antiphon.kernel.errors import Fault, Kind
from antiphon.kernel.features import load
from antiphon.kernel.random import SequenceRandom
from antiphon.kernel.time import VirtualTime
from antiphon.model import Device, DeviceLine, Line, Principal, User
from antiphon.protocols.sip import digest
from antiphon.protocols.sip.auth import parse_credentials
from antiphon.protocols.sip.framing import Framer, Ping
from antiphon.protocols.sip.message import Rejected, Request, Response
from antiphon.protocols.sip.parse import parse_datagram
from antiphon.services.call.service import CallService
from antiphon.services.directory.memory import Memory
from antiphon.services.registrar.service import Registrar

REALM = "ccmsipline"
NO = Fault("AP-TEST-001", Kind.UNAUTHENTICATED, "no", "no")
WAIT = Fault("AP-TEST-002", Kind.FORBIDDEN, "wait", "wait")
PEOPLE = {"alice": "1001", "bob": "1002", "carol": "1003", "dave": "1004"}


def sdp(who: str, direction: str = "sendrecv") -> bytes:
    return (
        f"v=0\r\no={who} 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        f"m=audio 4000 RTP/AVP 0\r\na={direction}\r\n"
    ).encode()


class Secrets:
    """Digest secrets and tokens: the password of everybody is `secret`, their token `token-<userid>`."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.blocked: set[str] = set()
        self.until: float | None = None
        self.session = ""
        """The sign-in of tokens from now on, where it is not `session-<userid>`."""

    def digest_ha1(self, userid: str, realm: str, algorithm: str) -> str | None:
        return digest.ha1(userid, realm, "secret", algorithm) if userid in PEOPLE else None

    def attempt(self, userid: str, source: str) -> None:
        if userid in self.blocked:
            raise WAIT.error(retry_after_s=8.0)

    def sign_in_failed(self, userid: str, source: str) -> None:
        self.failed.append(userid)

    def sign_in_succeeded(self, userid: str, source: str) -> None:
        self.failed.clear()

    def verify_token(self, token: str, /) -> Principal:
        userid = token.removeprefix("token-")
        if userid not in PEOPLE:
            raise NO.error()
        return Principal(
            userid, "token", expires_at=self.until, session_id=self.session or f"session-{userid}"
        )


class EdgeList:
    def allowed(self, certificate: bytes) -> bool:
        return certificate == b"edge1"


class MemoryFlow:
    """One stream, as the door sees it."""

    def __init__(self, transport: str, peer: Address, certificate: bytes | None = None) -> None:
        self.transport = transport
        self.local = Address("127.0.1.1", 5061)
        self.peer = peer
        tls = transport in ("tls", "wss")
        self.security = Security("TLSv1.3", "x", certificate, b"local", None, None) if tls else None
        self.pending = 0
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def start_tls(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class MemoryDatagrams:
    """One UDP socket, as the door sees it."""

    def __init__(self) -> None:
        self.local = Address("127.0.1.1", 5060)
        self.sent: dict[Address, list[bytes]] = {}

    def send_to(self, data: bytes, peer: Address) -> None:
        self.sent.setdefault(peer, []).append(data)


class Site:
    def __init__(self) -> None:
        self.time = VirtualTime(1000.0)
        self.bus = LocalBus()
        self.random = SequenceRandom()
        self.directory = Memory()
        for userid, number in PEOPLE.items():
            self.directory.keep(User(userid, f"u-{userid}"))
            self.directory.keep(Line(number, f"l-{number}", display_name=userid.title(), owner=userid))
            self.device(f"CSF{userid.upper()}", userid, number)
            self.device(f"SEP{userid.upper()}", userid, number, oauth=False, algorithms=("MD5", "SHA-256"))
        self.secrets = Secrets()
        self.registrar = Registrar(self.time, self.bus)
        self.calls = CallService(
            self.directory, self.time, self.random, self.bus, load("antiphon.services.call.features")
        )
        self.door = SipDoor(
            registrar=self.registrar,
            calls=self.calls,
            directory=self.directory,
            credentials=self.secrets,
            tokens=self.secrets,
            timers=self.time,
            random=self.random,
            domain="example.test",
            edges=EdgeList(),
        )
        self.datagrams = MemoryDatagrams()
        self.udp = SipDatagramEndpoint(self.door, self.listener("udp", 5060))
        self.udp.bound(self.datagrams, self.time.now())
        self.ports = itertools.count(40001)

    def device(
        self,
        name: str,
        owner: str,
        number: str,
        oauth: bool = True,
        algorithms: Iterable[str] = ("SHA-256", "MD5"),
    ) -> None:
        self.directory.keep(
            Device(
                name,
                f"d-{name}",
                owner=owner,
                lines=(DeviceLine(number),),
                sip_oauth=oauth,
                digest_algorithms=tuple(algorithms),
            )
        )

    def listener(self, transport: str, port: int, edge: bool = False, authz_server: str = "") -> Listener:
        scheme = Scheme.BEARER if port in (5090, 5091, 443) else Scheme.DIGEST
        return Listener(
            "cucm1.example.test", "127.0.1.1", port, transport, scheme, edge=edge, authz_server=authz_server
        )

    def phone(self, name: str, transport: str = "udp", port: int = 0, **options: object) -> Phone:
        address = Address("127.0.0.1", next(self.ports))
        if transport == "udp":
            return UdpPhone(self, name, address)
        return StreamPhone(self, name, address, transport, port or 5060, **options)  # type: ignore[arg-type]

    def registered(self, name: str, transport: str = "udp", port: int = 0) -> Phone:
        phone = self.phone(name, transport, port)
        response = phone.register()
        assert response.status == 200, response
        phone.inbox.clear()
        return phone


class Dialog:
    """The phone's view of one call."""

    def __init__(
        self, phone: Phone, call_id: str, local: str, remote: str, target: str, cseq: int = 1
    ) -> None:
        self.phone = phone
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.target = target
        self.cseq = cseq

    def send(self, method: str, headers: str = "", body: bytes = b"", cseq: int | None = None) -> str:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        return self.phone.send_request(
            method, self.target, self.local, self.remote, self.call_id, cseq, headers, body
        )


class Phone:
    """A user agent made of strings. `requests` and `responses` take what came from the inbox, in order."""

    def __init__(self, site: Site, name: str, address: Address, transport: str) -> None:
        self.site = site
        self.name = name
        self.number = PEOPLE[name]
        self.address = address
        self.transport = transport
        self.raw: list[bytes] = []
        self.seen = 0
        self._cseq = 0
        self._branch = itertools.count(1)
        self.call_id = f"reg-{name}-{address.port}"
        self.device = ""
        self.inbox: list[Request | Response | Rejected | Ping] = []

    def put(self, data: bytes) -> None:
        raise NotImplementedError

    def take(self) -> list[Request | Response | Rejected | Ping]:
        """Everything that came since the last look."""
        out, self.inbox = self.inbox, []
        return out

    def responses(self) -> list[Response]:
        found = [m for m in self.inbox if isinstance(m, Response)]
        self.inbox = [m for m in self.inbox if not isinstance(m, Response)]
        return found

    def requests(self) -> list[Request]:
        found = [m for m in self.inbox if isinstance(m, Request)]
        self.inbox = [m for m in self.inbox if not isinstance(m, Request)]
        return found

    def response(self) -> Response:
        """The one response that came."""
        (found,) = self.responses()
        return found

    def request(self, method: str) -> Request:
        """The one request that came."""
        (found,) = self.requests()
        assert found.method == method, found
        return found

    @property
    def uri(self) -> str:
        return f"sip:{self.number}@example.test"

    @property
    def contact(self) -> str:
        transport = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"<sip:{self.number}@{self.address}{transport}>"

    def send_request(
        self,
        method: str,
        uri: str,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        headers: str = "",
        body: bytes = b"",
        branch: str = "",
    ) -> str:
        branch = branch or f"z9hG4bK{self.name}{next(self._branch)}"
        head = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{self.transport.upper()} {self.address};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {from_}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        self.put(head.encode() + body)
        return branch

    def respond(
        self, request: Request, status: int, tag: str = "", headers: str = "", body: bytes = b""
    ) -> None:
        to = request.get("To")
        if tag and "tag=" not in to:
            to += f";tag={tag}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        head = (
            f"SIP/2.0 {status} X\r\nVia: {request.get('Via')}\r\nFrom: {request.get('From')}\r\nTo: {to}\r\n"
            f"Call-ID: {request.get('Call-ID')}\r\nCSeq: {request.get('CSeq')}\r\nContact: {self.contact}\r\n"
            f"{kind}{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        self.put(head.encode() + body)

    # Registration

    def register(
        self, headers: str = "", expires: int = 3600, contact: str = "", proof: str | None = None
    ) -> Response:
        """REGISTER, and again with the proof that the challenge asks for."""
        if proof is not None:
            return self.register_once(headers + proof, expires, contact)
        response = self.register_once(headers, expires, contact)
        if response.status in (401, 407):
            answer = self.proof(response, "REGISTER", "sip:example.test")
            response = self.register_once(headers + answer, expires, contact)
        return response

    def register_once(
        self, headers: str = "", expires: int = 3600, contact: str = "", branch: str = ""
    ) -> Response:
        self._cseq += 1
        self.send_request(
            "REGISTER",
            "sip:example.test",
            f"<{self.uri}>;tag=r",
            f"<{self.uri}>",
            self.call_id,
            self._cseq,
            f"Contact: {contact or self.contact}\r\nExpires: {expires}\r\n{headers}",
            branch=branch,
        )
        return self.response()

    def proof(
        self,
        challenge: Response,
        method: str,
        uri: str,
        nc: int = 1,
        password: str = "secret",
        user: str = "",
    ) -> str:
        """The header that answers the first challenge of a 401 or 407."""
        name, answer = ("WWW-Authenticate", "Authorization")
        if challenge.status == 407:
            name, answer = ("Proxy-Authenticate", "Proxy-Authorization")
        first = challenge.values(name)[0]
        if first.startswith("Bearer"):
            return f'{answer}: Bearer token="token-{self.name}"\r\n'
        asked = parse_credentials(first)
        assert asked is not None
        algorithm = asked.params["algorithm"]
        user = user or self.name
        params = {
            "username": user,
            "realm": asked.params["realm"],
            "nonce": asked.params["nonce"],
            "uri": uri,
            "nc": f"{nc:08x}",
            "cnonce": "abc",
            "qop": "auth",
        }
        secret = digest.ha1(user, params["realm"], password, algorithm)
        params["response"] = digest.response(secret, method, params, algorithm)
        quoted = ", ".join(f'{k}="{v}"' for k, v in params.items() if k not in ("nc", "qop"))
        return f"{answer}: Digest {quoted}, algorithm={algorithm}, qop=auth, nc={params['nc']}\r\n"

    # Calls

    def invite(self, number: str, body: bytes | None = None, headers: str = "") -> Dialog:
        """INVITE, with the proof that a challenge asks for. Responses stay in the inbox."""
        body = sdp(self.name) if body is None else body
        uri = f"sip:{number}@example.test"
        dialog = Dialog(
            self,
            f"call-{self.name}-{next(self._branch)}",
            f"<{self.uri}>;tag={self.name}",
            f"<{uri}>",
            uri,
            1,
        )
        kind = "Content-Type: application/sdp\r\n" if body else ""
        headers = f"Contact: {self.contact}\r\nAllow: INVITE, BYE, UPDATE\r\n{kind}{headers}"
        branch = self.send_request(
            "INVITE", uri, dialog.local, dialog.remote, dialog.call_id, 1, headers, body
        )
        first = [m for m in self.inbox if isinstance(m, Response)]
        if first and first[0].status == 407:
            self.responses()
            self.send_request("ACK", uri, dialog.local, first[0].get("To"), dialog.call_id, 1, branch=branch)
            dialog.cseq = 2
            self.send_request(
                "INVITE",
                uri,
                dialog.local,
                dialog.remote,
                dialog.call_id,
                2,
                headers + self.proof(first[0], "INVITE", uri),
                body,
            )
        return dialog

    def confirm(self, dialog: Dialog, response: Response, body: bytes = b"") -> None:
        """ACK a 2xx."""
        dialog.remote = response.get("To")
        dialog.target = response.contacts[0].uri
        kind = "Content-Type: application/sdp\r\n" if body else ""
        dialog.send("ACK", kind, body, cseq=response.sequence)

    def accept(self, invite: Request, body: bytes | None = None) -> Dialog:
        """200 to an INVITE; the dialog on this side."""
        self.respond(
            invite, 200, f"to-{self.name}", "Allow: INVITE, BYE\r\n", sdp(self.name) if body is None else body
        )
        return Dialog(
            self,
            invite.call_id,
            f"{invite.get('To')};tag=to-{self.name}",
            invite.get("From"),
            invite.contacts[0].uri,
        )


class UdpPhone(Phone):
    def __init__(self, site: Site, name: str, address: Address) -> None:
        super().__init__(site, name, address, "udp")
        site.datagrams.sent[address] = _Inbox(self)

    def put(self, data: bytes) -> None:
        self.site.udp.received(data, self.address, self.site.time.now())


class StreamPhone(Phone):
    def __init__(
        self,
        site: Site,
        name: str,
        address: Address,
        transport: str,
        port: int,
        certificate: bytes | None = None,
        edge: bool = False,
        authz_server: str = "",
    ) -> None:
        super().__init__(site, name, address, transport)
        self.flow = MemoryFlow(transport, address, certificate)
        self.flow.sent = _Inbox(self)
        listener = site.listener(transport, port, edge, authz_server)
        kind = SipWebSocketEndpoint if transport in ("ws", "wss") else SipStreamEndpoint
        self.endpoint = kind(site.door, listener)
        self.endpoint.opened(self.flow, site.time.now())

    def put(self, data: bytes) -> None:
        self.endpoint.received(data, self.site.time.now())

    def disconnect(self) -> None:
        self.endpoint.closed(self.site.time.now())


class _Inbox(list[bytes]):
    """Parses what is sent to a phone as it comes."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self._phone = phone
        self._framer = Framer()

    def append(self, data: bytes) -> None:
        super().append(data)
        phone = self._phone
        phone.raw.append(data)
        if phone.transport in ("tcp", "tls"):
            phone.inbox.extend(self._framer.feed(data))
            return
        message = parse_datagram(data)
        if message is not None:
            phone.inbox.append(message)
