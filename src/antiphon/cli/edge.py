"""`antiphon edge`: the edge nodes that may connect to the mutual-TLS port. Source: S3-24, S3-42 … S3-45."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cyclopts

from antiphon.cli.entries import Connection, DryRun, Json, Quiet, run, say, show_entry, show_table
from antiphon.cli.language import _
from antiphon.cli.output import Output

if TYPE_CHECKING:
    from antiphon.client.directory import DirectoryClient

app = cyclopts.App(name="edge", help="Edge nodes: who may register devices from outside, over mutual TLS.")
SCHEMA = "antiphon.edge/1"


@app.command
def add(
    name: str,
    *,
    description: str = "",
    subject_name: tuple[str, ...] = (),
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Let an edge node in. Its certificate must come from an authority that the deployment trusts.

    Example: antiphon edge add expc1.example.test --subject-name expc.example.test

    Parameters
    ----------
    name
        Its host name or address.
    subject_name
        A name in its certificate (subject alternative name or common name). May be repeated; without any, NAME is the one.
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import EdgeNode

        edge = EdgeNode(name.lower(), "", description, subject_name)
        added = await client.put(edge, create=True, dry_run=dry_run)
        line = _("Edge node {key} added.").format(key=edge.name)
        say(Output(SCHEMA, json, quiet), "added", dry_run, line, added)

    return run(connection, work)


@app.command
def list(*, json: Json = False, connection: Connection | None = None) -> int:  # noqa: A001
    """List the edge nodes."""

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import EdgeNode

        columns = [
            (_("NAME"), lambda edge: edge.name),
            (_("SUBJECT NAMES"), lambda edge: " ".join(edge.subject_names or (edge.name,))),
            (_("DESCRIPTION"), lambda edge: edge.description),
        ]
        show_table(Output(SCHEMA, json), "edge node", await client.all(EdgeNode), columns)

    return run(connection, work)


@app.command
def show(name: str, *, json: Json = False, connection: Connection | None = None) -> int:
    """Show everything about one edge node."""

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import EdgeNode
        from antiphon.services.directory.errors import EDGE_NODE_NOT_FOUND

        edge = await client.get(EdgeNode, name.lower())
        if edge is None:
            raise EDGE_NODE_NOT_FOUND.error(name)
        show_entry(Output(SCHEMA, json), "edge node", edge)

    return run(connection, work)


@app.command
def remove(
    name: str,
    *,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Let an edge node in no more: its connections and what is registered over them end at once."""

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import EdgeNode

        await client.remove(EdgeNode, name.lower(), dry_run=dry_run)
        line = _("Edge node {key} removed.").format(key=name.lower())
        say(Output(SCHEMA, json, quiet), "removed", dry_run, line, {"name": name.lower()})

    return run(connection, work)
