from __future__ import annotations

import pytest

from antiphon.kernel.errors import DomainError
from antiphon.model import User
from antiphon.services.directory.csv_import import MAX_ROWS, import_csv
from antiphon.services.directory.service import Directory

TABLE = """\ufeffuserid,first_name,last_name,mail,line,device
alice,Alice,Ng,alice@example.test,1001,CSFALICE
Bob,Bob,Bø,bob@example.test,1002,
alice,Alice,Ng,alice@example.test,1003,CSFALICE
"""


async def test_users_get_their_lines_and_devices(directory: Directory, heard: list[object]) -> None:
    report = await import_csv(directory, TABLE.encode(), actor="root")
    assert report.rows == 3
    assert report.errors == ()
    assert report.changed == ()
    assert set(report.added) == {
        "user alice",
        "user bob",
        "line 1001",
        "line 1002",
        "line 1003",
        "device CSFALICE",
    }
    alice = directory.user("alice")
    assert alice is not None
    assert (alice.display_name, alice.telephone) == ("Alice Ng", "1001")
    (device,) = directory.devices_of("alice")
    assert [(line.number, line.index, line.label) for line in device.lines] == [
        ("1001", 1, "Alice Ng"),
        ("1003", 2, "Alice Ng"),
    ]
    assert [line.number for line in directory.lines_of("alice")] == ["1001", "1003"]
    assert len(heard) == 12


async def test_a_second_import_of_the_same_changes_nothing(small: Directory, heard: list[object]) -> None:
    await import_csv(small, TABLE.encode())
    heard.clear()
    report = await import_csv(small, TABLE.encode())
    assert (report.added, report.changed, heard) == ((), (), [])


async def test_a_dry_run_reports_and_keeps_nothing(small: Directory, heard: list[object]) -> None:
    report = await import_csv(small, TABLE.encode(), dry_run=True)
    assert report.dry_run
    assert len(report.added) == 6
    assert list(small.users()) == heard == []


async def test_absent_columns_change_nothing_and_empty_cells_empty(small: Directory) -> None:
    await small.put_user(User("alice", "", "Alice", "Ng", title="Director", department="Sales", locale="fr"))
    report = await import_csv(small, b"userid,department,enabled\nalice,,no\n")
    assert report.changed == ("user alice",)
    alice = small.user("alice")
    assert alice is not None
    assert (alice.title, alice.department, alice.enabled, alice.locale) == ("Director", "", False, "fr")


async def test_every_wrong_row_is_told_and_none_is_kept(small: Directory, heard: list[object]) -> None:
    table = (
        "userid,mail,line,device,enabled\n"
        "alice,alice@example.test,1001,CSFALICE,yes\n"
        '"bob\nsmith",,,,\n'
        "carol,alice@example.test,,,\n"
        "dave,,10x1,,\n"
        "erin,,,DESKERIN,\n"
        "frank,,,,maybe\n"
    )
    report = await import_csv(small, table.encode())
    assert [(error.row, error.userid, error.code) for error in report.errors] == [
        (4, "bob\nsmith", "AP-DIR-002"),
        (5, "carol", "AP-DIR-018"),
        (6, "dave", "AP-DIR-004"),
        (7, "erin", "AP-DIR-005"),
        (8, "frank", "AP-DIR-030"),
    ]
    assert "alice@example.test" in report.errors[1].message
    assert list(small.users()) == heard == []


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "header"),
        (b"name,mail\nx,y\n", "userid"),
        (b"userid,userid\nx,y\n", "once"),
        (b"userid,shoe size\nx,y\n", "'shoe size'"),
        (b"userid,mail\nx\n", "line 2"),
        (b"userid,mail\nx,y,z\n", "line 2"),
        (b'userid\n"x\n', "unexpected end"),
        (b"userid\n\xff\n", "byte 7"),
        (b"userid\n" + b"x\n" * (MAX_ROWS + 1), str(MAX_ROWS)),
        (b"userid\n" + b"x" * 200_000, "field larger"),
    ],
)
async def test_what_is_no_such_table_is_refused(small: Directory, data: bytes, detail: str) -> None:
    with pytest.raises(DomainError) as raised:
        await import_csv(small, data)
    assert raised.value.code == "AP-DIR-030"
    assert detail in raised.value.detail
