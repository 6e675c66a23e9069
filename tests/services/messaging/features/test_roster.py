"""The contact list over the wire: examples of RFC 6121 §2."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Client, Site, error_of

from antiphon.protocols.xmpp.element import Element

NS = "jabber:iq:roster"


def change(item: str) -> str:
    return f"<iq type='set' id='x'><query xmlns='{NS}'>{item}</query></iq>"


async def items(client: Client, ver: str | None = None) -> tuple[str, list[Element]]:
    """(ver, items) of a full roster."""
    version = "" if ver is None else f" ver='{ver}'"
    answer = await client.asked(f"<iq type='get' id='r'><query xmlns='{NS}'{version}/></iq>")
    query = answer.payload()
    assert query is not None
    return query.get("ver"), list(query.elements())


async def test_an_empty_list_is_empty(site: Site) -> None:
    assert await items(site.bind("alice/desk")) == ("0", [])
    assert await items(site.bind("alice/desk"), "0") == ("0", [])


async def test_a_contact_is_kept_with_name_and_groups_through_a_restart(site: Site) -> None:
    alice = site.bind("alice/desk")
    answer = await alice.asked(
        change(f"<item jid='bob@{DOMAIN}/phone' name='Bob &amp; Co'><group>A</group><group>é</group></item>")
    )
    assert (answer.type, answer.children) == ("result", ())
    again = await site.restarted()
    ver, [item] = await items(again.bind("alice/desk"))
    assert item.attrs == {"jid": f"bob@{DOMAIN}", "subscription": "none", "name": "Bob & Co"}
    assert [group.text for group in item.elements()] == ["A", "é"]
    assert ver.endswith("-1")
    await again.stop()


async def test_every_resource_that_asked_gets_the_push(site: Site) -> None:
    desk, mobile, other = site.bind("alice/desk"), site.bind("alice/mobile"), site.bind("alice/other")
    await items(desk), await items(mobile)
    await desk.said(change(f"<item jid='bob@{DOMAIN}'/>"))
    assert [stanza.type for stanza in desk.got("iq")] == ["set", "result"]
    assert [(stanza.type, stanza.to) for stanza in mobile.got("iq")] == [("set", mobile.jid)]
    assert other.got() == []


async def test_the_result_comes_when_the_change_is_durable(site: Site) -> None:
    alice = site.bind("alice/desk")
    pending = alice.say(change(f"<item jid='bob@{DOMAIN}'/>"))
    assert pending is not None
    assert alice.got() == []
    await pending  # type: ignore[misc]
    assert [stanza.type for stanza in alice.got()] == ["result"]


async def test_a_client_that_has_the_version_gets_what_it_missed(site: Site) -> None:
    alice = site.bind("alice/desk")
    await alice.said(change(f"<item jid='bob@{DOMAIN}'/>"))
    alice.raw()
    ver, _ = await items(alice)
    site.messaging.unbind(alice)
    other = site.bind("alice/other")
    await other.said(change(f"<item jid='carol@{DOMAIN}'/>"))
    await other.said(change(f"<item jid='bob@{DOMAIN}' subscription='remove'/>"))

    again = await site.restarted()
    alice = again.bind("alice/desk")
    await alice.said(f"<iq type='get' id='r'><query xmlns='{NS}' ver='{ver}'/></iq>")
    received = alice.got("iq")
    assert [stanza.type for stanza in received] == ["set", "set", "result"]
    assert received[-1].children == ()
    told = []
    for stanza in received[:-1]:
        query = stanza.payload()
        assert query is not None
        item = query.child()
        assert item is not None
        told.append((item.get("jid"), item.get("subscription"), query.get("ver")[-2:]))
    assert told == [(f"carol@{DOMAIN}", "none", "-2"), (f"bob@{DOMAIN}", "remove", "-3")]
    assert alice.interested
    await again.stop()


@pytest.mark.parametrize("ver", ["", "someother-1", "nonsense"])
async def test_a_client_with_another_version_gets_everything(site: Site, ver: str) -> None:
    alice = site.bind("alice/desk")
    await alice.said(change(f"<item jid='bob@{DOMAIN}'/>"))
    alice.raw()
    _, [item] = await items(alice, ver)
    assert item.get("jid") == f"bob@{DOMAIN}"


@pytest.mark.parametrize(
    ("inside", "condition"),
    [
        ("", "bad-request"),
        (f"<item jid='a@{DOMAIN}'/><item jid='b@{DOMAIN}'/>", "bad-request"),
        ("<item name='nobody'/>", "bad-request"),
        ("<item jid='a@b@c'/>", "bad-request"),
        (f"<item jid='a@{DOMAIN}'><group>g</group><group>g</group></item>", "bad-request"),
        (f"<item jid='a@{DOMAIN}'><group/></item>", "not-acceptable"),
        (f"<item jid='a@{DOMAIN}'><group>123456789</group></item>", "not-acceptable"),
        (f"<item jid='a@{DOMAIN}'><group>1</group><group>2</group><group>3</group></item>", "not-acceptable"),
        (f"<item jid='a@{DOMAIN}' name='123456789'/>", "not-acceptable"),
        (f"<item jid='a@{DOMAIN}' subscription='remove'/>", "item-not-found"),
        (f"<item jid='alice@{DOMAIN}'/>", "not-allowed"),
    ],
)
async def test_a_change_that_is_none_is_refused(tight: Site, inside: str, condition: str) -> None:
    answer = await tight.bind("alice/desk").asked(change(inside))
    assert error_of(answer)[1] == condition
    assert len(tight.messaging.accounts.by_userid["alice"].roster) == 0


async def test_a_full_list_takes_no_more(tight: Site) -> None:
    alice = tight.bind("alice/desk")
    for number in range(3):
        await alice.said(change(f"<item jid='{number}@{DOMAIN}'/>"))
    alice.raw()
    answer = await alice.asked(change(f"<item jid='one-more@{DOMAIN}'/>"))
    assert error_of(answer) == ("wait", "resource-constraint")
    assert (await alice.asked(change(f"<item jid='1@{DOMAIN}' name='Uno'/>"))).type == "result"


async def test_what_a_client_says_of_the_subscription_is_not_believed(site: Site) -> None:
    alice = site.bind("alice/desk")
    await alice.said(
        change(f"<item jid='bob@{DOMAIN}' subscription='both' ask='subscribe' approved='true'/>")
    )
    alice.raw()
    _, [item] = await items(alice)
    assert item.attrs == {"jid": f"bob@{DOMAIN}", "subscription": "none"}


async def test_the_list_of_somebody_else_is_not_told(site: Site) -> None:
    alice = site.bind("alice/desk")
    answer = await alice.asked(f"<iq type='get' id='r' to='bob@{DOMAIN}'><query xmlns='{NS}'/></iq>")
    assert error_of(answer)[1] == "service-unavailable"
