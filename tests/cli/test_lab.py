"""`antiphon lab`: what it prints for shells and for people."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from antiphon.cli.main import main
from antiphon.roles.lab_files import DemoUser, LabEnvironment


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabEnvironment:
    """What a running lab has written; this process stands for it."""
    people = tuple(
        DemoUser(name, f"{name}@example.test", f"secret-{name}", "1001", "CSF", "SEP", False)
        for name in ("alice", "bob")
    )
    ca_file = str(tmp_path / "a directory" / "ca.pem")
    environment = LabEnvironment(
        os.getpid(), str(tmp_path), "example.test", "127.0.0.1:53", "127.0.0.1:54", ca_file, "", people, ()
    )
    (tmp_path / "lab.json").write_text(json.dumps({"schema": "antiphon.lab/1", **asdict(environment)}))
    monkeypatch.setenv("ANTIPHON_LAB", str(tmp_path))
    monkeypatch.setattr("antiphon.roles.lab_files.is_running", lambda pid, directory: True)
    return environment


def ended(*words: str) -> object:
    with pytest.raises(SystemExit) as exited:
        main([*words])
    return exited.value.code


def test_a_shell_gets_variables_that_it_can_evaluate(
    lab: LabEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("lab", "env", "--shell") == 0
    assert capsys.readouterr().out.splitlines() == [
        "export ANTIPHON_RESOLVER=127.0.0.1:53",
        f"export ANTIPHON_CA_FILE='{lab.ca_file}'",
    ]


def test_the_password_of_one_person_stands_alone(
    lab: LabEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("lab", "password", "bob") == 0
    assert capsys.readouterr().out == "secret-bob\n"
    assert ended("lab", "password", "zoe") == 1
    assert "alice, bob" in capsys.readouterr().err


def test_what_to_type_next_is_printed(lab: LabEnvironment, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("lab", "env") == 0
    said = capsys.readouterr().out
    assert 'eval "$(antiphon lab env --shell)"' in said
    assert "antiphon discover alice@example.test" in said


def test_a_lab_elsewhere_is_named_in_what_to_type_next(
    lab: LabEnvironment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTIPHON_LAB", str(tmp_path / "other"))
    assert ended("lab", "env", "--dir", lab.directory) == 0
    said = capsys.readouterr().out
    assert f'eval "$(antiphon lab env --shell --dir {lab.directory})"' in said
    assert f"antiphon demo --directory {lab.directory}" in said
