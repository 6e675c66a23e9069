"""`/api/v1/calls` over a real call service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.interfaces.http.client import Served, in_thread
from tests.interfaces.http.serving import localhost_context, loopback_socket, serving
from tests.services.call.board import Board, sdp
from tests.services.identity.deployment import deployment

from antiphon.interfaces.http import calls_api
from antiphon.services.call.legs import End, Ended, Offered, Party, ReofferAnswered, Reoffered
from antiphon.services.trust import Trust


@dataclass
class Office:
    """Lines 1001 … 1009, and the interface."""

    board: Board
    served: Served

    async def ask(self, method: str, path: str = "", userid: str = "root") -> tuple[int, Any]:
        with await self.served.administrator(userid) as session:
            url = f"{self.served.origin}/api/v1/calls{path}"
            answer = await in_thread(session.request, method, url)
            return answer.status_code, answer.json()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    board, sock, ca_file = Board(), loopback_socket(), tmp_path / "ca.pem"
    origin, context = f"https://localhost:{sock.getsockname()[1]}", localhost_context(ca_file)
    async with deployment(tmp_path, origin) as house:
        trust = Trust(directory=tmp_path / "trust", timers=house.time, bus=house.bus, domain="example.test")
        async with serving(calls_api.routes(board.service, house.identity), sock, context):
            yield Office(board, Served(house, trust, origin, ca_file))


async def test_only_administrators_see_calls_or_end_them(office: Office) -> None:
    office.board.talk("1001", "1002")
    (call,) = office.board.service.calls
    for method, path in (("GET", ""), ("DELETE", f"/{call.id}"), ("DELETE", "?number=1001")):
        status, problem = await office.ask(method, path, userid="alice")
        assert (status, problem["code"]) == (403, "AP-ID-009")
        with office.served.session() as nobody:
            refused = await in_thread(nobody.request, method, f"{office.served.origin}/api/v1/calls{path}")
        assert refused.status_code == 401
    assert office.board.service.calls == (call,)


async def test_a_call_is_listed_with_its_parties_and_state(office: Office) -> None:
    board = office.board
    board.call("1003", "1004")
    board.time.advance(1)
    branch = board.talk("1001", "1002")
    status, answer = await office.ask("GET")
    assert (status, answer["total"]) == (200, 2)
    ringing, talking = answer["items"]
    assert (ringing["calling"], ringing["called"], ringing["state"]) == ("1003", "1004", "ringing")
    assert ringing["answered_at"] is None
    assert talking["state"] == "talking"
    assert talking["started_at"] == talking["answered_at"]
    assert [(party["number"], party["answered"]) for party in talking["parties"]] == [
        ("1001", True),
        ("1002", True),
    ]
    board.say(Reoffered("1001", sdp("1001", 2, "sendonly")))
    board.say(ReofferAnswered(branch, sdp("1002", 2, "recvonly")))
    status, answer = await office.ask("GET", "?number=1002")
    assert [(item["state"], item["parties"][0]["holding"]) for item in answer["items"]] == [("held", True)]


async def test_a_parked_call_says_so(office: Office) -> None:
    office.board.say(Offered("1001", Party("1001"), "*70", sdp("1001")))
    _, answer = await office.ask("GET")
    assert [item["state"] for item in answer["items"]] == ["parked"]
    office.board.say(Ended("1001"))
    assert (await office.ask("GET"))[1] == {"items": [], "total": 0}


async def test_a_call_is_ended_once(office: Office) -> None:
    branch = office.board.talk("1001", "1002")
    (call,) = office.board.service.calls
    assert await office.ask("DELETE", f"/{call.id}") == (200, {"ended": 1})
    assert set(office.board.late) == {End("1001"), End(branch)}
    status, problem = await office.ask("DELETE", f"/{call.id}")
    assert (status, problem["code"]) == (404, "AP-CALL-005")


async def test_every_call_of_a_line_is_ended(office: Office) -> None:
    board = office.board
    board.talk("1001", "1002")
    board.call("1001", "1003", leg="second")
    board.talk("1004", "1005")
    assert await office.ask("DELETE", "?number=1001") == (200, {"ended": 2})
    assert board.busy() == {"1004", "1005"}
    assert await office.ask("DELETE", "?number=1001") == (200, {"ended": 0})


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?limit=x", "?limit=-1", "?limit=99999999999"])
async def test_a_limit_that_is_none_is_refused(office: Office, query: str) -> None:
    status, problem = await office.ask("GET", query)
    assert (status, problem["code"]) == (400, "AP-API-001")
    assert (await office.ask("DELETE"))[0] == 400


async def test_a_page_holds_no_more_than_asked_for(office: Office) -> None:
    for number in (1001, 1002, 1003):
        office.board.call(str(number), str(number + 3))
    _, answer = await office.ask("GET", "?limit=2")
    assert (len(answer["items"]), answer["total"]) == (2, 3)
