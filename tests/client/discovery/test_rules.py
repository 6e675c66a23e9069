"""What the answers of DNS mean."""

from __future__ import annotations

import pytest

from antiphon.client.discovery.rules import SOURCES, Where, authenticator, conclude, product_mode, questions
from antiphon.io.dns_client import Outcome, SrvAnswer
from antiphon.protocols.dns.srv import Srv

UDS, CUPLOGIN, EDGE = SOURCES


def found(*targets: str) -> SrvAnswer:
    return SrvAnswer("x", Outcome.FOUND, tuple(Srv(0, 0, 8443, target) for target in targets), 0.0)


NONE = SrvAnswer("x", Outcome.NO_SUCH_NAME, (), 0.0)


@pytest.mark.parametrize(
    ("uds", "cuplogin", "edge", "where", "server"),
    [
        (found("cucm1"), found("imp1"), found("edge1"), Where.INSIDE, "cucm1"),
        (found("cucm1"), NONE, NONE, Where.INSIDE, "cucm1"),
        (NONE, found("imp1"), found("edge1"), Where.INSIDE, "imp1"),
        (NONE, NONE, found("edge1"), Where.OUTSIDE, "edge1"),
        (NONE, NONE, NONE, Where.NOTHING, ""),
    ],
)
def test_the_directory_comes_before_the_presence_server_before_the_edge(
    uds: SrvAnswer, cuplogin: SrvAnswer, edge: SrvAnswer, where: Where, server: str
) -> None:
    concluded = conclude({EDGE: edge, CUPLOGIN: cuplogin, UDS: uds})
    assert concluded.where is where
    assert [record.target for record in concluded.servers] == ([server] if server else [])


def test_all_records_are_asked_for_at_the_voice_services_domain() -> None:
    assert [name for _, name in questions("voice.test", frozenset())] == [
        "_cisco-uds._tcp.voice.test",
        "_cuplogin._tcp.voice.test",
        "_collab-edge._tls.voice.test",
    ]


def test_excluded_services_are_not_asked_for() -> None:
    assert [source.service for source, _ in questions("a.test", frozenset({"CUP"}))] == [
        "cisco-uds",
        "collab-edge",
    ]
    assert questions("a.test", frozenset({"CUCM"})) == ()


def test_the_profile_decides_who_authenticates_and_what_the_product_is() -> None:
    assert (authenticator(1), authenticator(0)) == ("IM and Presence", "CUCM")
    modes = [product_mode(im, devices) for im, devices in ((1, 1), (1, 0), (0, 1), (0, 0))]
    assert modes == ["full UC", "IM only", "phone mode", "none"]
