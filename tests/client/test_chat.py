"""The chat client against the real door and the real services, over TCP and TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from tests.interfaces.xmpp.site import DOMAIN, PASSWORD, Site, open_site

from antiphon.client.chat import Chat
from antiphon.client.environment import Environment
from antiphon.client.oauth import SCOPE
from antiphon.client.xmpp.stream import Account, Stream
from antiphon.io.listen import Listeners
from antiphon.kernel.core import Address
from antiphon.kernel.errors import DomainError
from antiphon.protocols.xmpp.jid import Jid
from antiphon.services.call.events import LineBusy
from antiphon.services.presence.phone import listen

pytestmark = pytest.mark.timeout(20)


class Tls:
    """Server settings in the shape the listener asks for."""

    def __init__(self, authority: trustme.CA, name: str) -> None:
        certificate = authority.issue_cert(name)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)
        self._leaf = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())

    def context(self) -> ssl.SSLContext:
        return self._context

    def leaf(self, context: ssl.SSLContext) -> bytes:
        return self._leaf


class House:
    """A chat service on loopback."""

    def __init__(self, site: Site, listeners: Listeners, environment: Environment) -> None:
        self.site = site
        self.listeners = listeners
        self.environment = environment
        self.address = Address("", 0)

    async def token(self, userid: str) -> str:
        principal = await self.site.identity.verify_password(userid, PASSWORD)
        issued = await self.site.identity.issue(principal.userid, "antiphon-cli", SCOPE)
        return issued.access_token

    def chat(self, userid: str, *, password: str | None = PASSWORD, token: str = "") -> Chat:
        async def give() -> str:
            return token

        account = Account(
            Jid(userid, DOMAIN),
            token=give if token else None,
            password=None if token else password,
            hosts=((self.address.host, self.address.port),),
        )
        return Chat(Stream(account, self.environment.open_resolver(), self.environment))


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with open_site(tmp_path) as site:
        listeners = Listeners()
        house = House(site, listeners, Environment(None, tmp_path / "ca.pem"))
        house.address = await listeners.stream("127.0.0.1", 0, site.door.endpoint, tls=Tls(authority, DOMAIN))
        yield house
        await listeners.close()


async def start(chat: Chat) -> Chat:
    await chat.start()
    return chat


async def friends(house: House) -> tuple[Chat, Chat]:
    alice, bob = await start(house.chat("alice")), await start(house.chat("bob"))
    for one, other in ((alice, bob), (bob, alice)):
        one.allow(other.jid)
        await one.add(other.jid.bare)
    for one, other in ((alice, bob), (bob, alice)):
        one.allow(other.jid)
        await one.until(other.jid, lambda shown: shown.online)
    return alice, bob


async def test_two_people_chat_and_the_server_confirms(house: House) -> None:
    alice, bob = await friends(house)
    await alice.send("bob@example.test", "Grüße & <Küsse>")
    message = await bob.next_message()
    assert (message.body, message.sender) == ("Grüße & <Küsse>", alice.jid)
    assert alice.mechanism == "SCRAM-SHA-256-PLUS"
    await alice.close()
    await bob.close()


async def test_a_token_signs_in(house: House) -> None:
    chat = await start(house.chat("alice", token=await house.token("alice")))
    assert chat.mechanism == "OAUTHBEARER"
    assert chat.jid.bare == Jid("alice", DOMAIN)
    await chat.close()


@pytest.mark.parametrize("token", ["", "not.a.token"])
async def test_a_wrong_proof_is_refused_with_a_code(house: House, token: str) -> None:
    chat = house.chat("alice", password="wrong", token=token)
    with pytest.raises(DomainError, match="AP-CLIENT-020"):
        await chat.start()


async def test_presence_and_its_text_are_seen_by_contacts(house: House) -> None:
    alice, bob = await friends(house)
    alice.set_presence("dnd", "writing")
    shown = await bob.until(alice.jid, lambda shown: shown.show == "dnd")
    assert (shown.note, shown.state) == ("writing", "dnd")
    await alice.close()
    await bob.until(Jid("alice", DOMAIN), lambda shown: not shown.online)
    await bob.close()


async def test_a_call_computed_by_the_server_shows_as_on_the_phone(house: House) -> None:
    alice, bob = await friends(house)
    end = listen(house.site.engine, house.site.bus)
    house.site.bus.publish(LineBusy("1001", "alice", True))
    assert (await bob.until(alice.jid, lambda shown: shown.on_the_phone)).state == "on the phone"
    house.site.bus.publish(LineBusy("1001", "alice", False))
    await bob.until(alice.jid, lambda shown: not shown.on_the_phone)
    end()
    await alice.close()
    await bob.close()


async def test_a_message_to_somebody_who_is_away_arrives_later_with_its_time(house: House) -> None:
    alice = await start(house.chat("alice"))
    await alice.send("bob@example.test", "later")
    bob = await start(house.chat("bob"))
    message = await bob.next_message()
    assert message.body == "later"
    assert message.sent_at is not None
    await alice.close()
    await bob.close()


async def test_nobody_of_that_name_is_said_so(house: House) -> None:
    alice = await start(house.chat("alice"))
    await alice.send("nobody@example.test", "hello?")
    answer = await alice.next_message("nobody@example.test")
    assert answer.error
    with pytest.raises(DomainError, match="AP-CLIENT-023"):
        await alice.send("@", "x")
    await alice.close()


async def test_after_a_broken_line_the_session_goes_on_and_nothing_is_lost(house: House) -> None:
    alice, bob = await friends(house)
    before = bob.jid
    bob.break_line()
    await alice.send("bob@example.test", "while you were gone")
    assert (await bob.next_message()).body == "while you were gone"
    assert bob.jid == before
    await bob.send("alice@example.test", "back again")
    assert (await alice.next_message()).body == "back again"
    await alice.close()
    await bob.close()


async def test_a_certificate_for_another_domain_is_refused(house: House, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    house.address = await house.listeners.stream(
        "127.0.0.1", 0, house.site.door.endpoint, tls=Tls(authority, "other.test")
    )
    with pytest.raises(DomainError, match="AP-CRT-021"):
        await house.chat("alice").start()


async def test_an_authority_nobody_trusts_is_refused(house: House) -> None:
    house.address = await house.listeners.stream(
        "127.0.0.1", 0, house.site.door.endpoint, tls=Tls(trustme.CA(), DOMAIN)
    )
    with pytest.raises(DomainError, match="AP-C"):
        await house.chat("alice").start()


async def test_a_user_who_is_disabled_is_not_fought_back_in(house: House) -> None:
    alice = await start(house.chat("alice"))
    house.site.people.change("alice", enabled=False)
    with pytest.raises(DomainError, match="AP-CLIENT-02"):
        await alice.next_message()
    await alice.close()
