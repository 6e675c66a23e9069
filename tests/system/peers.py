"""Clients that speak bytes over real sockets: what a test says is exactly what leaves."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import ssl
import time
import urllib.parse
import uuid
from http.client import HTTPSConnection
from types import TracebackType
from typing import Any, Self

from tests.lab import RunningLab
from tests.system import secrets_of

DOMAIN = "example.test"
HEADER = (
    b"<?xml version='1.0'?><stream:stream to='example.test' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
SASL = b"urn:ietf:params:xml:ns:xmpp-sasl"
SM = b"urn:xmpp:sm:3"


class Connection:
    """One TCP or TLS connection with what came in so far."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.ended = False

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def said(self, data: bytes) -> bool:
        """Say it to a peer that may close while it is told."""
        try:
            self.sock.sendall(data)
        except (ConnectionError, ssl.SSLError):
            return False
        return True

    def more(self, seconds: float) -> bool:
        """Read once. False at the end of the connection; raises TimeoutError."""
        self.sock.settimeout(max(seconds, 0.001))
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError) as error:
            if isinstance(error, TimeoutError):
                raise
            data = b""
        self.buffer += data
        self.ended = self.ended or not data
        return bool(data)

    def until(self, pattern: bytes, seconds: float = 10.0) -> bytes:
        """Everything up to the end of the first match, taken out of the buffer."""
        end = time.monotonic() + seconds
        while (found := re.search(pattern, self.buffer, re.DOTALL)) is None:
            if not self.more(end - time.monotonic()):
                raise EOFError(f"closed before {pattern!r}: {self.buffer[-500:]!r}")
        taken, self.buffer = self.buffer[: found.end()], self.buffer[found.end() :]
        return taken

    def rest(self, seconds: float = 10.0) -> bytes:
        """Everything until the peer closes."""
        end = time.monotonic() + seconds
        while self.more(end - time.monotonic()):
            pass
        return self.buffer

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tcp(host: str, port: int, source: str = "") -> Connection:
    return Connection(socket.create_connection((host, port), 10, (source, 0) if source else None))


def tls(
    lab: RunningLab, host: str, port: int, name: str, alpn: tuple[str, ...] = (), source: str = ""
) -> Connection:
    context = lab.tls()
    if alpn:
        context.set_alpn_protocols(list(alpn))
    plain = socket.create_connection((host, port), 10, (source, 0) if source else None)
    try:
        return Connection(context.wrap_socket(plain, server_hostname=name))
    except BaseException:
        plain.close()
        raise


class XmppPeer(Connection):
    """A signed-in XMPP session over direct TLS."""

    def __init__(self, lab: RunningLab, userid: str, resource: str = "r", *, managed: bool = False) -> None:
        super().__init__(tls(lab, lab.im_address, 5223, DOMAIN, ("xmpp-client",)).sock)
        self.userid = userid
        self.handled = 0
        """What the server has confirmed (XEP-0198)."""
        self.say(HEADER)
        self.until(b"</stream:features>")
        secret = f"\0{userid}\0{lab.user(userid)['password']}".encode()
        self.say(b"<auth xmlns='%b' mechanism='PLAIN'>%b</auth>" % (SASL, base64.b64encode(secret)))
        self.until(b"<success[^>]*>")
        self.say(HEADER)
        self.until(b"</stream:features>")
        bind = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind>"
        self.say(f"<iq type='set' id='bind'>{bind}</iq>".encode())
        self.until(b"</iq>")
        self.jid = f"{userid}@{DOMAIN}/{resource}"
        if managed:
            self.say(b"<enable xmlns='%b'/>" % SM)
            self.until(b"<enabled[^>]*>")

    def present(self) -> None:
        """Initial presence; returns when the server has answered, so that messages come here."""
        self.say(b"<presence/>")
        self.ping()

    def ping(self, seconds: float = 10.0) -> None:
        id_ = uuid.uuid4().hex
        self.say(f"<iq type='get' id='{id_}' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>".encode())
        self.until(rb"<iq[^>]*%b[^>]*/>" % id_.encode(), seconds)

    def message(self, to: str, body: str, id_: str = "") -> None:
        if "/" not in to:
            to = f"{to}@{DOMAIN}"
        id_ = id_ or uuid.uuid4().hex
        self.say(f"<message type='chat' id='{id_}' to='{to}'><body>{body}</body></message>".encode())

    def acknowledged(self, count: int, seconds: float = 10.0) -> None:
        """Ask until the server has confirmed `count` stanzas of this session."""
        end = time.monotonic() + seconds
        while self.handled < count:
            self.say(b"<r xmlns='%b'/>" % SM)
            answer = self.until(rb"<a [^>]*h=['\"]\d+['\"][^>]*>", end - time.monotonic())
            found = re.search(rb"h=['\"](\d+)['\"]", answer[answer.rindex(b"<a ") :])
            assert found is not None
            self.handled = int(found[1])


class SipPhone:
    """A phone on UDP that registers by digest (MD5, RFC 2617 with qop) and can ring and call."""

    def __init__(self, lab: RunningLab, userid: str) -> None:
        user = lab.user(userid)
        self.userid, self.password, self.number = userid, user["password"], user["line"]
        self.server = (lab.call_address, 5060)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.call_id = uuid.uuid4().hex
        self.cseq = 0
        self._proof = ""
        self._nonce_count = 0

    def register(self, seconds: float = 5.0, expires: int = 3600) -> None:
        """Register or refresh; follows one challenge."""
        status, head = self._ask_register(expires, seconds)
        if status == 401:
            self._take_challenge(head)
            status, head = self._ask_register(expires, seconds)
        assert status == 200, head.decode()

    def call(self, number: str) -> None:
        """Send an INVITE and prove who asks; nothing is waited for after that."""
        self.cseq += 1
        call_id = uuid.uuid4().hex
        head = self._invite(number, call_id, "")
        self.sock.sendto(head, self.server)
        status, answer = self._response(call_id, 5.0)
        while status == 100:
            status, answer = self._response(call_id, 5.0)
        assert status == 407, answer.decode()
        self._take_challenge(answer)
        self.cseq += 1
        uri = f"sip:{number}@{DOMAIN}"
        self.sock.sendto(
            self._invite(number, call_id, f"Proxy-Authorization: {self._proved('INVITE', uri)}\r\n"),
            self.server,
        )

    def rung(self, seconds: float = 10.0) -> bytes:
        """The next INVITE that arrives here; it is answered 180."""
        data, sender = self._next(lambda data: data.startswith(b"INVITE "), seconds)
        lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
        copied = [line for line in lines if line.partition(b":")[0] in (b"Via", b"From", b"Call-ID", b"CSeq")]
        to = next(line for line in lines if line.startswith(b"To:"))
        answer = b"\r\n".join(
            [b"SIP/2.0 180 Ringing", *copied, to + b";tag=x", b"Content-Length: 0", b"", b""]
        )
        self.sock.sendto(answer, sender)
        return data

    def close(self) -> None:
        """Take the binding back, as a phone does that is switched off: a line has room for some phones only."""
        if self._proof:
            self._ask_register(0, 5.0)
        self.sock.close()

    # --- within

    def _ask_register(self, expires: int, seconds: float) -> tuple[int, bytes]:
        self.cseq += 1
        uri = f"sip:{DOMAIN}"
        proof = f"Authorization: {self._proved('REGISTER', uri)}\r\n" if self._proof else ""
        address = f"<sip:{self.number}@{DOMAIN}>"
        self.sock.sendto(
            (
                f"REGISTER {uri} SIP/2.0\r\n{self._via()}From: {address};tag=f\r\nTo: {address}\r\n"
                f"Call-ID: {self.call_id}\r\nCSeq: {self.cseq} REGISTER\r\n"
                f"Contact: <sip:{self.number}@127.0.0.1:{self.port}>\r\n{proof}"
                f"Expires: {expires}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            self.server,
        )
        return self._response(self.call_id, seconds)

    def _invite(self, number: str, call_id: str, proof: str) -> bytes:
        sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
        return (
            f"INVITE sip:{number}@{DOMAIN} SIP/2.0\r\n{self._via()}From: <sip:{self.number}@{DOMAIN}>;tag=c\r\n"
            f"To: <sip:{number}@{DOMAIN}>\r\nCall-ID: {call_id}\r\nCSeq: {self.cseq} INVITE\r\n"
            f"Contact: <sip:{self.number}@127.0.0.1:{self.port}>\r\nMax-Forwards: 70\r\n{proof}"
            f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
        ).encode()

    def _via(self) -> str:
        return f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{uuid.uuid4().hex};rport\r\n"

    def _take_challenge(self, head: bytes) -> None:
        challenges = re.findall(rb"Digest [^\r]*", head)
        challenge = next(each for each in challenges if b"SHA-256" not in each).decode()
        self._proof = challenge
        self._nonce_count = 0

    def _proved(self, method: str, uri: str) -> str:
        self._nonce_count += 1
        fields = dict(re.findall(r'(\w+)="([^"]*)"', self._proof))
        realm, nonce, cnonce, count = (
            fields["realm"],
            fields["nonce"],
            uuid.uuid4().hex,
            f"{self._nonce_count:08x}",
        )
        secret = _md5(f"{self.userid}:{realm}:{self.password}")
        response = _md5(f"{secret}:{nonce}:{count}:{cnonce}:auth:{_md5(f'{method}:{uri}')}")
        return (
            f'Digest username="{self.userid}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5, '
            f'qop=auth, nc={count}, cnonce="{cnonce}", response="{response}"'
        )

    def _response(self, call_id: str, seconds: float) -> tuple[int, bytes]:
        wanted = f"CSeq: {self.cseq} ".encode()

        def fits(data: bytes) -> bool:
            return data.startswith(b"SIP/2.0 ") and call_id.encode() in data and wanted in data

        data, _ = self._next(fits, seconds)
        return int(data[8:11]), data

    def _next(self, fits: Any, seconds: float) -> tuple[bytes, tuple[str, int]]:
        end = time.monotonic() + seconds
        while True:
            self.sock.settimeout(max(end - time.monotonic(), 0.001))
            data, sender = self.sock.recvfrom(65536)
            if fits(data):
                return data, sender


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


class Api:
    """HTTPS with a person's token."""

    def __init__(self, lab: RunningLab, userid: str) -> None:
        self._lab = lab
        self.tokens: dict[str, Any] = {}
        self.tokens = self.grant(
            grant_type="password", username=userid, password=lab.user(userid)["password"]
        )

    @property
    def token(self) -> str:
        return str(self.tokens["access_token"])

    def grant(self, **form: str) -> dict[str, Any]:
        status, body = self.ask(
            "POST",
            "/ssosp/oauth/token",
            urllib.parse.urlencode(
                {"client_id": "antiphon-cli", "scope": "UnifiedCommunications:readwrite", **form}
            ),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert status == 200, body
        tokens = dict(json.loads(body))
        secrets_of.USED.update((tokens["access_token"], tokens["refresh_token"]))
        return tokens

    def renew(self) -> None:
        self.tokens = self.grant(grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])

    def ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        connection = HTTPSConnection(self._lab.call_address, 8443, timeout=10, context=_by_address(self._lab))
        if headers is None:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def json(self, method: str, path: str, given: Any = None, expected: int = 200) -> Any:
        status, body = self.ask(method, path, None if given is None else json.dumps(given))
        assert status == expected, f"{status} {body}"
        return json.loads(body) if body else None


def _by_address(lab: RunningLab) -> ssl.SSLContext:
    context = lab.tls()
    context.check_hostname = False  # the node is asked by address; the certificate is verified
    return context
