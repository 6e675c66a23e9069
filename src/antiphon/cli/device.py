"""`antiphon device`: what registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import cyclopts

from antiphon.cli.entries import Connection, DryRun, Json, Quiet, named, run, say, show_entry, show_table
from antiphon.cli.language import _
from antiphon.cli.output import Output

if TYPE_CHECKING:
    from antiphon.client.directory import DirectoryClient

app = cyclopts.App(name="device", help="Devices: phones and softphones, and the lines on them.")
SCHEMA = "antiphon.device/1"
Security = Literal["non-secure", "authenticated", "encrypted"]
_MODES: dict[str, int] = {"non-secure": 1, "authenticated": 2, "encrypted": 3}
_PRODUCTS = {
    "CSF": ("Cisco Unified Client Services Framework", 503),
    "TCT": ("Cisco Dual Mode for iPhone", 562),
    "BOT": ("Cisco Dual Mode for Android", 575),
    "TAB": ("Cisco Jabber for Tablet", 652),
}


def _appearances(numbers: tuple[str, ...]) -> list[dict[str, Any]]:  # type: ignore[valid-type]
    """`1001` or `1001=Label`, in the order of the buttons."""
    pairs = [text.partition("=") for text in numbers]
    return [{"number": pair[0], "index": at, "label": pair[2]} for at, pair in enumerate(pairs, 1)]


@app.command
def add(
    name: str,
    *,
    owner: str = "",
    line: tuple[str, ...] = (),
    description: str = "",
    product: str = "",
    model: int | None = None,
    sip_oauth: bool = True,
    security: Security = "encrypted",
    support_field: str = "",
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Add a device.

    Example: antiphon device add CSFALICE --owner alice --line 1001

    Parameters
    ----------
    name
        Case-sensitive; begins with its kind: CSF, TCT, BOT, TAB, or SEP and the hardware address.
    owner
        The userid of who may register it.
    line
        A line on it, NUMBER or NUMBER=LABEL, in the order of the buttons. May be repeated.
    sip_oauth
        Registers with an access token instead of a digest.
    security
        Whether it speaks TLS.
    support_field
        The Cisco Support Field, which may name another jabber-config file.
    """
    usual_product, usual_model = _PRODUCTS.get(name[:3], ("", 0))

    async def work(client: DirectoryClient) -> None:
        from antiphon.kernel.codec import decode
        from antiphon.model import Device

        values = {
            "name": name,
            "pkid": "",
            "owner": owner,
            "lines": _appearances(line),
            "description": description,
            "product": product or usual_product,
            "model": usual_model if model is None else model,
            "sip_oauth": sip_oauth,
            "security_mode": _MODES[security],
            "support_field": support_field,
        }
        added = await client.put(decode(Device, values), create=True, dry_run=dry_run)
        say(Output(SCHEMA, json, quiet), "added", dry_run, _("Device {key} added.").format(key=name), added)

    return run(connection, work)


@app.command
def list(owner: str = "", *, json: Json = False, connection: Connection | None = None) -> int:  # noqa: A001
    """List devices, or only those of one user.

    Example: antiphon device list alice
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Device

        columns = [
            (_("DEVICE"), lambda device: device.name),
            (_("OWNER"), lambda device: device.owner),
            (_("LINES"), lambda device: " ".join(line.number for line in device.lines)),
            (_("DESCRIPTION"), lambda device: device.description),
            (_("SIGN-IN"), lambda device: _("token") if device.sip_oauth else _("digest")),
        ]
        show_table(Output(SCHEMA, json), "device", await client.all(Device, owner), columns)

    return run(connection, work)


@app.command
def show(name: str, *, json: Json = False, connection: Connection | None = None) -> int:
    """Show everything about one device.

    Example: antiphon device show CSFALICE
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Device
        from antiphon.services.directory.errors import DEVICE_NOT_FOUND

        device = await client.get(Device, name)
        if device is None:
            raise DEVICE_NOT_FOUND.error(name)
        show_entry(Output(SCHEMA, json), "device", device)

    return run(connection, work)


@app.command
def change(
    name: str,
    *,
    owner: str | None = None,
    line: tuple[str, ...] | None = None,
    description: str | None = None,
    sip_oauth: bool | None = None,
    security: Security | None = None,
    support_field: str | None = None,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: Quiet = False,
    connection: Connection | None = None,
) -> int:
    """Change what is named; everything else stays. The lines that are named replace all that were on it.

    Example: antiphon device change CSFALICE --line 1001 --line 1005=Reception
    """
    values = named(
        owner=owner,
        lines=None if line is None else _appearances(line),
        description=description,
        sip_oauth=sip_oauth,
        security_mode=None if security is None else _MODES[security],
        support_field=support_field,
    )

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Device

        changed = await client.change(Device, name, values, dry_run=dry_run)
        say(
            Output(SCHEMA, json, quiet),
            "changed",
            dry_run,
            _("Device {key} changed.").format(key=name),
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
    """Remove a device. Its lines stay.

    Example: antiphon device remove CSFALICE --dry-run
    """

    async def work(client: DirectoryClient) -> None:
        from antiphon.model import Device

        await client.remove(Device, name, dry_run=dry_run)
        line = _("Device {key} removed.").format(key=name)
        say(Output(SCHEMA, json, quiet), "removed", dry_run, line, {"name": name})

    return run(connection, work)
