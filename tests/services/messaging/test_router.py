"""Where messages go: the table of RFC 6121 §8.5.4 and what surrounds it."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Site, error_of

from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.events import MessageStored

# Rows of RFC 6121 §8.5.4: condition, address, then normal, chat, groupchat, headline, error.
# D: delivered, O: stored offline, E: error, S: silently ignored. "E/S" where the RFC prints S and allows (b) the error in
# §8.5.1 or §8.5.3.2.1, which this server sends.
ROWS = """
no account           | bare          | E/S | E/S | E/S | S | S
no account           | full          | E/S | E/S | E/S | S | S
no resource          | bare          | O   | O   | E   | S | S
no resource          | full, no match| E/S | O   | E/S | S | S
negative only        | bare          | O   | O   | E   | S | S
negative only        | full, match   | D   | D   | D   | D | D
negative only        | full, no match| E/S | O   | E/S | S | S
one non-negative     | bare          | D   | D   | E   | D | S
one non-negative     | full, match   | D   | D   | D   | D | D
one non-negative     | full, no match| E/S | D   | E/S | S | S
"""
TYPES = ("normal", "chat", "groupchat", "headline", "error")
CASES = [
    (condition, address, kind, expected)
    for line in ROWS.strip().splitlines()
    for condition, address, *cells in [[cell.strip() for cell in line.split("|")]]
    for kind, expected in zip(TYPES, cells, strict=True)
]


@pytest.mark.parametrize(("condition", "address", "kind", "expected"), CASES)
async def test_a_row_of_the_message_table(
    site: Site, condition: str, address: str, kind: str, expected: str
) -> None:
    alice = site.online("alice/desk")
    name = "nobody" if condition == "no account" else "bob"
    bob = None
    if condition in ("negative only", "one non-negative"):
        bob = site.online("bob/phone", "<priority>-1</priority>" if condition == "negative only" else "")
        bob.raw()
    alice.raw()
    resource = {"bare": "", "full": "/x", "full, match": "/phone", "full, no match": "/elsewhere"}[address]
    await alice.said(
        f"<message id='m1' type='{kind}' to='{name}@{DOMAIN}{resource}'><body>hello</body></message>"
    )
    delivered = bob.bodies() if bob is not None else []
    answers = [error_of(stanza) for stanza in alice.got("message")]
    account = site.messaging.accounts.by_userid.get("bob")
    stored = account.stored if account is not None else 0
    match expected:
        case "D":
            assert (delivered, answers, stored) == (["hello"], [], 0)
        case "O":
            assert (delivered, answers, stored) == ([], [], 1)
        case "E" | "E/S":
            assert (delivered, answers, stored) == ([], [("cancel", "service-unavailable")], 0)
        case "S":
            assert (delivered, answers, stored) == ([], [], 0)


async def test_a_chat_message_is_forwarded_as_it_was_with_its_true_sender(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    assert alice.say(f"<message to='bob@{DOMAIN}' type='chat' id='7'><body>a &lt; b</body></message>") is None
    assert bob.raw() == [
        b"<message from='alice@example.test/desk' to='bob@example.test' type='chat' id='7'>"
        b"<body>a &lt; b</body></message>"
    ]


async def test_chat_goes_to_the_highest_priority_and_to_all_of_them(site: Site) -> None:
    alice = site.online("alice/desk")
    low = site.online("bob/low", "<priority>1</priority>")
    one = site.online("bob/one", "<priority>5</priority>")
    two = site.online("bob/two", "<priority>5</priority>")
    alice.say(f"<message to='bob@{DOMAIN}' type='chat'><body>hi</body></message>")
    assert (low.bodies(), one.bodies(), two.bodies()) == ([], ["hi"], ["hi"])


async def test_a_headline_goes_to_every_resource_that_receives(site: Site) -> None:
    alice = site.online("alice/desk")
    low = site.online("bob/low", "<priority>1</priority>")
    high = site.online("bob/high", "<priority>5</priority>")
    quiet = site.online("bob/quiet", "<priority>-5</priority>")
    alice.say(f"<message to='bob@{DOMAIN}' type='headline'><body>news</body></message>")
    assert (low.bodies(), high.bodies(), quiet.bodies()) == (["news"], ["news"], [])


async def test_an_unknown_type_is_normal(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.say(f"<message to='bob@{DOMAIN}' type='shout'><body>hi</body></message>")
    assert bob.bodies() == ["hi"]


async def test_a_message_without_an_address_is_for_oneself(site: Site) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    alice.say("<message type='chat'><body>note</body></message>")
    assert alice.bodies() == ["note"]


async def test_a_malformed_address_is_told(site: Site) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    for kind in ("message", "presence"):
        alice.say(f"<{kind} id='1' to='a@b@c'/>")
        assert error_of(alice.got()[0]) == ("modify", "jid-malformed")


async def test_another_domain_that_nobody_answers_for_is_told(site: Site) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    alice.say("<message id='1' to='x@elsewhere.test' type='chat'><body>hi</body></message>")
    answer = alice.got()[0]
    assert error_of(answer) == ("cancel", "remote-server-not-found")
    assert (str(answer.sender), answer.id) == ("x@elsewhere.test", "1")
    alice.say("<message to='x@elsewhere.test' type='error'><body>hi</body></message>")
    assert alice.got() == []


async def test_a_domain_that_is_claimed_gets_its_stanzas_and_can_answer(site: Site) -> None:
    alice = site.online("alice/desk")
    heard: list[Stanza] = []

    def answer(stanza: Stanza, data: bytes) -> None:
        heard.append(stanza)
        reply = Stanza.parse(data.replace(b"hi", b"welcome"))
        reply = reply.readdressed(Jid.parse(str(stanza.sender)))
        reply.sender = Jid.parse("room@conference.example.test/host")
        site.messaging.router.route(reply, None, 0.0)

    site.messaging.domains.routes.claim("conference.example.test", answer, "test")
    alice.raw()
    alice.say("<message to='room@conference.example.test' type='groupchat'><body>hi</body></message>")
    assert [str(stanza.sender) for stanza in heard] == [f"alice@{DOMAIN}/desk"]
    [back] = alice.got()
    assert str(back.sender) == "room@conference.example.test/host"


async def test_what_only_the_server_may_say_is_not_believed(site: Site) -> None:
    """Every forged element goes, not only the first; a delay of somebody else's stays."""
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    alice.say(
        f"<message to='bob@{DOMAIN}' type='chat'><body>x</body>"
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='bob@{DOMAIN}' id='1'/>"
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{DOMAIN}' id='2'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='other.test' id='3'/>"
        f"<delay xmlns='urn:xmpp:delay' from='{DOMAIN}' stamp='2001-01-01T00:00:00Z'/>"
        "<delay xmlns='urn:xmpp:delay' from='irc.test' stamp='2001-01-01T00:00:00Z'/>"
        "<received xmlns='urn:xmpp:carbons:2'/><sent xmlns='urn:xmpp:carbons:2'/>"
        "<result xmlns='urn:xmpp:mam:2'/></message>"
    )
    [stanza] = bob.got()
    assert [(child.local, child.get("by") or child.get("from")) for child in stanza.tree().elements()] == [
        ("body", ""),
        ("stanza-id", "other.test"),
        ("delay", "irc.test"),
    ]


async def test_a_stored_message_is_a_fact(site: Site) -> None:
    heard: list[MessageStored] = []
    site.bus.subscribe(MessageStored, heard.append)
    await site.online("alice/desk").said(f"<message to='bob@{DOMAIN}' type='chat'><body>hi</body></message>")
    assert heard == [MessageStored("bob", f"alice@{DOMAIN}")]


@pytest.mark.parametrize(
    "inside",
    [
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<thread>t</thread><active xmlns='http://jabber.org/protocol/chatstates'/>",
        "<body>secret</body><no-store xmlns='urn:xmpp:hints'/>",
        "",
    ],
)
async def test_what_means_nothing_later_is_not_stored(site: Site, inside: str) -> None:
    await site.online("alice/desk").said(f"<message to='bob@{DOMAIN}' type='chat'>{inside}</message>")
    assert site.messaging.accounts.by_userid["bob"].stored == 0


async def test_a_session_that_is_not_bound_is_not_heard(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    bob.raw()
    site.messaging.unbind(alice)
    assert alice.say(f"<message to='bob@{DOMAIN}' type='chat'><body>hi</body></message>") is None
    assert bob.got() == []


async def test_a_disabled_user_is_not_there(site: Site) -> None:
    from antiphon.services.directory.events import UserChanged

    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    site.people.change("bob", enabled=False)
    site.bus.publish(UserChanged("bob", False))
    assert bob.closed == "not-authorized"
    alice.raw()
    alice.say(f"<message to='bob@{DOMAIN}' type='chat'><body>hi</body></message>")
    assert error_of(alice.got()[0])[1] == "service-unavailable"


async def test_carbons_copy_to_the_other_resources_of_both(site: Site) -> None:
    desk, mobile = site.online("alice/desk"), site.online("alice/mobile")
    bob, tablet = site.online("bob/phone", "<priority>5</priority>"), site.online("bob/tablet")
    for client in (desk, mobile, bob, tablet):
        await client.said("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        client.raw()
    desk.say(f"<message to='bob@{DOMAIN}' type='chat'><body>hi</body></message>")
    assert bob.bodies() == ["hi"]
    assert desk.got() == []
    for client, kind in ((mobile, "sent"), (tablet, "received")):
        [copy] = client.got()
        assert copy.sender == client.jid.bare
        outer = copy.tree().child("urn:xmpp:carbons:2", kind)
        assert outer is not None
        forwarded = outer.child("urn:xmpp:forward:0", "forwarded")
        assert forwarded is not None
        inner = forwarded.child("jabber:client", "message")
        assert inner is not None
        assert (inner.get("from"), inner.child_text("jabber:client", "body")) == (
            f"alice@{DOMAIN}/desk",
            "hi",
        )


async def test_a_message_to_another_domain_is_copied_too(site: Site) -> None:
    site.messaging.domains.others = lambda stanza, data: None
    desk, mobile = site.online("alice/desk"), site.online("alice/mobile")
    await mobile.said("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
    mobile.raw()
    desk.say("<message to='x@far.test' type='chat'><body>hi</body></message>")
    assert [stanza.has("urn:xmpp:carbons:2", "sent") for stanza in mobile.got()] == [True]


@pytest.mark.parametrize(
    "inside",
    ["<private xmlns='urn:xmpp:carbons:2'/>", "<no-copy xmlns='urn:xmpp:hints'/>"],
)
async def test_a_private_message_is_not_copied(site: Site, inside: str) -> None:
    desk, mobile = site.online("alice/desk"), site.online("alice/mobile")
    site.online("bob/phone")
    await mobile.said("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
    mobile.raw()
    desk.say(f"<message to='bob@{DOMAIN}' type='chat'><body>hi</body>{inside}</message>")
    assert mobile.got() == []


async def test_a_message_to_oneself_is_not_copied_twice(site: Site) -> None:
    desk, mobile = site.online("alice/desk"), site.online("alice/mobile")
    for client in (desk, mobile):
        await client.said("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        client.raw()
    desk.say(f"<message to='alice@{DOMAIN}/mobile' type='chat'><body>hi</body></message>")
    assert mobile.bodies() == ["hi"]


async def test_a_request_to_a_session_reaches_it_and_its_answer_comes_back(site: Site) -> None:
    alice, bob = site.online("alice/desk"), site.online("bob/phone")
    alice.raw(), bob.raw()
    alice.say(f"<iq type='get' id='9' to='bob@{DOMAIN}/phone'><q xmlns='x:y'/></iq>")
    [asked] = bob.got()
    assert asked.sender == alice.jid
    bob.say(f"<iq type='result' id='9' to='{alice.jid}'/>")
    [answer] = alice.got()
    assert (answer.type, answer.id, answer.sender) == ("result", "9", bob.jid)


@pytest.mark.parametrize(
    ("xml", "condition"),
    [
        (f"<iq type='get' id='1' to='bob@{DOMAIN}/gone'><q xmlns='x:y'/></iq>", "service-unavailable"),
        (f"<iq type='get' id='1' to='bob@{DOMAIN}'><q xmlns='x:y'/></iq>", "service-unavailable"),
        (
            f"<iq type='get' id='1' to='nobody@{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>",
            "service-unavailable",
        ),
        (f"<iq type='get' id='1' to='{DOMAIN}'><q xmlns='x:y'/></iq>", "service-unavailable"),
        ("<iq type='get' id='1'><q xmlns='x:y'/></iq>", "service-unavailable"),
        ("<iq type='get' id='1'/>", "bad-request"),
        ("<iq type='get' id='1'><a xmlns='x:y'/><b xmlns='x:y'/></iq>", "bad-request"),
        ("<iq type='ask' id='1'><q xmlns='x:y'/></iq>", "bad-request"),
        ("<iq id='1'><q xmlns='x:y'/></iq>", "bad-request"),
    ],
)
async def test_a_request_that_cannot_be_answered_gets_an_error(site: Site, xml: str, condition: str) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    kinds = [stanza for stanza in [Stanza.parse(xml.encode())] if stanza.type in ("get", "set")]
    alice.say(xml)
    answers = alice.got("iq")
    if kinds:
        assert [error_of(answer)[1] for answer in answers] == [condition]
    else:
        # Not even a request: no answer is defined that its sender could match (RFC 6120 §8.2.3).
        assert answers == []


@pytest.mark.parametrize("kind", ["result", "error"])
async def test_an_answer_is_never_answered(site: Site, kind: str) -> None:
    alice = site.online("alice/desk")
    alice.raw()
    for to in (f"bob@{DOMAIN}/gone", f"bob@{DOMAIN}", DOMAIN, "x@elsewhere.test"):
        alice.say(f"<iq type='{kind}' id='1' to='{to}'><q xmlns='x:y'/></iq>")
    assert alice.got() == []
