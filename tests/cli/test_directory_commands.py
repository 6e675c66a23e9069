"""`antiphon user|line|device|profile` against a real server, through the program's own entry point."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.interfaces.http.directory_serving import DirectoryServer, directory_server

from antiphon.cli.main import main
from antiphon.io.database import open_database
from antiphon.kernel.bus import LocalBus
from antiphon.kernel.random import SequenceRandom
from antiphon.services.directory.service import Directory


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Shell:
    def __init__(self, server: DirectoryServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.server = server
        self.directory = server.directory
        self._capsys = capsys

    async def __call__(self, *arguments: str) -> Done:
        def run() -> int:
            with pytest.raises(SystemExit) as exited:
                main([*arguments])
            assert isinstance(exited.value.code, int)
            return exited.value.code

        self._capsys.readouterr()
        code = await asyncio.to_thread(run)
        return Done(code, *self._capsys.readouterr())


@pytest.fixture
async def antiphon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shell]:
    bus = LocalBus()
    database = open_database("sqlite://")
    directory = Directory(database, bus, SequenceRandom())
    await directory.load()
    async with directory_server(directory, bus, tmp_path) as server:
        monkeypatch.setenv("ANTIPHON_SERVER", server.origin)
        monkeypatch.setenv("ANTIPHON_TOKEN", "root-token")
        monkeypatch.setenv("ANTIPHON_CA_FILE", str(server.ca_file))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        yield Shell(server, capsys)
    await database.dispose()


async def test_a_user_is_added_shown_changed_disabled_and_removed(antiphon: Shell, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    done = await antiphon(
        *(
            "user",
            "add",
            "alice",
            "--first-name",
            "Alice",
            "--last-name",
            "Ng",
            "--mail",
            "alice@example.test",
        ),
        *("--admin", "--password-file", str(secret)),
    )
    assert (done.code, done.out) == (0, "User alice added.\n")
    assert antiphon.server.passwords.set == {"alice": "correct horse"}
    shown = await antiphon("user", "show", "alice", "--json")
    assert shown.json[0]["display_name"] == "Alice Ng"
    assert shown.json[0]["schema"] == "antiphon.user/1"
    assert "display name" in (await antiphon("user", "show", "alice")).out
    assert (await antiphon("user", "change", "alice", "--title", "Director", "--mail", "")).code == 0
    assert (await antiphon("user", "disable", "alice", "--quiet")).out == ""
    alice = antiphon.directory.user("alice")
    assert alice is not None
    assert (alice.title, alice.mail, alice.enabled, alice.first_name) == ("Director", "", False, "Alice")
    assert "disabled" in (await antiphon("user", "list")).out
    assert (await antiphon("user", "enable", "alice")).code == 0
    assert (await antiphon("user", "remove", "alice")).code == 0
    assert antiphon.directory.user("alice") is None


async def test_lists_are_tables_for_people_and_lines_for_programs(antiphon: Shell) -> None:
    await antiphon("user", "add", "wang", "--first-name", "小明", "--last-name", "王", "--telephone", "1002")
    await antiphon(
        "user", "add", "alice", "--first-name", "Alice", "--last-name", "Ng", "--telephone", "1001"
    )
    table = (await antiphon("user", "list")).out.splitlines()
    assert table == [
        "USER   NAME      MAIL  NUMBER",
        "alice  Alice Ng        1001",
        "wang   小明 王         1002",
    ]
    found = await antiphon("user", "list", "al", "--json")
    assert [line["userid"] for line in found.json] == ["alice"]


async def test_a_dry_run_changes_nothing(antiphon: Shell) -> None:
    done = await antiphon("user", "add", "alice", "--dry-run", "--json")
    assert done.json[0]["dry_run"] is True
    assert "Not done (dry run)" in (await antiphon("line", "add", "1001", "--dry-run")).out
    assert not antiphon.directory.users()
    assert not antiphon.directory.lines()
    await antiphon("line", "add", "1001")
    await antiphon("line", "remove", "1001", "--dry-run")
    await antiphon("line", "change", "1001", "--forward-all", "1002", "--dry-run")
    line = antiphon.directory.line("1001")
    assert line is not None
    assert line.forward_all == ""


async def test_lines_and_devices_are_put_together(antiphon: Shell) -> None:
    await antiphon("user", "add", "alice")
    assert (await antiphon("line", "add", "1001", "--owner", "alice", "--display-name", "Alice")).code == 0
    assert (await antiphon("line", "add", "1100", "--hunt-member", "1001")).code == 0
    done = await antiphon(
        "device", "add", "CSFALICE", "--owner", "alice", "--line", "1001=Alice", "--line", "1100"
    )
    assert (done.code, done.err) == (0, "")
    device = antiphon.directory.device("CSFALICE")
    assert device is not None
    assert [(line.number, line.index, line.label) for line in device.lines] == [
        ("1001", 1, "Alice"),
        ("1100", 2, ""),
    ]
    assert (device.model, device.product) == (503, "Cisco Unified Client Services Framework")
    assert (await antiphon("device", "change", "CSFALICE", "--line", "1100", "--no-sip-oauth")).code == 0
    assert antiphon.directory.devices_with_line("1001") == ()
    assert (await antiphon("device", "list", "alice")).out.splitlines()[1].split() == [
        "CSFALICE",
        "alice",
        "1100",
        "digest",
    ]
    assert (await antiphon("line", "list", "--json")).json[1]["hunt_members"] == ["1001"]
    assert (await antiphon("device", "show", "CSFALICE", "--json")).json[0]["sip_oauth"] is False
    refused = await antiphon("line", "remove", "1100")
    assert (refused.code, refused.out) == (1, "")
    assert "AP-DIR-016" in refused.err
    assert "device CSFALICE" in refused.err
    assert (await antiphon("device", "remove", "CSFALICE")).code == 0
    assert (await antiphon("line", "remove", "1100")).code == 0


async def test_profiles_bundle_services(antiphon: Shell) -> None:
    for name in ("imp1", "imp2"):
        done = await antiphon(
            "profile", "service", "add", name, "--kind", "IMandPresence", "--host", f"{name}.example.test"
        )
        assert done.code == 0
    done = await antiphon(
        "profile",
        "add",
        "Staff",
        "--use",
        "IMandPresence=imp1,imp2",
        "--parameter",
        "Policies/X=a=b",
        "--default",
    )
    assert (done.code, done.err) == (0, "")
    profile = antiphon.directory.default_service_profile()
    assert (profile.name, profile.services[0][1]) == ("Staff", ("imp1", "imp2"))
    assert profile.client_parameters == (("Policies", "X", "a=b"),)
    assert (await antiphon("profile", "change", "Staff", "--use", "IMandPresence=imp2")).code == 0
    assert (await antiphon("profile", "service", "remove", "imp1")).code == 0
    assert [line["name"] for line in (await antiphon("profile", "service", "list", "--json")).json] == [
        "imp2"
    ]
    assert "IMandPresence=imp2" in (await antiphon("profile", "list")).out
    assert (await antiphon("profile", "show", "Staff", "--json")).json[0]["is_default"] is True
    assert (await antiphon("profile", "remove", "Default")).code == 0
    assert (await antiphon("profile", "add", "X", "--use", "Fax=x")).code == 2
    assert (await antiphon("profile", "add", "X", "--parameter", "x")).code == 2


async def test_edge_nodes_are_listed_by_the_names_they_are_known_by(antiphon: Shell) -> None:
    expc = "expc.example.test"
    added = await antiphon("edge", "add", "Expc1.example.test", "--subject-name", expc, "--json")
    assert (added.code, added.json[0]["event"]) == (0, "added")
    assert (await antiphon("edge", "add", "10.1.1.1", "--description", "Lyon")).code == 0
    rows = [line.split() for line in (await antiphon("edge", "list")).out.splitlines()]
    assert rows[1:] == [["10.1.1.1", "10.1.1.1", "Lyon"], ["expc1.example.test", expc]]
    (shown,) = (await antiphon("edge", "show", "expc1.example.test", "--json")).json
    assert shown["subject_names"] == [expc]
    assert (await antiphon("edge", "remove", "10.1.1.1", "--dry-run")).code == 0
    assert antiphon.directory.edge_node("10.1.1.1") is not None
    assert (await antiphon("edge", "remove", "10.1.1.1")).code == 0
    gone = await antiphon("edge", "show", "10.1.1.1")
    assert gone.code == 1
    assert "AP-DIR-027" in gone.err


async def test_a_table_is_imported(antiphon: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "people.csv"
    table.write_text("userid,first_name,line,device\nalice,Alice,1001,CSFALICE\nbob,Bob,1002,CSFBOB\n")
    tried = await antiphon("user", "import", str(table), "--dry-run")
    assert tried.out == "2 rows: 6 entries added, 0 changed, 0 errors. Nothing was kept.\n"
    assert not antiphon.directory.users()
    assert (await antiphon("user", "import", str(table))).code == 0
    assert len(antiphon.directory.devices()) == 2
    table.write_text("userid,line\nalice,1001\ncarol,x\n")
    wrong = await antiphon("user", "import", str(table))
    assert wrong.code == 1
    assert wrong.err.startswith(f"{table}:3: carol: AP-DIR-004: ")
    assert antiphon.directory.user("carol") is None
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"userid\ndave\n")))
    assert (await antiphon("user", "import", "-", "--json")).json[0]["added"] == ["user dave"]
    assert (await antiphon("user", "import", str(tmp_path / "missing.csv"))).code == 2


async def test_a_password_comes_from_a_file_or_standard_input(
    antiphon: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await antiphon("user", "add", "alice")
    monkeypatch.setattr("sys.stdin", io.StringIO("swordfish\nmore\n"))
    done = await antiphon("user", "password", "alice", "--file", "-")
    assert done.code == 0
    assert antiphon.server.passwords.set == {"alice": "swordfish"}
    assert "swordfish" not in done.out + done.err
    assert (await antiphon("user", "password", "alice")).code == 2
    assert (await antiphon("user", "password", "alice", "--file", str(tmp_path / "missing"))).code == 2


async def test_exit_codes_say_what_happened(antiphon: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await antiphon("user", "show", "nobody")).code == 1
    assert (await antiphon("user", "add", "Not Good")).code == 2
    await antiphon("user", "add", "alice")
    again = await antiphon("user", "add", "alice")
    assert again.code == 1
    assert "AP-DIR-019" in again.err
    monkeypatch.setenv("ANTIPHON_TOKEN", "alice-token")
    assert (await antiphon("user", "show", "alice")).code == 0
    refused = await antiphon("user", "remove", "alice")
    assert refused.code == 5
    assert "AP-API-006" in refused.err
    monkeypatch.setenv("ANTIPHON_TOKEN", "forged")
    assert (await antiphon("user", "list")).code == 5
    monkeypatch.setenv("ANTIPHON_SERVER", "https://localhost:1")
    assert (await antiphon("user", "list")).code == 4
    monkeypatch.delenv("ANTIPHON_SERVER")
    assert (await antiphon("user", "list")).code == 2
    monkeypatch.delenv("ANTIPHON_TOKEN")
    not_signed_in = await antiphon("user", "list")
    assert not_signed_in.code == 5
    assert "antiphon login" in not_signed_in.err
