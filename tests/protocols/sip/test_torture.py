"""The messages of RFC 4475, read from a directory `shared/corpora/rfc4475` beside the checkout when there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphon.protocols.sip.auth import parse_credentials
from antiphon.protocols.sip.check import acceptable, fault
from antiphon.protocols.sip.message import Rejected, Request, Response
from antiphon.protocols.sip.parse import parse_datagram

VERDICTS: dict[str, int | str] = {
    # §3.1.1 valid messages
    "wsinv": "good",
    "intmeth": "good",
    "esc01": "good",
    "escnull": "good",
    "esc02": "good",
    "lwsdisp": "good",
    "longreq": "good",
    "dblreq": "good",
    "semiuri": "good",
    "transports": "good",
    "mpart01": "good",
    "unreason": "good",
    "noreason": "good",
    # §3.1.2 invalid messages
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": "dropped",
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,
    # The zone is wrong, but nothing here reads Date: "may ignore it".
    "baddate": "good",
    "regbadct": 400,
    "badaspec": 400,
    "baddn": 400,
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": "dropped",
    # §3.2 transaction layer: an empty unique part makes it an RFC 2543 branch
    "badbranch": "good",
    # §3.3 application layer: what the parser must let through, and what it may already refuse
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": "good",
    "bext01": "good",
    "invut": "good",
    "regaut01": "good",
    "multi01": 400,
    "mcl01": 400,
    "bcast": "good",
    "zeromf": "good",
    "cparam01": "good",
    "cparam02": "good",
    "regescrt": "good",
    "sdp01": "good",
    # §3.4 backward compatibility
    "inv2543": "good",
}


def corpus() -> Path | None:
    for parent in Path(__file__).resolve().parents:
        found = parent / "shared" / "corpora" / "rfc4475"
        if found.is_dir():
            return found
    return None


def load(name: str) -> bytes:
    directory = corpus()
    if directory is None:
        pytest.skip("the RFC 4475 corpus is not beside the checkout (shared/corpora/rfc4475)")
    return (directory / f"{name}.dat").read_bytes()


def verdict(data: bytes) -> int | str:
    parsed = parse_datagram(data)
    if parsed is None:
        return "dropped"
    if isinstance(parsed, Response):
        return "good" if acceptable(parsed) else "dropped"
    refused = parsed if isinstance(parsed, Rejected) else fault(parsed)
    return "good" if refused is None else refused.status


@pytest.mark.parametrize("name", VERDICTS)
def test_every_torture_message_gets_its_verdict(name: str) -> None:
    assert verdict(load(name)) == VERDICTS[name]


def test_no_torture_message_is_left_out() -> None:
    directory = corpus()
    if directory is None:
        pytest.skip("the RFC 4475 corpus is not beside the checkout (shared/corpora/rfc4475)")
    assert {path.stem for path in directory.glob("*.dat")} == VERDICTS.keys()
    assert len(VERDICTS) == 49


def parsed(name: str) -> Request:
    request = parse_datagram(load(name))
    assert isinstance(request, Request)
    return request


def test_the_short_tortuous_invite_means_what_the_rfc_says() -> None:
    invite = parsed("wsinv")
    assert invite.to.tag == "1918181833n"
    assert invite.from_.name == 'J Rosenberg \\"'
    assert invite.get("Max-Forwards") == "0068"
    assert (invite.sequence, invite.cseq_method) == (9, "INVITE")
    assert [via.sent_by for via in invite.vias] == ["192.0.2.2", "spindle.example.com", "192.168.255.111"]
    assert [via.branch for via in invite.vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    (contact,) = invite.contacts
    assert contact.name == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert len(invite.body) == 150


def test_escapes_are_kept_and_understood() -> None:
    assert parsed("esc01").to.sip.username == "user"
    assert parsed("esc01").contacts[0].sip.username == "caller"
    assert [contact.sip.username for contact in parsed("escnull").contacts] == ["\x00", "\x00\x00"]
    # `RE%47IST%45R` is another method than REGISTER, `C%6Fntact` another header than Contact.
    assert parsed("esc02").method == "RE%47IST%45R"
    assert [contact.sip.user for contact in parsed("esc02").contacts] == ["alias1", "alias3"]


def test_parameters_belong_to_the_header_or_to_the_uri_by_the_brackets() -> None:
    outside, inside = parsed("cparam01").contacts[0], parsed("cparam02").contacts[0]
    assert (outside.params, outside.sip.params) == ({"unknownparam": None}, {})
    assert (inside.params, inside.sip.params) == ({}, {"unknownparam": None})


def test_a_second_request_in_a_datagram_is_ignored() -> None:
    assert parsed("dblreq").method == "REGISTER"
    assert parsed("dblreq").body == b""


def test_semicolons_in_the_user_part_are_part_of_it() -> None:
    uri = parsed("semiuri").to
    assert uri.sip.username == "j_user"
    invite = parsed("semiuri")
    assert invite.uri.startswith("sip:user;par=u%40example.net@")


def test_an_unknown_credentials_scheme_is_recognised_as_one() -> None:
    credentials = parse_credentials(parsed("regaut01").get("Authorization"))
    assert credentials is not None
    assert credentials.scheme == "nooneknowsthisscheme"
