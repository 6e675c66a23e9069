"""What the commands on directory entries share: the connection, trying changes, tables and JSON lines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import Output, width
from antiphon.kernel.errors import Fault, Kind

if TYPE_CHECKING:
    from antiphon.client.directory import DirectoryClient

File = Annotated[str, cyclopts.Parameter(allow_leading_hyphen=True)]
"""A path, or - for standard input."""
DryRun = Annotated[bool, cyclopts.Parameter(help="Check the change and show it without making it.")]
Json = Annotated[bool, cyclopts.Parameter(help="Write JSON lines.")]
Quiet = Annotated[bool, cyclopts.Parameter(help="Write nothing but errors.")]
NO_SERVER = Fault(
    "AP-CLI-001",
    Kind.INVALID,
    "A token is given, but not the server that it is for.",
    "Name it with --server https://HOST:8443 or ANTIPHON_SERVER.",
)


@cyclopts.Parameter(name="*", group="Connection")
@dataclass(frozen=True)
class Connection:
    """Which server is asked, as whom; the default is the sign-in that `antiphon login` kept.

    Parameters
    ----------
    server
        The origin of the server, for example https://cucm1.example.test:8443.
    token
        An access token of an administrator; better in ANTIPHON_TOKEN than on the command line.
    ca_file
        Certificates (PEM) of authorities to trust beside the system's.
    resolver
        The name server to ask, HOST:PORT; the default is the system's.
    """

    server: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_SERVER")] = ""
    token: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_TOKEN")] = ""
    ca_file: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_CA_FILE")] = ""
    resolver: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_RESOLVER")] = ""


Work = Callable[["DirectoryClient"], Awaitable[int | None]]


def run(connection: Connection | None, work: Work) -> int:
    """The exit code: what `work` returns, else 0."""
    return asyncio.run(_run(connection or Connection(), work)) or 0


async def _run(connection: Connection, work: Work) -> int | None:
    from antiphon.client.directory import DirectoryClient
    from antiphon.client.environment import Environment
    from antiphon.client.session import load_session
    from antiphon.io.http_client import http_client

    async with AsyncExitStack() as stack:
        if connection.token:
            if not connection.server:
                raise NO_SERVER.error()
            environment = Environment.parse(connection.resolver, connection.ca_file)
            resolver, base = environment.open_resolver(), connection.server

            async def token() -> str:
                return connection.token
        else:
            session = await stack.enter_async_context(load_session())
            environment, resolver, token = session.environment, session.resolver, session.token
            base = connection.server or session.home
        http = await stack.enter_async_context(http_client(resolver, environment.tls_context()))
        return await work(DirectoryClient(http, base, token))


def say(output: Output, event: str, dry_run: bool, line: str, entry: object) -> None:
    """One change that was made, or would be."""
    from antiphon.kernel.codec import encode

    if dry_run:
        line = _("Not done (dry run): {what}").format(what=line)
    output.event(event, line, dry_run=dry_run, entry=encode(entry) if not isinstance(entry, dict) else entry)


def show_entry(output: Output, event: str, entry: object) -> None:
    """Every field on a line of its own."""
    from antiphon.kernel.codec import encode

    values: dict[str, Any] = encode(entry)
    widest = max(len(name) for name in values)
    lines = "\n".join(
        f"{name.replace('_', ' '):<{widest}}  {_text(value)}".rstrip() for name, value in values.items()
    )
    output.event(event, lines, **values)


def show_table(
    output: Output, event: str, entries: Iterable[object], columns: Sequence[tuple[str, Callable[[Any], str]]]
) -> None:
    """A table for people; a JSON line each for programs."""
    from antiphon.kernel.codec import encode

    if output.json_lines:
        for entry in entries:
            output.event(event, **encode(entry))
        return
    rows = [
        [title for title, _value in columns],
        *([value(entry) for _title, value in columns] for entry in entries),
    ]
    widths = [max(width(row[at]) for row in rows) for at in range(len(columns))]
    for row in rows:
        cells = [cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)]
        output.event(event, "  ".join(cells).rstrip())


def named(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return " ".join(f"{name}={_text(item)}" for name, item in value.items() if item != "")
    return str(value)
