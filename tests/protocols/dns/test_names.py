"""Names of discovery."""

from __future__ import annotations

import pytest

from antiphon.protocols.dns.names import is_address, mailbox, normalise, srv_name, underscore_twin


def test_an_address_is_split_at_its_last_at_sign() -> None:
    assert mailbox(" Alice@Example.Test. ") == ("Alice", "example.test")
    assert mailbox('"a@b"@example.test').domain == "example.test"


@pytest.mark.parametrize(
    "text", ["", "alice", "@example.test", "alice@", "alice@127.0.0.1", "a b@example.test", "a@b..c"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        mailbox(text)


def test_an_international_domain_becomes_its_a_label() -> None:
    assert normalise("Bücher.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize("text", ["a" * 64 + ".test", ".".join(["a" * 60] * 5), "exa mple.test", "::1"])
def test_what_is_no_domain_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        normalise(text)


def test_ip_addresses_are_told_from_names() -> None:
    assert is_address("127.0.0.1")
    assert is_address("127.0.0.1.")
    assert is_address("[::1]")
    assert not is_address("cucm1.example.test")


def test_the_misspelling_of_an_srv_name_is_known() -> None:
    name = srv_name("cisco-uds", "tcp", "my-site.test")
    assert name == "_cisco-uds._tcp.my-site.test"
    assert underscore_twin(name) == "_cisco_uds._tcp.my-site.test"
    assert underscore_twin("_cuplogin._tcp.example.test") is None
