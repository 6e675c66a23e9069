"""A scenario that is not so must fail, and say where."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scenarios.conftest import ADAPTERS
from tests.scenarios.engine.script import Failed, Script
from tests.scenarios.engine.world import Contacts, Phones, World

BEGIN = "# Title\n\nalice has line 1001\nbob has line 1002\n"

WRONG = [
    ("1001 calls 1002\n1001 rings", 6, "1001 is not ringing"),
    ("1001 calls 1002\n1002 does not ring", 6, "ringing with 1001"),
    ("1001 answers", 5, "1001 has had no call"),
    ("1003 calls 1001", 5, "there is no phone 1003"),
    ("1001 calls 1002\n1001 talks to 1002", 6, "calling with 1002"),
    ("1001 calls 1002\n1002 answers\n1001 is idle", 7, "talking with 1002"),
    ("1001 calls 1002\n1002 answers\n1002 is on hold", 7, "talking with 1001"),
    ("1001 calls 1002\n1002 shows Eve calling", 6, "1002 shows 'Alice'"),
    ("1001 calls 1002\n1001 hears busy", 6, "1001 hears 'ringing'"),
    ("alice watches 1002\nalice sees 1002 on the phone", 6, "alice sees 1002 offline"),
    (
        "1001 calls 1002\n1001 gives up\nthe record says that 1001 called 1002 and 1002 answered, 1 seconds",
        7,
        "say",
    ),
    ("1001 calls 1002\nno call is left", 6, "left:"),
    ("1001 sings", 5, "no such sentence"),
]


@pytest.mark.parametrize(("phones", "contacts"), ADAPTERS)
@pytest.mark.parametrize(("lines", "line", "why"), WRONG)
def test_a_line_that_is_not_so_fails_with_file_and_line(
    tmp_path: Path, phones: type[Phones], contacts: type[Contacts], lines: str, line: int, why: str
) -> None:
    path = tmp_path / "wrong.scenario"
    path.write_text(BEGIN + lines + "\n")
    with pytest.raises(Failed) as raised:
        Script.read(path).play(World(phones(), contacts()))
    assert raised.value.line == line
    assert str(raised.value).startswith(f"{path}:{line}: ")
    assert why in str(raised.value)


def test_the_title_is_the_first_comment_and_comments_are_no_sentences(tmp_path: Path) -> None:
    path = tmp_path / "one.scenario"
    path.write_text("# The title\n\nalice has line 1001   # a remark\n# another\n")
    script = Script.read(path)
    assert script.title == "The title"
    assert script.lines == ((3, "alice has line 1001"),)
