"""Finding the home cluster."""

from __future__ import annotations

from antiphon.model import Cluster, Node, User
from antiphon.services.discovery.service import Discovery, Home

CLUSTER = Cluster("lab", "example.test", (Node("cucm1.example.test", "127.0.1.1", ("identity",)),))


class People:
    def __init__(self, *users: User) -> None:
        self._users = {user.userid: user for user in users}

    def user(self, userid: str) -> User | None:
        return self._users.get(userid)

    def user_by_mail(self, mail: str) -> User | None:
        return next((user for user in self._users.values() if user.mail == mail.lower()), None)


DISCOVERY = Discovery(
    CLUSTER,
    People(
        User("alice", "p1", mail="alice@example.test"),
        User("bob", "p2", mail="bob@example.test", home_cluster="cucm9.example.test"),
    ),
)


def test_a_user_of_this_cluster_is_at_home_here() -> None:
    here = Home("alice", "cucm1.example.test")
    assert DISCOVERY.home_of(username="Alice") == here
    assert DISCOVERY.home_of(mail="alice@example.test") == here
    assert DISCOVERY.home_of(identifier="alice") == here
    assert DISCOVERY.home_of(identifier="alice@example.test") == here


def test_a_user_of_another_cluster_is_sent_there() -> None:
    assert DISCOVERY.home_of(username="bob") == Home("bob", "cucm9.example.test")


def test_a_stranger_has_no_home() -> None:
    assert DISCOVERY.home_of(username="mallory") is None
    assert DISCOVERY.home_of() is None
