"""The roster and its versions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from antiphon.services.messaging.roster import MAX_TOMBSTONES, Item, Roster
from antiphon.services.messaging.subscription import State


def listed(roster: Roster, contact: str, name: str = "") -> Item:
    item = roster.get(contact) or Item(contact)
    item.listed, item.name = True, name
    roster.changed(item, visible=True)
    return item


def since(roster: Roster, version: int) -> list[str] | None:
    changes = roster.since(roster.at_version(version))
    return (
        None
        if changes is None
        else [xml.split("'")[1] + ("-" if "remove" in xml else "") for _, xml in changes]
    )


def test_an_item_is_written_as_the_rfc_has_it() -> None:
    item = Item("b'o@x")
    item.name, item.groups, item.state, item.approved = "Bo & Co", ("A<B",), State.FROM_OUT, True
    assert item.xml() == (
        "<item jid='b&apos;o@x' subscription='from' name='Bo &amp; Co' ask='subscribe' approved='true'>"
        "<group>A&lt;B</group></item>"
    )


def test_missed_changes_come_in_the_order_they_happened() -> None:
    roster = Roster("e")
    for contact in ("a@x", "b@x", "c@x"):
        listed(roster, contact)
    roster.removed(listed(roster, "b@x"))
    listed(roster, "a@x", "A")
    assert since(roster, 3) == ["b@x-", "a@x"]
    assert since(roster, 6) == []


def test_a_contact_that_came_back_is_not_removed() -> None:
    roster = Roster("e")
    roster.removed(listed(roster, "a@x"))
    listed(roster, "a@x")
    assert since(roster, 0) == ["a@x"]


def test_a_request_of_somebody_removed_does_not_bring_the_contact_back() -> None:
    roster = Roster("e")
    roster.removed(listed(roster, "a@x"))
    request = Item("a@x")
    request.state = State.NONE_IN
    roster.changed(request, visible=False)
    assert since(roster, 1) == ["a@x-"]


def test_versions_of_another_roster_are_not_known() -> None:
    roster = Roster("e-e")
    listed(roster, "a@x")
    for ver in ("", "1", "f-1", "e-e-2", "e-e--1", "e-e-x", "e-e-" + "9" * 100, "e-e-١"):
        assert roster.since(ver) is None
    assert roster.since("e-e-1") == []


def test_forgotten_removals_need_the_whole_roster() -> None:
    roster = Roster("e")
    for number in range(MAX_TOMBSTONES + 1):
        listed(roster, f"{number}@x")
    forgotten = [
        contact
        for number in range(MAX_TOMBSTONES + 1)
        for contact in roster.removed(listed(roster, f"{number}@x"))
    ]
    assert forgotten == ["0@x"]
    assert roster.since(roster.at_version(roster.horizon - 1)) is None


def test_many_changes_are_told_as_the_whole_roster() -> None:
    roster = Roster("e")
    for number in range(40):
        item = listed(roster, f"{number}@x")
        if number >= 4:
            roster.removed(item)
    assert roster.since(roster.at_version(1)) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["a@x", "b@x", "c@x"]), st.sampled_from(["add", "remove", "rename"])),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_whoever_applies_what_was_missed_has_the_roster(history: list[tuple[str, str]], seen: int) -> None:
    roster = Roster("e")
    copy: dict[str, str] = {}
    version = 0
    for step, (contact, action) in enumerate(history):
        item = roster.get(contact)
        if action == "remove" and item is not None:
            roster.removed(item)
        elif action != "remove":
            listed(roster, contact, f"{action}{step}")
        if step == seen:
            copy, version = {entry.contact: entry.xml() for entry in roster}, roster.version
    missed = roster.since(roster.at_version(version))
    assert missed is not None
    for _, xml in missed:
        contact = xml.split("'")[1]
        if "subscription='remove'" in xml:
            copy.pop(contact, None)
        else:
            copy[contact] = xml
    assert copy == {entry.contact: entry.xml() for entry in roster}
