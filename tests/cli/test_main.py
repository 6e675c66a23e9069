"""`antiphon` itself: exit codes, spelling, colours, and what is loaded for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import cyclopts
import pytest

from antiphon.cli.main import COMMANDS, app, main
from antiphon.client.errors import CHAT_TIMEOUT, NOT_SIGNED_IN, SERVER_UNREACHABLE, UNEXPECTED_ANSWER


def ended(*words: str) -> object:
    with pytest.raises(SystemExit) as exited:
        main([*words])
    return exited.value.code


def test_a_misspelt_command_is_a_usage_error_and_names_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended("lba") == 2
    assert 'Did you mean "lab"?' in " ".join(capsys.readouterr().err.split())
    assert ended("lab", "statsu") == 2
    assert 'Did you mean "status"?' in " ".join(capsys.readouterr().err.split())


def test_a_misspelt_option_is_a_usage_error() -> None:
    assert ended("lab", "env", "--jsn") == 2


@pytest.mark.parametrize(
    ("fault", "code"),
    [(SERVER_UNREACHABLE, 4), (CHAT_TIMEOUT, 4), (UNEXPECTED_ANSWER, 75), (NOT_SIGNED_IN, 5)],
)
def test_the_exit_code_is_the_kinds_unless_the_fault_has_its_own(
    fault: object, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_words: object, **_options: object) -> None:
        raise fault.error("here")  # type: ignore[attr-defined]

    monkeypatch.setattr("antiphon.cli.main.app", fails)
    assert ended("status") == code
    assert fault.code in capsys.readouterr().err  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(command, "--help") == 0
    said = capsys.readouterr().out
    assert f"antiphon {command}" in said
    assert "[default: ]" not in said


def test_colours_come_only_where_they_are_wanted() -> None:
    def shown(*options: str, **environment: str) -> bytes:
        command = [sys.executable, "-m", "antiphon.cli.main", *options, "lab", "--help"]
        around = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        around |= {"FORCE_COLOR": "1", "TERM": "xterm"} | environment
        return subprocess.run(command, env=around, capture_output=True, check=True).stdout

    assert b"\x1b[36m" in shown()
    for said in (shown("--no-color"), shown(NO_COLOR="1")):
        assert b"antiphon lab COMMAND" in said
        assert b"\x1b[3" not in said


def test_help_loads_no_server_no_client_and_no_cryptography() -> None:
    heavy = "'antiphon.roles', 'antiphon.client', 'antiphon.services', 'cryptography', 'sqlalchemy', 'starlette', 'httpx2'"
    program = (
        "import sys\n"
        "from antiphon.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in ({heavy}) if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_commands_are_listed_once_in_the_order_of_the_alphabet(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("--help") == 0
    listed = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("│ ")]
    names = [name for name in listed if name in COMMANDS]
    assert names == sorted(COMMANDS)
    assert len(list(app)) >= len(COMMANDS)


def every_command(of: cyclopts.App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, cyclopts.App]]:
    for name in of:
        if not name.startswith("-"):
            if of[name].default_command:
                yield " ".join((*path, name)), of[name]
            yield from every_command(of[name], (*path, name))


def test_what_many_commands_share_is_explained_by_each() -> None:
    shared = {"--json", "--quiet", "--dry-run", "--dir", "--server", "--token", "--ca-file", "--resolver"}
    seen = set()
    for command, found in every_command(app):
        for argument in found.assemble_argument_collection(parse_docstring=True):
            if argument.name in shared:
                seen.add(argument.name)
                assert argument.parameter.help, f"{command} {argument.name}"
    assert seen == shared
