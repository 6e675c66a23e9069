"""Links, switches and what they override."""

from __future__ import annotations

import pytest

from antiphon.client.discovery.bootstrap import Bootstrap, parse_link, parse_switches
from antiphon.kernel.errors import DomainError


def test_the_documented_link_is_read_whatever_the_case_of_its_names() -> None:
    link = (
        "ciscojabber://provision?servicesdomain=example.com&VoiceServicesDomain=alpha.example.com"
        "&ServiceDiscoveryExcludedServices=WEBEX"
    )
    assert parse_link(link) == Bootstrap("example.com", "alpha.example.com", frozenset({"WEBEX"}))


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://provision?ServicesDomain=a.test",
        "ciscojabber://other?ServicesDomain=a.test",
        "ciscojabber://provision?ServicesDomain=127.0.0.1",
        "ciscojabber://provision?ServiceDiscoveryExcludedServices=GOPHER",
    ],
)
def test_a_link_that_cannot_be_used_is_refused(link: str) -> None:
    with pytest.raises(DomainError, match="AP-DISC-002"):
        parse_link(link)


def test_switches_of_an_installer_are_read() -> None:
    text = "SERVICES_DOMAIN: example.com\nVOICE_SERVICES_DOMAIN=voice.example.com\nEXCLUDED_SERVICES=WEBEX,CUP\nTFTP=x\n\n"
    assert parse_switches(text) == Bootstrap("example.com", "voice.example.com", frozenset({"WEBEX", "CUP"}))


def test_only_when_every_source_is_excluded_the_person_names_the_servers() -> None:
    assert Bootstrap.of({"ServiceDiscoveryExcludedServices": "webex, cucm"}).manual
    assert not Bootstrap.of({"ServiceDiscoveryExcludedServices": "WEBEX,CUP"}).manual
    assert not parse_link("ciscojabber://provision?ServicesDomain=a.test&VoiceServicesDomain=b.test"
                          "&ServiceDiscoveryExcludedServices=WEBEX").manual  # fmt: skip


def test_what_is_given_comes_before_what_is_remembered() -> None:
    given, remembered = Bootstrap("", "voice.test"), Bootstrap("a.test", "old.test", frozenset({"CUP"}))
    assert given.over(remembered) == Bootstrap("a.test", "voice.test", frozenset({"CUP"}))
