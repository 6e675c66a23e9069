"""slixmpp, a client somebody else wrote, signs in by every way it knows and keeps its session over a broken line."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import slixmpp
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from slixmpp.util.sasl import sasl_mech
from slixmpp.util.sasl.client import Mech
from tests.interfaces.xmpp.site import DOMAIN, PASSWORD, Site, open_site

from antiphon.interfaces.xmpp import DoorSettings, XmppDoor
from antiphon.io.clock import SystemRandom
from antiphon.io.listen import Listeners

pytestmark = pytest.mark.interop

WAIT_S = 20
ALICE = slixmpp.JID(f"alice@{DOMAIN}/slix")


@sasl_mech(70)
class OAuthBearer(Mech):
    """RFC 7628 for slixmpp, which has no such mechanism of its own."""

    name = "OAUTHBEARER"
    required_credentials = {"access_token"}
    security = {"encrypted"}

    def process(self, challenge: bytes = b"") -> bytes:
        if challenge:
            return b"\x01"
        token: bytes = self.credentials["access_token"]
        return b"n,,\x01auth=Bearer %b\x01\x01" % token


class Tls:
    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        self.ca_file = folder / "ca.pem"
        certificate = authority.issue_cert(DOMAIN)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["xmpp-client"])
        certificate.configure_cert(self._context)
        pem = certificate.cert_chain_pems[0].bytes()
        self._der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)

    def context(self) -> ssl.SSLContext:
        return self._context

    def leaf(self, context: ssl.SSLContext) -> bytes:
        return self._der


class Server:
    """The door on two real ports."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.site = site
        self.tls = Tls(folder)
        self.listeners = Listeners()

    async def start(self, mechanisms: tuple[str, ...] | None = None) -> None:
        site = self.site
        settings = DoorSettings(mechanisms=mechanisms) if mechanisms else DoorSettings()
        self.door = XmppDoor(
            DOMAIN,
            site.messaging,
            site.identity,
            site.bus,
            site.loop_time,
            SystemRandom(),
            site.tasks,
            settings,
        )
        self.plain = await self.listeners.stream("127.0.0.1", 0, self.door.endpoint, tls=self.tls)
        self.direct = await self.listeners.stream(
            "127.0.0.1", 0, self.door.endpoint, tls=self.tls, tls_now=True
        )

    async def stop(self) -> None:
        await self.door.stop()
        await self.listeners.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with open_site(tmp_path) as site:
        server = Server(tmp_path, site)
        yield server
        await server.stop()


class Person(slixmpp.ClientXMPP):
    def __init__(
        self, server: Server, userid: str, password: str = PASSWORD, plugins: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{userid}@{DOMAIN}/slix", password)
        self.ca_certs = server.tls.ca_file
        self._queues: dict[str, asyncio.Queue[Any]] = {}
        for plugin in plugins:
            self.register_plugin(plugin)
        for name in (
            "session_start",
            "session_resumed",
            "failed_auth",
            "failed_all_auth",
            "message",
            "disconnected",
        ):
            queue = self._queues[name] = asyncio.Queue[Any]()
            self.add_event_handler(name, queue.put_nowait)

    async def when(self, name: str) -> Any:
        return await asyncio.wait_for(self._queues[name].get(), WAIT_S)

    def come(self, server: Server, direct: bool = False) -> None:
        self.enable_direct_tls, self.enable_starttls = direct, not direct
        address = server.direct if direct else server.plain
        self.connect(address.host, address.port)

    async def leave(self) -> None:
        await asyncio.wait_for(self.disconnect(), WAIT_S)


@pytest.mark.parametrize("direct", [False, True], ids=["starttls", "direct tls"])
async def test_two_people_sign_in_and_chat(server: Server, direct: bool) -> None:
    await server.start()
    alice, bob = Person(server, "alice"), Person(server, "bob")
    for person in (alice, bob):
        person.come(server, direct)
        await person.when("session_start")
        person.send_presence()
    bob.send_message(mto=ALICE, mbody="hello & <good> \N{GRINNING FACE}", mtype="chat")
    message = await alice.when("message")
    assert message["body"] == "hello & <good> \N{GRINNING FACE}"
    assert str(message["from"]) == f"bob@{DOMAIN}/slix"
    for person in (alice, bob):
        await person.leave()
    # slixmpp takes the strongest it knows: the -PLUS variant needs a binding type that TLS 1.3 does not have.
    assert sum(server.door.counters.logins.values()) == 2


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
async def test_each_mechanism_signs_in(server: Server, mechanism: str) -> None:
    await server.start((mechanism,))
    alice = Person(server, "alice")
    alice.come(server)
    await alice.when("session_start")
    assert server.door.counters.logins == {(mechanism, "success"): 1}
    await alice.leave()


async def test_an_access_token_signs_in(server: Server) -> None:
    await server.start(("OAUTHBEARER",))
    tokens = await server.site.identity.issue("alice", "jabber", "UnifiedCommunications:readwrite")
    alice = Person(server, "alice", password="")
    alice.credentials["access_token"] = tokens.access_token
    alice.come(server)
    await alice.when("session_start")
    assert server.door.counters.logins == {("OAUTHBEARER", "success"): 1}
    await alice.leave()


async def test_a_bad_token_is_refused(server: Server) -> None:
    await server.start(("OAUTHBEARER",))
    alice = Person(server, "alice", password="")
    alice.credentials["access_token"] = "no.such.token"
    alice.come(server)
    await alice.when("failed_all_auth")
    assert server.door.counters.logins == {("OAUTHBEARER", "not-authorized"): 1}
    await alice.leave()


async def test_a_wrong_password_is_refused(server: Server) -> None:
    await server.start(("SCRAM-SHA-256",))
    alice = Person(server, "alice", password="wrong")
    alice.come(server)
    await alice.when("failed_all_auth")
    await alice.leave()
    assert server.door.counters.sessions == 0


async def test_a_session_is_resumed_over_a_broken_line_and_misses_nothing(server: Server) -> None:
    await server.start()
    alice, bob = Person(server, "alice", plugins=("xep_0198",)), Person(server, "bob")
    for person in (alice, bob):
        person.come(server)
        await person.when("session_start")
        person.send_presence()
    bob.send_message(mto=ALICE, mbody="before", mtype="chat")
    assert (await alice.when("message"))["body"] == "before"
    assert alice.transport is not None
    alice.transport.abort()
    await alice.when("disconnected")
    while not server.door.counters.waiting:
        await asyncio.sleep(0)
    bob.send_message(mto=ALICE, mbody="meanwhile", mtype="chat")
    alice.come(server)
    await alice.when("session_resumed")
    assert (await alice.when("message"))["body"] == "meanwhile"
    assert server.door.counters.resumed == 1
    for person in (alice, bob):
        await person.leave()
