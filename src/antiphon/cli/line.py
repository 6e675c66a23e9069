"""`antiphon line`: directory numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cyclopts

from antiphon.cli.entries import Connection, DryRun, Json, Quiet, named, run, say, show_entry, show_table
from antiphon.cli.language import _
from antiphon.cli.output import Output

if TYPE_CHECKING:
    from antiphon.client.directory import DirectoryClient

app = cyclopts.App(name="line", help="Lines (directory numbers) and where their calls go.")
SCHEMA = "antiphon.line/1"


@app.command
def add(
    number: str,
    *,
    owner: str = "",
    display_name: str = "",
    forward_all: str = "",
    forward_busy: str = "",
    forward_no_answer: str = "",
    no_answer_timeout: float = 20.0,
    hunt_member: tuple[str, ...] = (),
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Add a line.

    Example: antiphon line add 1001 --owner alice --display-name "Alice Ng"

    Parameters
    ----------
    owner
        The userid of whose line it is.
    forward_all
        A number or an address that gets every call.
    no_answer_timeout
        Seconds until a call that nobody answers is forwarded.
    hunt_member
        Makes it a hunt group: a number that is tried, in the order given. May be repeated.
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Line

        line = Line(
            number,
            "",
            "",
            display_name,
            owner,
            forward_all,
            forward_busy,
            forward_no_answer,
            no_answer_timeout,
            hunt_member,
        )
        added = await client.put(line, create=True, dry_run=dry_run)
        say(Output(SCHEMA, json, quiet), "added", dry_run, _("Line {key} added.").format(key=number), added)

    return run(connection, work)


@app.command
def list(owner: str = "", *, json: Json = False, connection: Connection | None = None) -> int:  # noqa: A001
    """List lines, or only those of one user.

    Example: antiphon line list alice
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Line

        columns = [
            (_("NUMBER"), lambda line: line.number),
            (_("NAME"), lambda line: line.display_name),
            (_("OWNER"), lambda line: line.owner),
            (_("FORWARDED TO"), lambda line: line.forward_all),
            (_("HUNT GROUP"), lambda line: " ".join(line.hunt_members)),
        ]
        show_table(Output(SCHEMA, json), "line", await client.all(Line, owner), columns)

    return run(connection, work)


@app.command
def show(number: str, *, json: Json = False, connection: Connection | None = None) -> int:
    """Show everything about one line.

    Example: antiphon line show 1001
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Line
        from antiphon.services.directory.errors import LINE_NOT_FOUND

        line = await client.get(Line, number)
        if line is None:
            raise LINE_NOT_FOUND.error(number)
        show_entry(Output(SCHEMA, json), "line", line)

    return run(connection, work)


@app.command
def change(
    number: str,
    *,
    owner: str | None = None,
    display_name: str | None = None,
    forward_all: str | None = None,
    forward_busy: str | None = None,
    forward_no_answer: str | None = None,
    no_answer_timeout: float | None = None,
    hunt_member: tuple[str, ...] | None = None,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Change what is named; everything else stays. Effective at once.

    Example: antiphon line change 1001 --forward-all 1002
    """
    values = named(
        owner=owner,
        display_name=display_name,
        forward_all=forward_all,
        forward_busy=forward_busy,
        forward_no_answer=forward_no_answer,
        no_answer_timeout_s=no_answer_timeout,
        hunt_members=hunt_member,
    )

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Line

        changed = await client.change(Line, number, values, dry_run=dry_run)
        say(
            Output(SCHEMA, json, quiet),
            "changed",
            dry_run,
            _("Line {key} changed.").format(key=number),
            changed,
        )

    return run(connection, work)


@app.command
def remove(
    number: str,
    *,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Remove a line that no device and no hunt group has any more.

    Example: antiphon line remove 1001 --dry-run
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Line

        await client.remove(Line, number, dry_run=dry_run)
        line = _("Line {key} removed.").format(key=number)
        say(Output(SCHEMA, json, quiet), "removed", dry_run, line, {"number": number})

    return run(connection, work)
