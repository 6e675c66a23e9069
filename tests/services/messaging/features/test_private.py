"""Private XML: what a client stored comes back, to its owner only."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Site, error_of

from antiphon.protocols.xmpp.element import Element

NS = "jabber:iq:private"


def put(inside: str) -> str:
    return f"<iq type='set' id='x'><query xmlns='{NS}'>{inside}</query></iq>"


def get(inside: str) -> str:
    return f"<iq type='get' id='x'><query xmlns='{NS}'>{inside}</query></iq>"


async def test_what_was_stored_comes_back_after_a_restart(site: Site) -> None:
    stored = "<storage xmlns='storage:bookmarks'><conference jid='r@c' name='A &amp; B'/>text</storage>"
    assert (await site.bind("alice/desk").asked(put(stored))).type == "result"
    again = await site.restarted()
    for name, children in (("alice", 2), ("bob", 0)):
        answer = await again.bind(f"{name}/desk").asked(get("<storage xmlns='storage:bookmarks'/>"))
        query = answer.payload()
        assert query is not None
        [storage] = query.elements()
        assert len(storage.children) == children
        if children:
            assert storage.children == [
                Element("storage:bookmarks", "conference", {"jid": "r@c", "name": "A & B"}),
                "text",
            ]
    await again.stop()


async def test_the_last_version_counts(site: Site) -> None:
    alice = site.bind("alice/desk")
    for text in ("one", "two"):
        await alice.said(put(f"<a xmlns='x:y'>{text}</a>"))
    alice.raw()
    query = (await alice.asked(get("<a xmlns='x:y'/>"))).payload()
    assert query is not None
    assert query.child_text("x:y", "a") == "two"


@pytest.mark.parametrize(
    ("inside", "condition"),
    [
        ("", "bad-request"),
        ("<a xmlns='x:y'/><b xmlns='x:y'/>", "bad-request"),
        ("<a/>", "not-acceptable"),
        ("<message xmlns='jabber:client'/>", "not-acceptable"),
        (f"<a xmlns='x:y'>{'z' * 200}</a>", "not-acceptable"),
    ],
)
async def test_what_cannot_be_stored_is_refused(tight: Site, inside: str, condition: str) -> None:
    assert error_of(await tight.bind("alice/desk").asked(put(inside)))[1] == condition


async def test_what_is_stored_is_bounded(tight: Site) -> None:
    alice = tight.bind("alice/desk")
    for name in ("a", "b"):
        await alice.said(put(f"<{name} xmlns='x:y'/>"))
    alice.raw()
    assert error_of(await alice.asked(put("<c xmlns='x:y'/>")))[1] == "resource-constraint"
    assert (await alice.asked(put("<a xmlns='x:y'>new</a>"))).type == "result"


async def test_the_storage_of_somebody_else_is_closed(site: Site) -> None:
    answer = await site.bind("alice/desk").asked(
        f"<iq type='get' id='x' to='bob@{DOMAIN}'><query xmlns='{NS}'><a xmlns='x:y'/></query></iq>"
    )
    assert error_of(answer)[1] == "service-unavailable"
