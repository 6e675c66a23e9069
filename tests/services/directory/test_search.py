from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.kernel.errors import DomainError
from antiphon.model import User
from antiphon.services.directory.memory import Memory

PEOPLE = [
    User("alice", "1", "Alice", "Ng", "Alice Ng", mail="alice@example.test", telephone="1001"),
    User(
        "aling", "2", "Ng", "Alison", "Ng Alison", mail="aling@example.test", telephone="1002", mobile="+3361"
    ),
    User("mary", "3", "Mary Ann", "Smith Jones", "Mary Ann Smith Jones", telephone="2001"),
    User("jose", "4", "José", "Núñez", "José Núñez"),
    User("gone", "5", "Alice", "Gone", "Alice Gone", enabled=False),
    User("wang", "6", "小明", "王", "王小明"),
    User("robot", "7", display_name="Build robot"),
]


@pytest.fixture
def memory() -> Memory:
    memory = Memory()
    memory.fill(PEOPLE)
    return memory


@pytest.mark.parametrize(
    ("text", "field", "found"),
    [
        ("ali", "name", ["aling", "alice"]),
        ("ALI", "name", ["aling", "alice"]),
        ("lice", "name", []),
        ("ali", "first", ["alice"]),
        ("ali", "last", ["aling"]),
        ("alice n", "name", ["alice"]),
        ("ng ali", "name", ["aling", "alice"]),
        ("mary ann smith", "name", ["mary"]),
        ("mary  smith", "name", ["mary"]),
        ("smith jones mary", "name", ["mary"]),
        ("ann", "name", []),
        ("JOSÉ", "name", ["jose"]),
        ("jose\u0301", "name", ["jose"]),
        ("王", "name", ["wang"]),
        ("build", "name", ["robot"]),
        ("build", "displayname", ["robot"]),
        ("100", "number", ["aling", "alice"]),
        ("+33", "number", ["aling"]),
        ("Alice@", "email", ["alice"]),
        ("gone", "userid", []),
        ("", "name", ["aling", "robot", "alice", "jose", "mary", "wang"]),
        ("x" * 5000, "name", []),
    ],
)
def test_names_are_found_by_their_beginnings(memory: Memory, text: str, field: str, found: list[str]) -> None:
    page = memory.search(text, field)
    assert [user.userid for user in page.users] == found
    assert page.total == len(found)


def test_a_page_is_a_part_and_the_total_is_all(memory: Memory) -> None:
    pages = [memory.search("", start=start, limit=4) for start in (0, 4, 8)]
    assert [len(page.users) for page in pages] == [4, 2, 0]
    assert {page.total for page in pages} == {6}


def test_no_page_is_larger_than_the_limit() -> None:
    memory = Memory()
    memory.fill(User(f"u{number:04}", str(number), "Una") for number in range(700))
    assert len(memory.search("u").users) == 64
    assert len(memory.search("u", limit=10_000).users) == 500
    assert memory.search("u", start=-5, limit=-1).users == ()


def test_an_unknown_field_is_refused(memory: Memory) -> None:
    with pytest.raises(DomainError, match="AP-DIR-024"):
        memory.search("x", "shoe size")


def test_a_changed_user_is_found_by_the_new_name_only(memory: Memory) -> None:
    memory.keep(replace(PEOPLE[0], first_name="Zoe", display_name="Zoe Ng"))
    assert [user.userid for user in memory.search("zoe").users] == ["alice"]
    assert [user.userid for user in memory.search("alice").users] == []
    memory.keep(replace(PEOPLE[0], enabled=False))
    assert memory.search("zoe").total == 0
    memory.drop(User, "aling")
    assert memory.search("ng").total == 0


names = st.text("abAB é", max_size=4)


@given(st.lists(st.tuples(names, names), max_size=8), st.text("ab é", max_size=3))
def test_the_index_finds_what_reading_all_would(people: list[tuple[str, str]], text: str) -> None:
    memory = Memory()
    for number, (first, last) in enumerate(people):
        memory.keep(User(f"u{number}", str(number), first, last))

    def begins(name: str) -> bool:
        return " ".join(name.lower().split()).startswith(" ".join(text.lower().split()))

    for field, at in (("first", 0), ("last", 1)):
        wanted = {f"u{number}" for number, person in enumerate(people) if begins(person[at])}
        assert {user.userid for user in memory.search(text, field).users} == wanted
