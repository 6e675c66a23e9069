"""What must survive does, on SQLite and on PostgreSQL."""

from __future__ import annotations

from tests.services.messaging.conftest import DOMAIN, Site

from antiphon.services.directory.events import UserRemoved
from antiphon.services.messaging.store import metadata
from antiphon.services.messaging.subscription import State


async def _populated(store: str) -> Site:
    site = Site(store)
    await site.start()
    await site.befriend("alice", "bob")
    alice = site.online("alice/desk")
    for xml in (
        "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
        f"<item jid='bob@{DOMAIN}' name='Bôb'><group>G</group></item></query></iq>",
        "<iq type='set' id='2'><query xmlns='jabber:iq:private'><a xmlns='x:y'>kept</a></query></iq>",
        "<iq type='set' id='3'><block xmlns='urn:xmpp:blocking'><item jid='spam.test'/></block></iq>",
        f"<presence type='subscribe' to='carol@{DOMAIN}'/>",
        f"<message type='chat' to='bob@{DOMAIN}'><body>one</body></message>",
        f"<message type='chat' to='bob@{DOMAIN}'><body>two</body></message>",
    ):
        await alice.said(xml)
    site.messaging.unbind(alice)
    return site


async def test_everything_that_must_survive_a_restart_does(database_url: str) -> None:
    site = await (await _populated(database_url)).restarted()
    alice = site.messaging.accounts.by_userid["alice"]
    item = alice.roster.get(f"bob@{DOMAIN}")
    assert item is not None
    assert (item.name, item.groups, item.state, item.listed) == ("Bôb", ("G",), State.BOTH, True)
    assert alice.roster.state(f"carol@{DOMAIN}") is State.NONE_OUT
    assert alice.blocked == {"spam.test"}
    assert alice.last is not None
    carol = site.messaging.accounts.by_userid["carol"]
    assert (carol.roster.state(f"alice@{DOMAIN}"), carol.pending) == (State.NONE_IN, 1)
    bob = site.online("bob/phone")
    await site.settled()
    assert bob.bodies() == ["one", "two"]
    answer = await site.bind("alice/desk").asked(
        "<iq type='get' id='4'><query xmlns='jabber:iq:private'><a xmlns='x:y'/></query></iq>"
    )
    query = answer.payload()
    assert query is not None
    assert query.child_text("x:y", "a") == "kept"
    await site.stop()


async def test_a_user_who_is_removed_leaves_no_row(database_url: str) -> None:
    site = await _populated(database_url)
    for userid in ("alice", "bob", "carol"):
        site.people.known.pop(userid)
        site.bus.publish(UserRemoved(userid))
    await site.settled()
    async with site.database.reading() as connection:
        for table in metadata.sorted_tables:
            assert (await connection.execute(table.select())).all() == []
    await site.stop()


async def test_an_address_too_long_for_an_index_is_refused_before_it_reaches_the_store(
    database_url: str,
) -> None:
    site = Site(database_url)
    await site.start()
    alice = site.online("alice/desk")
    alice.raw()
    long = "x" * 1001
    for xml in (
        f"<presence type='subscribe' to='{long}@{DOMAIN}'/>",
        f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='{long}@x.test'/></query></iq>",
        f"<iq type='set' id='2'><block xmlns='urn:xmpp:blocking'><item jid='{long}@x.test'/></block></iq>",
        f"<iq type='set' id='3'><query xmlns='jabber:iq:private'><{long} xmlns='x:y'/></query></iq>",
    ):
        await alice.said(xml)
        assert [stanza.type for stanza in alice.got()] == ["error"]
    await site.stop()


async def test_the_longest_address_that_is_kept_fits_every_index(database_url: str) -> None:
    site = Site(database_url)
    await site.start()
    alice = site.online("alice/desk")
    alice.raw()
    # Not one letter repeated: PostgreSQL would compress that.
    long = "".join(f"{number:03x}" for number in range(320)) + f"@{DOMAIN}"
    for xml in (
        f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='{long}'/></query></iq>",
        f"<iq type='set' id='2'><block xmlns='urn:xmpp:blocking'><item jid='{long}'/></block></iq>",
    ):
        assert (await alice.asked(xml)).type == "result"
    await site.stop()


async def test_what_was_acknowledged_survives_a_process_that_is_killed(database_url: str) -> None:
    """Nothing is stopped: the next process finds what the last one had said it had."""
    killed = Site(database_url)
    await killed.start()
    alice = killed.online("alice/desk")
    await alice.said(f"<message type='chat' to='bob@{DOMAIN}'><body>kept</body></message>")
    await alice.said(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    await alice.said(
        f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='carol@{DOMAIN}'/></query></iq>"
    )
    site = Site(database_url)
    await site.start()
    bob = site.online("bob/phone")
    await site.settled()
    assert [(stanza.kind, stanza.type) for stanza in bob.got()] == [
        ("presence", ""),
        ("presence", "subscribe"),
        ("message", "chat"),
    ]
    roster = site.messaging.accounts.by_userid["alice"].roster
    assert {item.contact for item in roster} == {f"bob@{DOMAIN}", f"carol@{DOMAIN}"}
    await site.stop()
    await killed.stop()
