from __future__ import annotations

from antiphon.client.xmpp.contacts import ROSTER, Contacts
from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.stanza import Stanza

BOB = Jid("bob", "example.test")


def roster(*items: tuple[str, str]) -> Element:
    return Element(
        ROSTER,
        "query",
        None,
        *(Element(ROSTER, "item", {"jid": jid, "subscription": how}) for jid, how in items),
    )


def presence(resource: str, inside: str = "", kind: str = "") -> Stanza:
    typed = f" type='{kind}'" if kind else ""
    return Stanza.parse(f"<presence from='bob@example.test/{resource}'{typed}>{inside}</presence>".encode())


def test_a_push_changes_one_entry_and_a_result_all() -> None:
    contacts = Contacts()
    contacts.take_roster(
        roster(("bob@example.test", "both"), ("carol@example.test", "to"), ("@", "to")), whole=True
    )
    assert [str(jid) for jid in contacts.items] == ["bob@example.test", "carol@example.test"]
    contacts.take_roster(roster(("bob@example.test", "remove")), whole=False)
    assert [str(jid) for jid in contacts.items] == ["carol@example.test"]
    contacts.take_roster(roster(), whole=True)
    assert contacts.items == {}


def test_the_resource_with_the_highest_priority_speaks_and_a_call_shows_wherever_it_is_said() -> None:
    contacts = Contacts()
    contacts.take_presence(presence("phone", "<show>away</show><priority>1</priority>"))
    contacts.take_presence(presence("desk", "<show>chat</show><priority>5</priority>"))
    assert contacts.availability(BOB).state == "chat"
    activity = "<activity xmlns='http://jabber.org/protocol/activity'>"
    contacts.take_presence(presence("a", f"{activity}<talking/><on_the_phone/></activity>"))
    assert contacts.availability(BOB).on_the_phone
    contacts.take_presence(presence("a", f"{activity}<talking><on_the_phone/></talking></activity>"))
    assert contacts.availability(BOB).state == "on the phone"
    contacts.take_presence(presence("a", kind="unavailable"))
    assert contacts.availability(BOB).state == "chat"


def test_who_has_left_everywhere_is_offline_and_resources_are_bounded() -> None:
    contacts = Contacts()
    for number in range(500):
        contacts.take_presence(presence(f"r{number}", "<priority>x</priority>"))
    assert len(contacts.resources(BOB)) == 64
    contacts.forget_presence()
    assert contacts.availability(BOB).state == "offline"
