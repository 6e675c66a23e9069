"""Requests with one answer: ping, session, version, time, last activity, business card."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Site, error_of


@pytest.mark.parametrize("to", ["", f" to='{DOMAIN}'", f" to='alice@{DOMAIN}'", f" to='bob@{DOMAIN}'"])
async def test_a_ping_is_answered(site: Site, to: str) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='p'{to}><ping xmlns='urn:xmpp:ping'/></iq>"
    )
    assert (answer.type, answer.id, answer.children) == ("result", "p", ())
    assert str(answer.to) == f"alice@{DOMAIN}/desk"


async def test_the_old_session_request_succeeds(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
    )
    assert answer.type == "result"


async def test_the_version_is_told(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='v' to='{DOMAIN}'><query xmlns='jabber:iq:version'/></iq>"
    )
    query = answer.payload()
    assert query is not None
    assert {child.local: child.text for child in query.elements()} == {"name": "Antiphon", "version": "1.2.3"}


async def test_the_time_is_told_in_utc(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='t' to='{DOMAIN}'><time xmlns='urn:xmpp:time'/></iq>"
    )
    time = answer.payload()
    assert time is not None
    assert time.child_text("urn:xmpp:time", "tzo") == "+00:00"
    assert time.child_text("urn:xmpp:time", "utc").endswith("Z")


LAST = f"<iq type='get' id='l' to='bob@{DOMAIN}'><query xmlns='jabber:iq:last'/></iq>"


async def test_last_activity_is_told_to_contacts_even_after_a_restart(site: Site) -> None:
    await site.befriend("alice", "bob")
    bob = site.online("bob/phone")
    bob.say("<presence type='unavailable'><status>gone fishing</status></presence>")
    site.messaging.unbind(bob)
    await site.settled()
    again = await site.restarted()
    answer = await again.bind("alice/desk").asked(LAST)
    query = answer.payload()
    assert query is not None
    assert 0 <= int(query.get("seconds")) < 60
    assert query.text == "gone fishing"
    await again.stop()


async def test_last_activity_of_who_is_there_is_now(site: Site) -> None:
    await site.befriend("alice", "bob")
    site.online("bob/phone")
    query = (await site.bind("alice/desk").asked(LAST)).payload()
    assert query is not None
    assert (query.get("seconds"), query.text) == ("0", "")


async def test_last_activity_is_not_told_to_strangers(site: Site) -> None:
    assert error_of(await site.bind("alice/desk").asked(LAST)) == ("auth", "forbidden")


async def test_a_business_card_comes_from_the_directory(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='v' to='bob@{DOMAIN}'><vCard xmlns='vcard-temp'/></iq>"
    )
    card = answer.payload()
    assert card is not None
    assert card.child_text("vcard-temp", "FN") == "Bob"
    email = card.child("vcard-temp", "EMAIL")
    assert email is not None
    assert email.child_text("vcard-temp", "USERID") == f"bob@{DOMAIN}"


async def test_a_business_card_is_not_written_here(site: Site) -> None:
    answer = await site.bind("alice/desk").asked("<iq type='set' id='v'><vCard xmlns='vcard-temp'/></iq>")
    assert error_of(answer) == ("cancel", "not-allowed")
