"""`antiphon lab`: a whole deployment on this machine."""

from __future__ import annotations

import json as json_format
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from antiphon.cli.entries import Json
from antiphon.cli.language import _
from antiphon.cli.output import width

if TYPE_CHECKING:
    from antiphon.roles.lab_files import LabEnvironment, LabFiles

app = cyclopts.App(name="lab", help="Run a whole deployment on this machine.")

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
Directory = Annotated[
    Path | None,
    cyclopts.Parameter(
        name=["--dir", "-d"],
        help="Where the lab keeps its store, certificates and passwords; the default is ANTIPHON_LAB, else a place "
        "of your own account.",
    ),
]


@app.command
def up(
    *,
    directory: Directory = None,
    topology: Path | None = None,
    detach: bool = False,
    json: Json = False,
) -> int:
    """Start the lab. It runs until Ctrl-C, or in the background with --detach.

    Example: antiphon lab up --detach

    Parameters
    ----------
    topology
        Nodes and people (TOML); `antiphon lab topology` prints an example.
    detach
        Come back as soon as it is ready; `antiphon lab down` stops it.
    json
        Print what runs where as JSON.
    """
    from antiphon.roles.errors import LAB_RUNNING

    files = _files(directory)
    if (running := files.environment()) is not None:
        raise LAB_RUNNING.error(f"process {running.pid}, {files.directory}")
    plan = files.topology(topology)
    if detach:
        return _start_in_background(files, json)
    return _run_here(files, plan, json)


def _run_here(files: LabFiles, plan: object, json: bool) -> int:
    import uvloop

    from antiphon.io.json_logs import configure
    from antiphon.roles.lab import Lab
    from antiphon.roles.topology import Topology

    assert isinstance(plan, Topology)
    begun = time.monotonic()
    if not json:
        print(_("Starting the lab in {directory} ...").format(directory=files.directory), flush=True)

    def ready(environment: LabEnvironment) -> None:
        if json:
            print(json_format.dumps(environment.as_json()), flush=True)
        else:
            print(_("Ready after {seconds:.1f} s.").format(seconds=time.monotonic() - begun), flush=True)
            _print_environment(environment)
            print(_("\nCtrl-C stops it."), flush=True)

    async def run() -> None:
        await Lab(files, plan).run(ready)

    with files.log.open("a", encoding="utf-8") as log:
        configure(log)
        uvloop.run(run())
    if not json:
        print(_("Stopped."), flush=True)
    return 0


def _start_in_background(files: LabFiles, json: bool) -> int:
    """The lab as a process of its own session, so that it outlives this command."""
    from antiphon.roles.errors import LAB_DIED

    process = subprocess.Popen(
        [sys.executable, "-m", "antiphon.cli.main", "lab", "up", "--json", "--dir", str(files.directory)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        if (environment := files.environment()) is not None and environment.pid == process.pid:
            _show(environment, json)
            return 0
        if process.poll() is not None:
            # The fault was printed by the lab itself: it says what is wrong and what to do.
            assert process.stderr is not None
            print(process.stderr.read(), end="", file=sys.stderr)
            return process.returncode or 1
        time.sleep(0.05)
    process.terminate()
    raise LAB_DIED.error(str(files.log))


@app.command
def status(*, directory: Directory = None, json: Json = False) -> int:
    """Say whether the lab runs, and whether each node is ready.

    Example: antiphon lab status
    """
    import ssl
    import urllib.error
    import urllib.request

    environment = _running(directory)
    context = ssl.create_default_context(cafile=environment.ca_file)
    context.check_hostname = False  # nodes are asked by address here; the certificate is still verified
    rows = []
    for node, what, address in environment.listeners:
        if what != "https":
            continue
        try:
            with urllib.request.urlopen(f"https://{address}/readyz", timeout=5, context=context) as answer:
                state = "ready" if answer.status == 200 else "not ready"
        except urllib.error.HTTPError:
            state = "not ready"
        except OSError as error:
            state = f"no answer: {error}"
        rows.append((node, address, state))
    if json:
        nodes = [{"node": node, "address": address, "state": state} for node, address, state in rows]
        print(json_format.dumps({"schema": "antiphon.lab-status/1", "pid": environment.pid, "nodes": nodes}))
    else:
        print(_("Process {pid}").format(pid=environment.pid))
        said = {"ready": _("ready"), "not ready": _("not ready")}
        _table(
            (_("Node"), _("Address"), _("State")),
            [(node, address, said.get(state, state)) for node, address, state in rows],
        )
    return 0 if all(state == "ready" for _node, _address, state in rows) else 1


@app.command
def env(*, directory: Directory = None, shell: bool = False, json: Json = False) -> int:
    """Print what to connect to: names, ports, authority, people and their passwords.

    Example: eval "$(antiphon lab env --shell)"

    Parameters
    ----------
    shell
        Print the environment variables with which the other commands talk to this lab.
    json
        Print it as JSON.
    """
    environment = _running(directory)
    if shell:
        variables = {"ANTIPHON_RESOLVER": environment.resolver, "ANTIPHON_CA_FILE": environment.ca_file}
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")
    else:
        _show(environment, json)
    return 0


@app.command
def password(userid: str, *, directory: Directory = None) -> int:
    """Print the password of one of the lab's people.

    Example: antiphon lab password alice | antiphon login alice@example.test --password-file -
    """
    users = {user.userid: user for user in _running(directory).users}
    if userid not in users:
        print(_("The lab's people are {people}.").format(people=", ".join(users)), file=sys.stderr)
        return 1
    print(users[userid].password)
    return 0


@app.command
def down(*, directory: Directory = None) -> int:
    """Stop the lab in order.

    Example: antiphon lab down
    """
    environment = _running(directory)
    os.kill(environment.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_TIMEOUT_S
    files = _files(directory)
    while time.monotonic() < end:
        if files.environment() is None and not _alive(environment.pid):
            print(_("Stopped."))
            return 0
        time.sleep(0.05)
    print(_("The lab (process {pid}) has not ended yet.").format(pid=environment.pid), file=sys.stderr)
    return 75


@app.command
def reset(*, directory: Directory = None) -> int:
    """Forget everything in the lab: people, messages, certificates. It must be stopped.

    Example: antiphon lab reset
    """
    from antiphon.roles.errors import LAB_RUNNING

    files = _files(directory)
    if (running := files.environment()) is not None:
        raise LAB_RUNNING.error(f"process {running.pid}")
    files.reset()
    print(_("The lab in {directory} is empty.").format(directory=files.directory))
    return 0


@app.command
def topology() -> int:
    """Print an example of a topology file.

    Example: antiphon lab topology > site.toml
    """
    from antiphon.roles.topology import EXAMPLE

    print(EXAMPLE, end="")
    return 0


def _files(directory: Path | None) -> LabFiles:
    from antiphon.roles.lab_files import LabFiles, default_directory

    return LabFiles(directory or default_directory())


def _running(directory: Path | None) -> LabEnvironment:
    from antiphon.roles.errors import LAB_NOT_RUNNING

    files = _files(directory)
    environment = files.environment()
    if environment is None:
        raise LAB_NOT_RUNNING.error(str(files.directory))
    return environment


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def _show(environment: LabEnvironment, json: bool) -> None:
    if json:
        print(json_format.dumps(environment.as_json()))
    else:
        _print_environment(environment)


def _print_environment(environment: LabEnvironment) -> None:
    people = [
        (user.address, user.password, user.line, user.device, _("administrator") if user.admin else "")
        for user in environment.users
    ]
    _table((_("Sign in as"), _("Password"), _("Line"), _("Device"), ""), people)
    print()
    _table((_("Node"), _("Service"), _("Address")), environment.listeners)
    first = environment.users[0] if environment.users else None
    print()
    print(_("Name server {resolver} (outside: {outside}), authority {ca}").format(
        resolver=environment.resolver, outside=environment.resolver_outside, ca=environment.ca_file
    ))  # fmt: skip
    print(_("\nTry in another terminal:"))
    if shutil.which("antiphon") is None:
        # `make up` does not change anybody's PATH.
        print(f'  export PATH="{Path(sys.executable).parent}:$PATH"')
    where = "" if environment.directory == str(_files(None).directory) else environment.directory
    print(f"  antiphon demo --directory {where}" if where else "  antiphon demo")
    if first is not None:
        print(f'  eval "$(antiphon lab env --shell{f" --dir {where}" if where else ""})"')
        print(f"  antiphon discover {first.address}")
        print(f"  antiphon login {first.address}")
        print(f"  antiphon doctor {environment.domain}")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(width(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        cells = [cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
