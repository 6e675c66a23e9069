"""Service discovery says what the features declare."""

from __future__ import annotations

from tests.services.messaging.conftest import DOMAIN, Site, error_of

from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.stanza import Stanza

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"


def info(answer: Stanza) -> tuple[list[tuple[str, str]], set[str]]:
    query = answer.payload()
    assert query is not None
    identities = [(entry.get("category"), entry.get("type")) for entry in query.elements(INFO, "identity")]
    return identities, {entry.get("var") for entry in query.elements(INFO, "feature")}


async def test_the_server_says_what_it_is_and_what_it_can(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='d' to='{DOMAIN}'><query xmlns='{INFO}'/></iq>"
    )
    identities, features = info(answer)
    assert identities == [("server", "im")]
    assert features >= {
        INFO, ITEMS, "urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "jabber:iq:last", "jabber:iq:private",
        "urn:xmpp:carbons:2", "urn:xmpp:blocking", "vcard-temp", "jabber:iq:roster", "msgoffline",
    }  # fmt: skip


async def test_the_server_says_whom_to_write_to(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='d' to='{DOMAIN}'><query xmlns='{INFO}'/></iq>"
    )
    query = answer.payload()
    assert query is not None
    form = query.child("jabber:x:data", "x")
    assert form is not None
    values = {
        field.get("var"): [value.text for value in field.elements()]
        for field in form.children
        if isinstance(field, Element)
    }
    assert values == {
        "FORM_TYPE": ["http://jabber.org/network/serverinfo"],
        "admin-addresses": [f"mailto:admin@{DOMAIN}"],
    }


async def test_an_account_is_told_to_its_owner_and_to_contacts_only(site: Site) -> None:
    await site.befriend("alice", "bob")
    request = f"<iq type='get' id='d' to='alice@{DOMAIN}'><query xmlns='{INFO}'/></iq>"
    for jid in ("alice/desk", "bob/desk"):
        identities, features = info(await site.bind(jid).asked(request))
        assert identities == [("account", "registered")]
        assert "urn:xmpp:carbons:2" in features
    assert error_of(await site.bind("carol/desk").asked(request))[1] == "service-unavailable"


async def test_an_unknown_node_is_not_found(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='d' to='{DOMAIN}'><query xmlns='{INFO}' node='x'/></iq>"
    )
    assert error_of(answer)[1] == "item-not-found"


async def test_other_domains_of_the_service_are_its_items(site: Site) -> None:
    site.messaging.domains.routes.claim("conference.example.test", lambda stanza, data: None, "test")
    alice = site.bind("alice/desk")
    answer = await alice.asked(f"<iq type='get' id='d' to='{DOMAIN}'><query xmlns='{ITEMS}'/></iq>")
    query = answer.payload()
    assert query is not None
    assert [item.get("jid") for item in query.elements()] == ["conference.example.test"]
    answer = await alice.asked(f"<iq type='get' id='d'><query xmlns='{ITEMS}'/></iq>")
    query = answer.payload()
    assert query is not None
    assert list(query.elements()) == []
