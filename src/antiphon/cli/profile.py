"""`antiphon profile`: service profiles, and the UC services they bundle."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import cyclopts

from antiphon.cli.entries import Connection, DryRun, Json, Quiet, named, run, say, show_entry, show_table
from antiphon.cli.language import _
from antiphon.cli.output import Output

if TYPE_CHECKING:
    from antiphon.client.directory import DirectoryClient

app = cyclopts.App(name="profile", help="Service profiles: which servers a user's client is told.")
service = cyclopts.App(name="service", help="UC services: one address of one service each.")
app.command(service)
SCHEMA = "antiphon.profile/1"
SERVICE_SCHEMA = "antiphon.uc-service/1"
Kind = Literal[
    "Voicemail",
    "MailStore",
    "Conferencing",
    "Directory",
    "IMandPresence",
    "CTI",
    "VideoConferenceSchedulingPortal",
]


@app.command
def add(
    name: str,
    *,
    use: tuple[str, ...] = (),
    parameter: tuple[str, ...] = (),
    description: str = "",
    default: bool = False,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Add a service profile.

    Example: antiphon profile add Staff --use IMandPresence=imp1,imp2 --parameter Policies/EnableSIPURIDialling=true

    Parameters
    ----------
    use
        KIND=SERVICE[,BACKUP[,BACKUP]]: the UC services of one kind. May be repeated.
    parameter
        SECTION/NAME=VALUE of jabber-config.xml. May be repeated.
    default
        For every user who has no profile of their own.
    """
    fields = _fields(use, parameter)
    if fields is None:
        return 2

    async def work(client: DirectoryClient) -> None:
        from antiphon.kernel.codec import decode
        from antiphon.model import ServiceProfile

        values = {"name": name, "pkid": "", "description": description, "is_default": default, **fields}
        added = await client.put(decode(ServiceProfile, values), create=True, dry_run=dry_run)
        say(Output(SCHEMA, json, quiet), "added", dry_run, _("Profile {key} added.").format(key=name), added)

    return run(connection, work)


def _fields(use: tuple[str, ...], parameter: tuple[str, ...]) -> dict[str, Any] | None:
    services, parameters = [], []
    for text in use:
        kind, equals, names = text.partition("=")
        if not equals or kind not in Kind.__args__:  # type: ignore[attr-defined]
            print(_("--use {text}: give KIND=SERVICE[,BACKUP].").format(text=text), file=sys.stderr)
            return None
        services.append([kind, names.split(",")])
    for text in parameter:
        path, equals, value = text.partition("=")
        section, slash, name = path.partition("/")
        if not equals or not slash:
            print(_("--parameter {text}: give SECTION/NAME=VALUE.").format(text=text), file=sys.stderr)
            return None
        parameters.append([section, name, value])
    return {"services": services, "client_parameters": parameters}


@app.command
def list(*, json: Json = False, connection: Connection | None = None) -> int:  # noqa: A001
    """List service profiles."""

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import ServiceProfile

        columns = [
            (_("PROFILE"), lambda profile: profile.name),
            (
                _("SERVICES"),
                lambda profile: " ".join(f"{kind.value}={','.join(n)}" for kind, n in profile.services),
            ),
            (_("DESCRIPTION"), lambda profile: profile.description),
            ("", lambda profile: _("default") if profile.is_default else ""),
        ]
        show_table(Output(SCHEMA, json), "profile", await client.all(ServiceProfile), columns)

    return run(connection, work)


@app.command
def show(name: str, *, json: Json = False, connection: Connection | None = None) -> int:
    """Show everything about one service profile.

    Example: antiphon profile show default
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import ServiceProfile
        from antiphon.services.directory.errors import PROFILE_NOT_FOUND

        profile = await client.get(ServiceProfile, name)
        if profile is None:
            raise PROFILE_NOT_FOUND.error(name)
        show_entry(Output(SCHEMA, json), "profile", profile)

    return run(connection, work)


@app.command
def change(
    name: str,
    *,
    use: tuple[str, ...] | None = None,
    parameter: tuple[str, ...] | None = None,
    description: str | None = None,
    default: bool | None = None,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Change what is named; everything else stays. The services or parameters that are named replace all that were in it.

    Example: antiphon profile change Staff --default
    """
    fields = _fields(use or (), parameter or ())
    if fields is None:
        return 2
    values = named(
        services=None if use is None else fields["services"],
        client_parameters=None if parameter is None else fields["client_parameters"],
        description=description,
        is_default=default,
    )

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import ServiceProfile

        changed = await client.change(ServiceProfile, name, values, dry_run=dry_run)
        say(
            Output(SCHEMA, json, quiet),
            "changed",
            dry_run,
            _("Profile {key} changed.").format(key=name),
            changed,
        )

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
    """Remove a service profile that no user has and that is not the default.

    Example: antiphon profile remove sales --dry-run
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import ServiceProfile

        await client.remove(ServiceProfile, name, dry_run=dry_run)
        line = _("Profile {key} removed.").format(key=name)
        say(Output(SCHEMA, json, quiet), "removed", dry_run, line, {"name": name})

    return run(connection, work)


@service.command(name="add")
def add_service(
    name: str,
    *,
    kind: Kind,
    host: str,
    port: int = 0,
    protocol: str = "",
    product: str = "",
    description: str = "",
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Add a UC service.

    Example: antiphon profile service add imp1 --kind IMandPresence --host imp1.example.test
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import ServiceKind, UcService

        entry = UcService(name, "", ServiceKind(kind), host, port, protocol, product, description)
        added = await client.put(entry, create=True, dry_run=dry_run)
        line = _("UC service {key} added.").format(key=name)
        say(Output(SERVICE_SCHEMA, json, quiet), "added", dry_run, line, added)

    return run(connection, work)


@service.command(name="list")
def list_services(*, json: Json = False, connection: Connection | None = None) -> int:
    """List UC services."""

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import UcService

        columns = [
            (_("SERVICE"), lambda entry: entry.name),
            (_("KIND"), lambda entry: entry.kind.value),
            (_("HOST"), lambda entry: entry.host),
            (_("PORT"), lambda entry: str(entry.port or "")),
            (_("PROTOCOL"), lambda entry: entry.protocol),
        ]
        show_table(Output(SERVICE_SCHEMA, json), "uc-service", await client.all(UcService), columns)

    return run(connection, work)


@service.command(name="remove")
def remove_service(
    name: str,
    *,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Remove a UC service that no profile uses."""

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import UcService

        await client.remove(UcService, name, dry_run=dry_run)
        line = _("UC service {key} removed.").format(key=name)
        say(Output(SERVICE_SCHEMA, json, quiet), "removed", dry_run, line, {"name": name})

    return run(connection, work)
