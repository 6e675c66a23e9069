"""slixmpp, a client somebody else wrote, does what people do: lists, presence, calls seen by contacts, waiting messages."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import slixmpp
import trustme
from tests.interfaces.xmpp.site import DOMAIN, PASSWORD, Site, open_site

from antiphon.interfaces.xmpp import XmppDoor
from antiphon.io.clock import SystemRandom
from antiphon.io.listen import Listeners
from antiphon.kernel.core import Address
from antiphon.services.call.events import LineBusy
from antiphon.services.presence import phone

pytestmark = pytest.mark.interop

WAIT_S = 20
SERVER, ALICE, BOB, CAROL = [
    slixmpp.JID(jid) for jid in (DOMAIN, f"alice@{DOMAIN}", f"bob@{DOMAIN}", f"carol@{DOMAIN}")
]


class Tls:
    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.authority_file = directory / "ca.pem"
        authority.cert_pem.write_to_path(str(self.authority_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(DOMAIN).configure_cert(self._context)

    def context(self) -> ssl.SSLContext:
        return self._context

    def leaf(self, context: ssl.SSLContext) -> bytes:
        return b""


class Served:
    """The site behind a real listener."""

    def __init__(self, site: Site, address: Address, tls: Tls) -> None:
        self.site = site
        self.address = address
        self.tls = tls
        self.clients: list[Plain] = []

    async def sign_in(self, userid: str, *plugins: str, resource: str = "plain") -> Plain:
        client = Plain(f"{userid}@{DOMAIN}/{resource}", plugins, self)
        self.clients.append(client)
        await client.wait_for("session_start")
        client.send_presence()
        await client.get_roster()
        return client


class Plain(slixmpp.ClientXMPP):
    """A client as people have it; what happens to it is queued by name."""

    def __init__(self, jid: str, plugins: tuple[str, ...], served: Served) -> None:
        super().__init__(jid, PASSWORD)
        # It would try that first on any port, and wait long before it tries STARTTLS.
        self.enable_direct_tls = False
        self.ca_certs = served.tls.authority_file
        self._queues: dict[str, asyncio.Queue[Any]] = {}
        for plugin in plugins:
            self.register_plugin(plugin)
        for name in (
            "session_start", "message", "changed_status", "presence_subscribed", "disconnected", "carbon_sent",
        ):  # fmt: skip
            queue = self._queues[name] = asyncio.Queue[Any]()
            self.add_event_handler(name, queue.put_nowait)
        self.connect(served.address.host, served.address.port)

    async def wait_for(self, name: str) -> Any:
        return await asyncio.wait_for(self._queues[name].get(), WAIT_S)

    async def presence_of(self, resource: str) -> Any:
        """The next change of a contact's resource of that name."""
        while True:
            presence = await self.wait_for("changed_status")
            if presence["from"].resource == resource:
                return presence

    async def sign_out(self) -> None:
        if self.is_connected():
            self.disconnect()
            await self.wait_for("disconnected")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with open_site(tmp_path) as site:
        listeners, tls = Listeners(), Tls(tmp_path)
        door = XmppDoor(
            DOMAIN, site.messaging, site.identity, site.bus, site.loop_time, SystemRandom(), site.tasks
        )
        address = await listeners.stream("127.0.0.1", 0, door.endpoint, tls=tls)
        served = Served(site, address, tls)
        yield served
        for client in served.clients:
            await client.sign_out()
        await door.stop()
        await listeners.close()


async def friends(served: Served, *plugins: str) -> tuple[Plain, Plain]:
    """Alice and bob, who see each other: slixmpp accepts requests and asks back by itself."""
    alice, bob = await served.sign_in("alice", *plugins), await served.sign_in("bob", *plugins)
    alice.send_presence_subscription(pto=BOB)
    await alice.wait_for("presence_subscribed")
    await bob.wait_for("presence_subscribed")
    return alice, bob


async def test_a_call_shows_as_on_the_phone_in_a_plain_client(served: Served) -> None:
    phone.listen(served.site.engine, served.site.bus)
    alice, bob = await friends(served)
    served.site.bus.publish(LineBusy("1001", "alice", True))
    shown = await bob.presence_of("antiphon")
    assert (shown["from"].bare, shown["show"], shown["status"]) == (ALICE, "dnd", "On the phone")
    # The one a client shows for the contact is the one of the highest priority.
    resources = bob.client_roster[ALICE].resources
    assert max(resources, key=lambda resource: resources[resource]["priority"]) == "antiphon"

    await alice.sign_out()
    served.site.bus.publish(LineBusy("1001", "alice", False))
    await bob.presence_of("antiphon")
    assert bob.client_roster[ALICE].resources == {}


async def test_people_are_on_each_others_lists_and_still_are_next_time(served: Served) -> None:
    alice, _ = await friends(served)
    changed = alice.update_roster(BOB, name="Bob", groups=["Friends", "Ünïcode"])
    assert changed is not None
    await changed
    await alice.sign_out()
    again = await served.sign_in("alice")
    entry = again.client_roster[BOB]
    assert (entry["subscription"], entry["name"], sorted(entry["groups"])) == (
        "both",
        "Bob",
        ["Friends", "Ünïcode"],
    )


async def test_a_message_waits_for_who_is_away(served: Served) -> None:
    alice, bob = await friends(served, "xep_0203")
    await bob.sign_out()
    for number in range(3):
        alice.send_message(mto=BOB, mbody=f"are you there? {number}", mtype="chat")
    await alice.get_roster()  # answered in the order of the stanzas, so the messages are stored
    bob = await served.sign_in("bob", "xep_0203")
    waited = [await bob.wait_for("message") for _ in range(3)]
    assert [message["body"] for message in waited] == [f"are you there? {number}" for number in range(3)]
    assert all(str(message["delay"]["from"]) == DOMAIN for message in waited)


async def test_what_clients_ask_is_answered(served: Served) -> None:
    alice, _ = await friends(
        served,
        "xep_0012", "xep_0030", "xep_0049", "xep_0054", "xep_0092", "xep_0191", "xep_0199", "xep_0202", "xep_0280",
    )  # fmt: skip
    info = await alice.plugin["xep_0030"].get_info(jid=SERVER)
    assert {"urn:xmpp:blocking", "urn:xmpp:carbons:2"} <= set(info["disco_info"]["features"])
    assert (await alice.plugin["xep_0092"].get_version(SERVER))["software_version"]["name"] == "Antiphon"
    assert await alice.plugin["xep_0199"].ping(SERVER) < WAIT_S
    time = await alice.plugin["xep_0202"].get_entity_time(SERVER)
    assert time["entity_time"].xml.find("{urn:xmpp:time}tzo").text == "+00:00"
    assert (await alice.plugin["xep_0012"].get_last_activity(BOB))["last_activity"]["seconds"] == 0
    card = await alice.plugin["xep_0054"].get_vcard(BOB)
    assert card["vcard_temp"]["JABBERID"] == BOB
    await alice.plugin["xep_0191"].block(CAROL)
    blocked = (await alice.plugin["xep_0191"].get_blocked())["blocklist"]["items"]
    assert [item["jid"] for item in blocked] == [CAROL]


async def test_a_second_client_gets_copies_of_what_the_first_one_sends(served: Served) -> None:
    alice, bob = await friends(served, "xep_0280")
    second = await served.sign_in("alice", "xep_0280", resource="second")
    await second.plugin["xep_0280"].enable()
    alice.send_message(mto=BOB, mbody="hello", mtype="chat")
    copy = await second.wait_for("carbon_sent")
    assert copy["carbon_sent"]["body"] == "hello"
    assert (await bob.wait_for("message"))["body"] == "hello"
