"""`antiphon calls` against a real server."""

from __future__ import annotations

import json

import pytest
from tests.cli.command import Run, antiphon  # noqa: F401
from tests.interfaces.http.test_calls_api import Office, office  # noqa: F401


@pytest.fixture
async def signed_in(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:  # noqa: F811
    monkeypatch.setenv("ANTIPHON_SERVER", office.served.origin)
    monkeypatch.setenv("ANTIPHON_TOKEN", (await office.served.sign_in("root")).access_token)
    monkeypatch.setenv("ANTIPHON_CA_FILE", str(office.served.ca_file))
    return office


async def test_calls_are_listed_and_ended(antiphon: Run, signed_in: Office) -> None:  # noqa: F811
    signed_in.board.talk("1001", "1002")
    (call,) = signed_in.board.service.calls
    code, out, _ = await antiphon("calls", "list")
    assert code == 0
    heading, row = out.splitlines()
    assert heading.split() == ["CALL", "FROM", "TO", "STATE", "SINCE"]
    assert row.split()[:4] == [call.id, "1001", "1002", "talking"]
    code, out, _ = await antiphon("calls", "list", "1003", "--json")
    assert (code, out) == (0, "")
    code, out, _ = await antiphon("calls", "end", call.id, "--json")
    assert (code, json.loads(out)["ended"]) == (0, 1)
    assert signed_in.board.service.calls == ()
    code, _, err = await antiphon("calls", "end", call.id)
    assert code == 1
    assert "AP-CALL-005" in err


async def test_the_calls_of_a_line_are_ended(antiphon: Run, signed_in: Office) -> None:  # noqa: F811
    signed_in.board.talk("1001", "1002")
    code, out, _ = await antiphon("calls", "end", "--number", "1002")
    assert (code, out) == (0, "Calls ended: 1\n")


async def test_either_a_call_or_a_line_is_named(antiphon: Run) -> None:  # noqa: F811
    for arguments in ((), ("abc", "--number", "1001")):
        code, _, err = await antiphon("calls", "end", *arguments)
        assert code == 2
        assert "--number" in err
