"""`antiphon completion`: what a shell needs to complete our commands and options."""

from __future__ import annotations

from typing import Literal

import cyclopts

app = cyclopts.App(name="completion", help="Print what a shell needs to complete commands.")

Shell = Literal["bash", "zsh", "fish"]


@app.default
def completion(shell: Shell) -> int:
    """Print a completion script for a shell.

    bash: antiphon completion bash > ~/.local/share/bash-completion/completions/antiphon

    zsh: antiphon completion zsh > a file named _antiphon in a directory of $fpath

    fish: antiphon completion fish > ~/.config/fish/completions/antiphon.fish
    """
    from antiphon.cli.main import app as antiphon

    print(antiphon.generate_completion(shell=shell))
    return 0
