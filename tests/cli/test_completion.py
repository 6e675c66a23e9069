"""Completion scripts know the commands."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from antiphon.cli.completion import Shell, completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_knows_commands_and_options(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert completion(shell) == 0
    script = capsys.readouterr().out
    for word in ("discover", "rotate-key", "topology"):
        assert word in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)
