"""`antiphon user`: who there is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cyclopts

from antiphon.cli.entries import (
    Connection,
    DryRun,
    File,
    Json,
    Quiet,
    named,
    run,
    say,
    show_entry,
    show_table,
)
from antiphon.cli.language import _
from antiphon.cli.output import Output, read_secret

if TYPE_CHECKING:
    from antiphon.client.directory import DirectoryClient

app = cyclopts.App(name="user", help="Users: add, list, change, disable, remove and import them.")
SCHEMA = "antiphon.user/1"


@app.command
def add(
    userid: str,
    *,
    first_name: str = "",
    last_name: str = "",
    display_name: str = "",
    mail: str = "",
    telephone: str = "",
    mobile: str = "",
    home_phone: str = "",
    department: str = "",
    title: str = "",
    manager: str = "",
    directory_uri: str = "",
    locale: str = "en",
    service_profile: str = "",
    admin: bool = False,
    password_file: File = "",
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Add a user.

    Example: antiphon user add alice --first-name Alice --last-name Ng --mail alice@example.test

    Parameters
    ----------
    userid
        The sign-in name, in lower case; also the local part of the address.
    locale
        A BCP 47 tag, for example fr or zh-Hans.
    service_profile
        The name of a service profile; the default one without it.
    admin
        May administer the deployment.
    password_file
        A file whose first line is the password; - reads it from standard input.
    """

    password = _secret(password_file) if password_file else ""
    if password is None:
        return 2

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import User

        user = User(
            userid,
            "",
            first_name,
            last_name,
            display_name or f"{first_name} {last_name}".strip(),
            mail,
            directory_uri,
            telephone,
            mobile,
            home_phone,
            department,
            title,
            manager,
            locale,
            service_profile=service_profile,
            admin=admin,
        )
        added = await client.put(user, create=True, dry_run=dry_run)
        if password and not dry_run:
            await client.set_password(userid, password)
        say(
            Output(SCHEMA, json, quiet),
            "added",
            dry_run,
            _("User {key} added.").format(key=added.userid),
            added,
        )

    return run(connection, work)


@app.command
def list(  # noqa: A001
    search: str = "",
    *,
    field: str = "name",
    json: Json = False,
    connection: Connection | None = None,
) -> int:
    """List users.

    Example: antiphon user list "alice n"

    Parameters
    ----------
    search
        Only those whose name begins with this; `x y` is a first and a last name, in either order.
    field
        Search in name, first, last, displayname, userid, number or email.
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import User

        users = (await client.search(search, field, 500)).users if search else await client.all(User)
        columns = [
            (_("USER"), lambda user: user.userid),
            (_("NAME"), lambda user: user.display_name),
            (_("MAIL"), lambda user: user.mail),
            (_("NUMBER"), lambda user: user.telephone),
            ("", _state),
        ]
        show_table(Output(SCHEMA, json), "user", users, columns)

    return run(connection, work)


def _state(user: Any) -> str:
    return (
        "" if user.enabled and not user.admin else _("disabled") if not user.enabled else _("administrator")
    )


@app.command
def show(userid: str, *, json: Json = False, connection: Connection | None = None) -> int:
    """Show everything about one user.

    Example: antiphon user show alice
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import User
        from antiphon.services.directory.errors import USER_NOT_FOUND

        user = await client.get(User, userid)
        if user is None:
            raise USER_NOT_FOUND.error(userid)
        show_entry(Output(SCHEMA, json), "user", user)

    return run(connection, work)


@app.command
def change(
    userid: str,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    display_name: str | None = None,
    mail: str | None = None,
    telephone: str | None = None,
    mobile: str | None = None,
    home_phone: str | None = None,
    department: str | None = None,
    title: str | None = None,
    manager: str | None = None,
    directory_uri: str | None = None,
    locale: str | None = None,
    service_profile: str | None = None,
    admin: bool | None = None,
    im_enabled: bool | None = None,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Change what is named; everything else stays.

    Example: antiphon user change alice --title Director --mobile ""
    """
    values = named(
        first_name=first_name,
        last_name=last_name,
        display_name=display_name,
        mail=mail,
        telephone=telephone,
        mobile=mobile,
        home_phone=home_phone,
        department=department,
        title=title,
        manager=manager,
        directory_uri=directory_uri,
        locale=locale,
        service_profile=service_profile,
        admin=admin,
        im_enabled=im_enabled,
    )
    return _change(userid, values, Output(SCHEMA, json, quiet), dry_run, connection)


@app.command
def disable(
    userid: str,
    *,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Disable a user: sign-in is refused, and what is open is closed within seconds. Nothing is deleted.

    Example: antiphon user disable bob
    """
    return _change(userid, {"enabled": False}, Output(SCHEMA, json, quiet), dry_run, connection)


@app.command
def enable(
    userid: str,
    *,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Enable a user that was disabled.

    Example: antiphon user enable bob
    """
    return _change(userid, {"enabled": True}, Output(SCHEMA, json, quiet), dry_run, connection)


def _change(
    userid: str, values: dict[str, Any], output: Output, dry_run: bool, connection: Connection | None
) -> int:
    async def work(client: DirectoryClient) -> None:
        from antiphon.model import User

        changed = await client.change(User, userid, values, dry_run=dry_run)
        say(output, "changed", dry_run, _("User {key} changed.").format(key=userid), changed)

    return run(connection, work)


@app.command
def remove(
    userid: str,
    *,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Remove a user. Lines and devices stay, without an owner.

    Example: antiphon user remove bob --dry-run
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import User

        await client.remove(User, userid, dry_run=dry_run)
        line = _("User {key} removed.").format(key=userid)
        say(Output(SCHEMA, json, quiet), "removed", dry_run, line, {"userid": userid})

    return run(connection, work)


@app.command
def password(
    userid: str,
    *,
    file: File = "",
    quiet: Quiet = False,
    json: Json = False,
    connection: Connection | None = None,
) -> int:
    """Set a user's password. It ends the sign-ins made with the old one.

    Example: antiphon user password bob

    Parameters
    ----------
    file
        A file whose first line is the password; - reads it from standard input. Without it you are asked.
    """
    secret = _secret(file) if file else _ask_twice()
    if secret is None:
        return 2

    async def work(client: DirectoryClient) -> None:
        await client.set_password(userid, secret)
        Output(SCHEMA, json, quiet).event(
            "password", _("Password of {key} set.").format(key=userid), userid=userid
        )

    return run(connection, work)


def _secret(file: str) -> str | None:
    try:
        if secret := read_secret(file):
            return secret
        print(_("No password was given."), file=sys.stderr)
    except OSError as error:
        print(_("The password file cannot be read: {why}").format(why=error.strerror), file=sys.stderr)
    return None


def _ask_twice() -> str | None:
    if not sys.stdin.isatty():
        print(_("No password was given: name a file, or - for standard input."), file=sys.stderr)
        return None
    import getpass

    first = getpass.getpass(_("New password: "))
    if first and first == getpass.getpass(_("Again: ")):
        return first
    print(_("No password, or two different ones."), file=sys.stderr)
    return None


@app.command(name="import")
def import_(
    file: File,
    *,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Add and change users, their lines and devices from a CSV file: all rows or none.

    The first row names the columns: userid, and any of first_name, last_name, display_name, mail, directory_uri, telephone,
    mobile, home_phone, department, title, manager, locale, service_profile, enabled, im_enabled, admin, line,
    line_display_name, device, device_description. An absent column changes nothing, an empty cell empties the field.

    Example: antiphon user import people.csv --dry-run

    Parameters
    ----------
    file
        The CSV file in UTF-8; - reads standard input.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        print(_("The file cannot be read: {why}").format(why=error.strerror), file=sys.stderr)
        return 2

    async def work(client: DirectoryClient) -> int:
        report = await client.import_csv(data, dry_run=dry_run)
        output = Output(SCHEMA, json, quiet)
        for error in report.errors:
            line = f"{file}:{error.row}: {error.userid}: {error.code}: {error.message}"
            if json:
                output.event(
                    "error", row=error.row, userid=error.userid, code=error.code, message=error.message
                )
            else:
                print(line, file=sys.stderr)
        line = _("{rows} rows: {added} entries added, {changed} changed, {errors} errors.").format(
            rows=report.rows, added=len(report.added), changed=len(report.changed), errors=len(report.errors)
        )
        if dry_run or report.errors:
            line += " " + _("Nothing was kept.")
        output.event(
            "imported",
            line,
            rows=report.rows,
            added=report.added,
            changed=report.changed,
            errors=len(report.errors),
            dry_run=dry_run,
        )
        return 1 if report.errors else 0

    return run(connection, work)
