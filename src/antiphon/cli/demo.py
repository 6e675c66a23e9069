"""`antiphon demo`: plays the whole flow against the running lab and stops at the first step that is not as it should be."""

from __future__ import annotations

import asyncio
import json as json_module
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import Output

if TYPE_CHECKING:
    from antiphon.client.demo import DemoEnvironment, StepResult

app = cyclopts.App(name="demo", help="Play the whole flow against the running lab.")


@app.default
def demo(*, directory: Path | None = None, env_file: Path | None = None, json: bool = False) -> int:
    """DNS, home cluster, sign-in, service profile, chat, softphones, a call with sound both ways, presence, sign-out.

    Needs a running lab (`antiphon lab up`). Exit code 1 at the first step that is not as it should be.

    Example: antiphon demo

    Parameters
    ----------
    directory
        The lab's directory, as given to `antiphon lab up --dir`.
    env_file
        Use this environment (JSON as `antiphon lab env --json` prints it) instead of asking the lab.
    json
        Write JSON lines.
    """
    output = Output("antiphon.demo/1", json)
    given = json_module.loads(env_file.read_text("utf-8")) if env_file is not None else _ask_lab(directory)
    if given is None:
        return 1
    return asyncio.run(_demo(given, output))


def _ask_lab(directory: Path | None) -> dict[str, Any] | None:
    """In a process of its own: the lab's answer is the same text that any other program gets."""
    command = [sys.executable, "-m", "antiphon.cli.main", "lab", "env", "--json"]
    if directory is not None:
        command += ["--dir", str(directory)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return None
    answer: dict[str, Any] = json_module.loads(done.stdout)
    return answer


async def _demo(given: dict[str, Any], output: Output) -> int:
    from antiphon.client.demo import Demo

    def report(result: StepResult) -> None:
        output.event("step", _line(result), **_values(result))

    good = await Demo(environment_of(given), report).run()
    output.event("done", _("All is as it should be.") if good else "", ok=good)
    return 0 if good else 1


def environment_of(given: dict[str, Any]) -> DemoEnvironment:
    """From `antiphon lab env --json`: `resolver`, `ca_file`, `users` with `address`, `password`, `line`."""
    from antiphon.client.demo import DemoEnvironment, DemoUser
    from antiphon.client.environment import Environment

    users = [DemoUser(user["address"], user["password"], user.get("line", "")) for user in given["users"]]
    around = Environment.parse(given["resolver"], given["ca_file"])
    return DemoEnvironment(around, users[0], users[1])


def _line(result: StepResult) -> str:
    mark = "✗" if result.failure is not None else "✓"
    head = f"{mark} {result.name:<16}{result.took_s * 1000:>7.0f} ms"
    if result.failure is not None:
        return f"{head}\n    {result.answered}\n    {result.failure.fault.fix}"
    return f"{head}  {result.asked}\n    {result.answered}"


def _values(result: StepResult) -> dict[str, Any]:
    return {
        "step": result.name,
        "ok": result.failure is None,
        "asked": result.asked,
        "answered": result.answered,
        "ms": round(result.took_s * 1000, 1),
        "code": result.failure.code if result.failure is not None else None,
    }
