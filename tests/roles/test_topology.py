from __future__ import annotations

import pytest

from antiphon.kernel.errors import DomainError
from antiphon.roles.topology import EXAMPLE, parse


def test_the_example_describes_two_nodes_and_three_people() -> None:
    topology = parse(EXAMPLE)
    assert topology.cluster.domain == "example.test"
    assert [node.name for node in topology.cluster.nodes] == ["cucm1.example.test", "imp1.example.test"]
    assert [person.line for person in topology.people] == ["1001", "1002", "1003"]
    assert topology.inside.port == 10053


def test_contact_addresses_are_read_in_the_order_given() -> None:
    text = EXAMPLE.replace("# [contacts]", "[contacts]").replace("# admin =", "admin =")
    text = text.replace("[contacts]", '[contacts]\nsecurity = ["https://example.test/security"]')
    assert parse(text).cluster.contacts == (
        ("security", "https://example.test/security"),
        ("admin", "mailto:admin@example.test"),
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('domain = "example.test"', 'domian = "example.test"', "did you mean 'domain'?"),
        ('domain = "example.test"', 'domain = "Example Test"', "not a domain name"),
        ('domain = "example.test"', "domain = ", "not TOML"),
        ('address = "127.0.2.1"', 'address = "192.0.2.1"', "not a loopback address"),
        ('address = "127.0.2.1"', 'address = "127.0.1.1"', "stands there twice"),
        ('roles = ["im"]', 'roles = ["imp"]', "unknown role 'imp'"),
        ('roles = ["im"]', 'roles = ["call"]', "no node has the role 'im'"),
        ('line = "1002"', 'line = "1001"', "stands there twice"),
        ('line = "1002"', 'line = "ten"', "not a number"),
        ("admin = true", 'admin = "yes"', "not true or false"),
        ("# [contacts]", "[contacts]\nadmins = ['mailto:a@b']", "did you mean 'admin'?"),
        ("# [contacts]", "[contacts]\nadmin = ['a@b']", "is not a URI"),
        ("# [contacts]", "[contacts]\nadmin = 'mailto:a@b'", "a list of texts is needed"),
        ("[[node]]", "[node]", "[[node]]"),
        ('inside = "127.0.0.1:10053"', 'inside = "10053"', "not address:port"),
    ],
)
def test_a_broken_file_is_refused_with_the_place_and_the_reason(old: str, new: str, said: str) -> None:
    text = EXAMPLE.replace(old, new)
    if new == "[node]":
        text = EXAMPLE.replace(
            '[[node]]\nname = "imp1"\naddress = "127.0.2.1"\nroles = ["im"]\n', ""
        ).replace(old, new)
    with pytest.raises(DomainError, match="AP-LAB-001") as error:
        parse(text)
    assert said in str(error.value)
