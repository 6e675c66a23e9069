from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.interfaces.http.directory_serving import DirectoryServer, directory_server

from antiphon.interfaces.http.guard import MAX_BODY
from antiphon.io.database import open_database
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.random import SequenceRandom
from antiphon.model import Device, DeviceLine, Line, User
from antiphon.services.directory.events import EntryAudited
from antiphon.services.directory.service import Directory

RESOURCES = ("users", "lines", "devices", "service-profiles", "uc-services", "edge-nodes")


@pytest.fixture
def audit() -> list[EntryAudited]:
    return []


@pytest.fixture
async def api(tmp_path: Path, audit: list[EntryAudited]) -> AsyncIterator[DirectoryServer]:
    bus = LocalBus()
    database = open_database("sqlite://")
    directory = Directory(database, bus, SequenceRandom())
    await directory.load()
    for userid in ("root", "alice", "bob"):
        await directory.put_user(User(userid, "", userid.title(), mail=f"{userid}@example.test"))
    await directory.put_line(Line("1001", "", owner="alice"))
    await directory.put_line(Line("1002", "", owner="bob"))
    await directory.put_device(Device("CSFALICE", "", owner="alice", lines=(DeviceLine("1001"),)))
    bus.subscribe(EntryAudited, audit.append)
    async with directory_server(directory, bus, tmp_path) as server:
        yield server
    await database.dispose()


def _is_problem(answer: httpx2.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["fix"]


@pytest.mark.parametrize(
    "path", ["/users", "/users/alice", "/users/alice/nothing", "/openapi.json", "/import"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_nobody_gets_anywhere_without_a_token(api: DirectoryServer, path: str, method: str) -> None:
    answer = await api.request(method, path, token="")
    _is_problem(answer, 401, "AP-API-007")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    _is_problem(await api.request(method, path, token="forged"), 401, "AP-TEST-001")


async def test_a_user_reads_the_own_entries_and_nothing_else(api: DirectoryServer) -> None:
    for path in (
        "/users/alice",
        "/lines/1001",
        "/devices/CSFALICE",
        "/lines?owner=alice",
        "/devices?owner=alice",
    ):
        assert (await api.request("GET", path, token="alice-token")).status_code == 200
    for path in (
        *(f"/{resource}" for resource in RESOURCES),
        "/users?owner=alice",
        "/users?q=bob",
        "/lines?owner=bob",
        "/users/bob",
        "/users/nobody",
        "/lines/1002",
        "/lines/1003",
        "/service-profiles/Default",
        "/uc-services?owner=alice",
        "/edge-nodes?owner=alice",
        "/edge-nodes/expc1.example.test",
    ):
        _is_problem(await api.request("GET", path, token="alice-token"), 403, "AP-API-006")


async def test_a_user_changes_nothing(api: DirectoryServer, audit: list[EntryAudited]) -> None:
    for method, path in (
        ("PATCH", "/users/alice"),
        ("PUT", "/users/alice"),
        ("DELETE", "/users/alice"),
        ("POST", "/users"),
        ("POST", "/users/alice/password"),
        ("POST", "/import"),
        ("PATCH", "/lines/1001"),
    ):
        _is_problem(
            await api.request(method, path, token="alice-token", json={"admin": True}), 403, "AP-API-006"
        )
    assert audit == []


async def test_entries_are_added_changed_and_removed(api: DirectoryServer, audit: list[EntryAudited]) -> None:
    added = await api.request("POST", "/users", json={"userid": "carol", "first_name": " Carol "})
    assert added.status_code == 201
    assert added.json()["first_name"] == "Carol"
    changed = await api.request("PATCH", "/users/carol", json={"title": "Director", "enabled": False})
    assert changed.status_code == 200
    assert changed.json() == added.json() | {"title": "Director", "enabled": False}
    replaced = await api.request("PUT", "/users/carol", json={"userid": "carol"})
    assert replaced.json()["title"] == ""
    assert replaced.json()["pkid"] == added.json()["pkid"]
    assert (await api.request("DELETE", "/users/carol")).status_code == 204
    _is_problem(await api.request("GET", "/users/carol"), 404, "AP-DIR-010")
    assert [(event.actor, event.action, event.key, event.fields) for event in audit] == [
        ("root", "add", "carol", ()),
        ("root", "change", "carol", ("title", "enabled")),
        ("root", "change", "carol", ("first_name", "title", "enabled")),
        ("root", "remove", "carol", ()),
    ]


async def test_a_change_that_is_tried_is_not_made(api: DirectoryServer, audit: list[EntryAudited]) -> None:
    tried = {"dry_run": "true"}
    answer = await api.request("POST", "/users", params=tried, json={"userid": "carol"})
    assert (answer.status_code, answer.json()["userid"]) == (200, "carol")
    answer = await api.request("PATCH", "/users/alice", params=tried, json={"title": "x"})
    assert answer.json()["title"] == "x"
    assert (await api.request("DELETE", "/users/alice", params=tried)).status_code == 204
    _is_problem(await api.request("DELETE", "/lines/1001", params=tried), 409, "AP-DIR-016")
    _is_problem(
        await api.request("PATCH", "/users/alice", params=tried, json={"mail": "x"}), 400, "AP-DIR-003"
    )
    assert audit == []
    alice = api.directory.user("alice")
    assert alice is not None
    assert alice.title == ""


async def test_a_change_of_what_has_changed_since_is_refused(api: DirectoryServer) -> None:
    first = await api.request("GET", "/users/alice")
    match = {"If-Match": first.headers["etag"]}
    again = await api.request("GET", "/users/alice", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    second = await api.request("PATCH", "/users/alice", headers=match, json={"title": "x"})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]
    _is_problem(
        await api.request("PATCH", "/users/alice", headers=match, json={"title": "y"}), 412, "AP-API-002"
    )
    _is_problem(await api.request("DELETE", "/users/alice", headers=match), 412, "AP-API-002")
    _is_problem(
        await api.request("PUT", "/users/carol", headers=match, json={"userid": "carol"}), 412, "AP-API-002"
    )
    only_new = {"If-None-Match": "*"}
    _is_problem(
        await api.request("PUT", "/users/bob", headers=only_new, json={"userid": "bob"}), 412, "AP-API-002"
    )
    assert (
        await api.request("PUT", "/users/carol", headers=only_new, json={"userid": "carol"})
    ).status_code == 201


async def test_of_two_changes_from_one_reading_one_wins(api: DirectoryServer) -> None:
    match = {"If-Match": (await api.request("GET", "/users/alice")).headers["etag"]}
    answers = await asyncio.gather(
        *(api.request("PATCH", "/users/alice", headers=match, json={"title": title}) for title in "abcd")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_pages_lead_to_all_entries_once(api: DirectoryServer) -> None:
    await api.directory.put_all(User(f"user{number:03}", "", "Una") for number in range(25))
    for query, expected in (("", 28), ("&q=una", 25)):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await api.request("GET", f"/users?limit=10&cursor={cursor}{query}")).json()
            seen += [item["userid"] for item in page["items"]]
            assert page["total"] == expected
            cursor = page["next"]
        assert len(seen) == len(set(seen)) == expected


@pytest.mark.parametrize(
    ("method", "path", "body", "where"),
    [
        ("POST", "/users", {}, "body.userid"),
        ("POST", "/users", {"userid": "x", "shoe_size": 44}, "body.shoe_size"),
        ("POST", "/users", {"userid": "x", "enabled": "perhaps"}, "body.enabled"),
        ("POST", "/users", [], "body"),
        ("PATCH", "/users/alice", {"userid": "bob"}, "body.userid"),
        ("PATCH", "/users/alice", {"title": None}, "title: null"),
        ("PUT", "/users/alice", {"userid": "bob"}, "userid"),
        ("POST", "/devices", {"name": "CSFX", "lines": [{"number": "1001", "colour": "red"}]}, "colour"),
        ("POST", "/devices", {"name": "CSFX", "security_mode": 7}, "security_mode"),
        ("POST", "/uc-services", {"name": "x", "host": "h", "kind": "Fax"}, "kind"),
        ("GET", "/users?limit=501", None, "query.limit"),
        ("GET", "/users?limit=0", None, "query.limit"),
        ("GET", "/users?cursor=%FF", None, "cursor"),
        ("GET", "/users?q=a&cursor=wrI", None, "cursor"),
        ("POST", "/users/alice/password", {"password": ""}, "body.password"),
    ],
)
async def test_a_malformed_request_is_told_where(
    api: DirectoryServer, method: str, path: str, body: Any, where: str
) -> None:
    answer = await api.request(method, path, json=body)
    _is_problem(answer, 400, "AP-API-001")
    assert where in answer.json()["detail"]


async def test_what_is_not_json_and_what_is_not_there_are_problems_too(api: DirectoryServer) -> None:
    json_type = {"Content-Type": "application/json"}
    for content in (b"{", b"\xff", b"[" * 60_000, b'"' * 3):
        answer = await api.request("POST", "/users", headers=json_type, content=content)
        _is_problem(answer, 400, "AP-API-001")
    _is_problem(await api.request("GET", "/users/alice/nothing"), 404, "AP-API-004")
    _is_problem(await api.request("PUT", "/users", json={}), 405, "AP-API-001")
    _is_problem(await api.request("GET", "/users/..%2Flines"), 404, "AP-API-004")


HOSTILE = [
    b'{"userid": "\\ud800"}',
    b'{"userid": "x", "title": "\\ud800"}',
    b'{"userid": "x", "title": "\\u0000"}',
    b'{"userid": "' + b"x" * 60_000 + b'"}',
    b'{"\\ud800": 1, "userid": "x"}',
    b'{"userid": "x", "enabled": 1' + b"0" * 5000 + b"}",
    b'{"number": "1009", "no_answer_timeout_s": NaN}',
    b'{"number": "1009", "no_answer_timeout_s": 1e999}',
    b'{"number": "1009", "hunt_members": [' + b'"1",' * 200 + b'"1"]}',
    b'{"name": "CSFX", "model": 1' + b"0" * 3000 + b"}",
    b'{"name": "CSFX", "lines": [' + b'{"number":"1001"},' * 200 + b'{"number":"1001"}]}',
    b'{"name": "CSFX", "lines": {"number": "1001"}}',
    b'{"name": "x", "services": [["CTI"]]}',
    b'{"name": "x", "client_parameters": [["a", "b", "\\u0001"]]}',
    b'{"name": "x", "kind": "CTI", "host": "a b", "port": -1}',
]


@pytest.mark.parametrize("resource", RESOURCES)
async def test_hostile_values_are_refused_and_break_nothing(
    api: DirectoryServer, resource: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = list(api.directory.entries())
    for content in HOSTILE:
        for method, path in (
            ("POST", f"/{resource}"),
            ("PATCH", f"/{resource}/x"),
            ("PUT", f"/{resource}/%00%F0"),
        ):
            answer = await api.request(
                method, path, headers={"Content-Type": "application/json"}, content=content
            )
            assert answer.status_code in (400, 404), (method, content[:60], answer.text)
            assert answer.json()["code"].startswith("AP-")
    for path in (
        f"/{resource}/%00",
        f"/{resource}/%F0%9F%92%A9",
        f"/{resource}/%FF",
        f"/{resource}?q=%00&owner=%FF",
    ):
        assert (await api.request("GET", path)).status_code in (200, 400, 404)
    assert list(api.directory.entries()) == before
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: DirectoryServer) -> None:
    _is_problem(await api.request("POST", "/users", content=b"x" * (MAX_BODY + 1)), 413, "AP-API-003")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 1024 + 1):
            yield b"x" * 1024

    _is_problem(await api.request("POST", "/users", content=chunks()), 413, "AP-API-003")
    assert (await api.request("GET", "/users/alice")).status_code == 200


async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    api: DirectoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.create_default_context(cafile=str(api.ca_file))
    port = int(api.origin.rpartition(":")[2])
    _, writer = await asyncio.open_connection("localhost", port, ssl=context)
    writer.write(
        b"POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer root-token\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await api.request("GET", "/users/alice")).status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_password_goes_to_identity_and_not_into_any_log(
    api: DirectoryServer, audit: list[EntryAudited], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await api.client().set_password("alice", " correct horse ")
    assert api.passwords.set == {"alice": " correct horse "}
    assert audit == [EntryAudited("root", "change", "user", "alice", ("password",))]
    answer = await api.request(
        "POST", "/users/alice/password", json={"password": "swordfish", "extra": "swordfish"}
    )
    _is_problem(answer, 400, "AP-API-001")
    assert "swordfish" not in answer.text
    assert "correct horse" not in caplog.text
    _is_problem(
        await api.request("POST", "/users/nobody/password", json={"password": "x"}), 404, "AP-DIR-010"
    )


async def test_a_fault_inside_is_logged_and_not_told(
    api: DirectoryServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(api.directory, "get", fail)
    answer = await api.request("GET", "/users/alice")
    _is_problem(answer, 500, "AP-API-008")
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text


async def test_paths_beside_the_directory_are_left_to_others(api: DirectoryServer) -> None:
    for path in ("", "/", "/nothing", "/identity/token", "/usersx"):
        answer = await api.request("GET", path)
        assert (answer.status_code, answer.text) == (404, "Not Found")


async def test_the_document_describes_every_resource(api: DirectoryServer) -> None:
    document = (await api.request("GET", "/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for resource in RESOURCES:
        assert set(document["paths"][f"/{resource}"]) == {"get", "post"}
        assert set(document["paths"][f"/{resource}/{{key}}"]) == {"get", "put", "patch", "delete"}
    assert document["components"]["schemas"]["User"]["additionalProperties"] is False
    assert document["components"]["schemas"]["User"]["required"] == ["userid"]
    assert set(document["components"]["schemas"]["UserChange"]["properties"]) == set(
        document["components"]["schemas"]["User"]["properties"]
    ) - {"userid", "pkid"}
