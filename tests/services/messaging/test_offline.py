"""Messages wait for who is not there: in order, through restarts, twice rather than never."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from tests.services.messaging.conftest import DOMAIN, Client, ConfirmingClient, Site, error_of

from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import MessagingLimits
from antiphon.services.messaging.store import offline_messages


def chat(body: str, to: str = f"bob@{DOMAIN}") -> str:
    return f"<message type='chat' id='c1' to='{to}'><body>{body}</body></message>"


async def rows(site: Site) -> int:
    async with site.database.reading() as connection:
        statement = sqlalchemy.select(sqlalchemy.func.count()).select_from(offline_messages)
        return await connection.scalar(statement) or 0


async def arrived(site: Site, client: Client) -> list[str]:
    await site.settled()
    return client.bodies()


async def test_a_message_counts_as_handled_when_it_is_stored(site: Site) -> None:
    alice = site.online("alice/desk")
    pending = alice.say(chat("one"))
    assert pending is not None
    assert await rows(site) == 0
    await pending  # type: ignore[misc]
    assert await rows(site) == 1


async def test_messages_are_delivered_in_order_after_a_restart_and_then_gone(site: Site) -> None:
    alice = site.online("alice/desk")
    sent = [f"m{number:03}" for number in range(230)]
    for body in sent:
        alice.say(chat(body))
    again = await site.restarted()
    bob = again.online("bob/phone")
    assert await arrived(again, bob) == sent
    assert (await rows(again), again.messaging.accounts.by_userid["bob"].stored) == (0, 0)
    again.messaging.unbind(bob)
    assert await arrived(again, again.online("bob/phone")) == []
    await again.stop()


async def test_a_stored_message_says_when_and_has_an_id_of_the_server(site: Site) -> None:
    await site.online("alice/desk").said(chat("hello"))
    bob = site.online("bob/phone")
    await site.settled()
    [message] = bob.got("message")
    tree = message.tree()
    delay, mark = tree.child("urn:xmpp:delay", "delay"), tree.child("urn:xmpp:sid:0", "stanza-id")
    assert delay is not None
    assert mark is not None
    assert (delay.get("from"), len(delay.get("stamp"))) == (DOMAIN, len("2001-01-01T00:00:00Z"))
    assert (mark.get("by"), mark.get("id").isdigit()) == (f"bob@{DOMAIN}", True)
    assert str(message.sender) == f"alice@{DOMAIN}/desk"


async def test_a_live_message_does_not_overtake_stored_ones(site: Site) -> None:
    alice = site.online("alice/desk")
    await alice.said(chat("first"))
    bob = site.online("bob/phone")
    alice.say(chat("second"))
    assert bob.bodies() == []
    assert await arrived(site, bob) == ["first", "second"]
    assert alice.say(chat("third")) is None
    assert bob.bodies() == ["third"]


async def test_a_live_message_to_the_resource_itself_does_not_overtake_either(site: Site) -> None:
    alice = site.online("alice/desk")
    await alice.said(chat("first"))
    bob = site.online("bob/phone")
    alice.say(chat("second", f"bob@{DOMAIN}/phone"))
    alice.say(
        f"<message type='chat' to='bob@{DOMAIN}/phone'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    assert bob.bodies() == [""]
    assert await arrived(site, bob) == ["first", "second"]


async def test_a_message_still_on_its_way_to_the_store_is_delivered_too(site: Site) -> None:
    site.online("alice/desk").say(chat("hasty"))
    assert await arrived(site, site.online("bob/phone")) == ["hasty"]


async def test_a_negative_priority_gets_nothing(site: Site) -> None:
    await site.online("alice/desk").said(chat("hello"))
    bob = site.online("bob/phone", "<priority>-1</priority>")
    assert await arrived(site, bob) == []
    bob.available("<priority>0</priority>")
    assert await arrived(site, bob) == ["hello"]


async def test_what_was_not_confirmed_is_delivered_again_with_the_same_id(site: Site) -> None:
    await site.online("alice/desk").said(chat("hello"))
    first = site.bind("bob/phone", confirming=True)
    first.available()
    await site.settled()
    [lost] = first.got("message")
    assert await rows(site) == 1
    site.messaging.unbind(first)

    second = site.bind("bob/tablet", confirming=True)
    second.available()
    await site.settled()
    [again] = second.got("message")
    assert again.tree() == lost.tree()
    assert isinstance(second, ConfirmingClient)
    second.acknowledge()
    second.acknowledge()
    await site.settled()
    assert (await rows(site), site.messaging.accounts.by_userid["bob"].stored) == (0, 0)


async def test_what_is_in_flight_is_not_given_to_a_second_resource(site: Site) -> None:
    await site.online("alice/desk").said(chat("hello"))
    first = site.bind("bob/phone", confirming=True)
    first.available()
    await site.settled()
    second = site.online("bob/tablet")
    assert await arrived(site, second) == []
    site.messaging.unbind(first)
    assert await arrived(site, second) == ["hello"]


async def test_a_session_that_leaves_in_the_middle_loses_nothing(site: Site) -> None:
    alice = site.online("alice/desk")
    for number in range(5):
        await alice.said(chat(str(number)))

    class Leaver(Client):
        def deliver(self, data: bytes) -> None:
            super().deliver(data)
            if data.startswith(b"<message") and len(self._inbox) >= 4:
                site.messaging.unbind(self)

    leaver = Leaver(site.messaging, Jid.parse(f"bob@{DOMAIN}/phone"))
    site.messaging.bind(leaver)
    leaver.available()
    first = await arrived(site, leaver)
    rest = await arrived(site, site.online("bob/tablet"))
    # Nobody knows whether it took the one it was handed last.
    assert (first, rest) == (["0", "1", "2"], ["2", "3", "4"])


async def test_a_full_queue_is_told_to_the_sender(tight: Site) -> None:
    alice = tight.online("alice/desk")
    for number in range(3):
        await alice.said(chat(str(number)))
    alice.raw()
    assert alice.say(chat("one too many")) is None
    [refused] = alice.got("message")
    assert error_of(refused) == ("cancel", "service-unavailable")
    assert await arrived(tight, tight.online("bob/phone")) == ["0", "1", "2"]


async def test_a_store_that_fails_is_told_to_the_sender(site: Site) -> None:
    alice = site.online("alice/desk")
    async with site.database.transaction() as connection:
        await connection.execute(sqlalchemy.text("DROP TABLE im_offline_messages"))
    alice.raw()
    await alice.said(chat("hello"))
    [refused] = alice.got("message")
    assert error_of(refused)[1] == "internal-server-error"
    assert site.messaging.accounts.by_userid["bob"].stored == 0


async def test_what_a_dead_session_never_took_finds_its_way_again(site: Site) -> None:
    alice = site.online("alice/desk")
    phone, tablet = site.online("bob/phone", "<priority>5</priority>"), site.online("bob/tablet")
    phone.raw(), tablet.raw()
    alice.say(chat("hello"))
    handed = phone.raw()
    site.messaging.unbind(phone)
    assert site.messaging.undelivered(handed) is None
    assert tablet.bodies() == ["hello"]

    alice.say(chat("again"))
    handed = tablet.raw()
    site.messaging.unbind(tablet)
    pending = site.messaging.undelivered(handed)
    assert pending is not None
    await pending
    assert await arrived(site, site.online("bob/phone")) == ["again"]


async def test_a_request_that_a_dead_session_never_took_is_refused(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.raw(), bob.raw()
    alice.say(f"<iq type='get' id='1' to='{bob.jid}'><q xmlns='x:y'/></iq>")
    handed = bob.raw()
    site.messaging.unbind(bob)
    assert site.messaging.undelivered([*handed, b"<presence/>", b"not xml"]) is None
    [refused] = alice.got("iq")
    assert (refused.id, error_of(refused)[1]) == ("1", "service-unavailable")


async def test_copies_that_were_never_taken_end_there(site: Site) -> None:
    desk, mobile = site.online("alice/desk"), site.online("alice/mobile")
    await mobile.said("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
    mobile.raw()
    site.online("bob/phone")
    desk.say(chat("hello"))
    handed = mobile.raw()
    assert Stanza.parse(handed[0]).has("urn:xmpp:carbons:2", "sent")
    desk.raw()
    site.messaging.unbind(mobile)
    site.messaging.undelivered(handed)
    assert desk.bodies() == []


async def test_a_session_is_not_handed_more_than_it_confirms(site: Site) -> None:
    alice = site.online("alice/desk")
    sent = [f"m{number:03}" for number in range(250)]
    for body in sent:
        alice.say(chat(body))
    bob = site.bind("bob/phone", confirming=True)
    assert isinstance(bob, ConfirmingClient)
    bob.available()
    received = await arrived(site, bob)
    assert received == sent[:100]
    alice.say(chat("live"))
    while bob.unacknowledged:
        bob.acknowledge()
        received += await arrived(site, bob)
    assert received == [*sent, "live"]
    assert await rows(site) == 0


async def test_large_messages_count_by_their_bytes(site: Site) -> None:
    alice = site.online("alice/desk")
    for number in range(5):
        await alice.said(chat(f"{number}" * 100_000))
    bob = site.bind("bob/phone", confirming=True)
    assert isinstance(bob, ConfirmingClient)
    bob.available()
    received = await arrived(site, bob)
    assert len(received) == 3
    while bob.unacknowledged:
        bob.acknowledge()
        received += await arrived(site, bob)
    assert [body[0] for body in received] == ["0", "1", "2", "3", "4"]


async def test_the_bytes_that_wait_are_bounded_even_after_a_restart(tmp_path: Path) -> None:
    site = Site(tmp_path / "im.db", MessagingLimits(offline_bytes=3000))
    await site.start()
    await site.online("alice/desk").said(chat("x" * 2000))
    site = await site.restarted()
    alice = site.online("alice/desk")
    alice.raw()
    await alice.said(chat("y" * 2000))
    assert error_of(alice.got("message")[0])[1] == "service-unavailable"
    bob = site.online("bob/phone")
    assert [body[0] for body in await arrived(site, bob)] == ["x"]
    assert site.messaging.accounts.by_userid["bob"].stored_bytes == 0
    await site.stop()
