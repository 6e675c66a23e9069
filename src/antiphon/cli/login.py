"""`antiphon login` and `antiphon logout`.

Without a password the browser is used (RFC 8628): this program never sees the password then.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import Output, read_secret

app = cyclopts.App(name="login", help="Sign in with the address your organisation gave you.")


@app.default
def login(
    address: str,
    *,
    password_file: Annotated[str, cyclopts.Parameter(allow_leading_hyphen=True)] = "",
    ask_password: bool = False,
    resolver: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_RESOLVER")] = "",
    ca_file: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_CA_FILE")] = "",
    link: str = "",
    json: bool = False,
    quiet: bool = False,
) -> int:
    """Sign in: finds the services, signs in once, keeps the sign-in for the other commands.

    Example: antiphon login alice@example.test

    Parameters
    ----------
    address
        Your address, for example alice@example.test.
    password_file
        A file whose first line is the password; - reads it from standard input. Without it the browser is used.
    ask_password
        Ask for the password here instead of using the browser, where the deployment allows that.
    resolver
        The name server to ask, HOST:PORT; the default is the system's.
    ca_file
        Certificates (PEM) of authorities to trust beside the system's.
    link
        A configuration link (ciscojabber://provision?…) that overrides where services are looked for.
    json
        Write JSON lines.
    quiet
        Write nothing but errors.
    """
    output = Output("antiphon.login/1", json, quiet)
    try:
        password = _password(password_file, ask_password)
    except OSError as error:
        print(_("The password file cannot be read: {why}").format(why=error.strerror), file=sys.stderr)
        return 2
    return asyncio.run(_login(address, password, resolver, ca_file, link, output))


def _password(file: str, ask: bool) -> str | None:
    if file:
        return read_secret(file)
    if ask and sys.stdin.isatty():
        import getpass

        return getpass.getpass(_("Password: "))
    return None


async def _login(
    address: str, password: str | None, resolver: str, ca_file: str, link: str, output: Output
) -> int:
    from antiphon.client.discovery import parse_link
    from antiphon.client.discovery.cache import DiscoveryCache
    from antiphon.client.environment import Environment
    from antiphon.client.oauth import DeviceCode
    from antiphon.client.record import Records
    from antiphon.client.signin import sign_in

    try:
        environment = Environment.parse(resolver, ca_file)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2

    def show(code: DeviceCode) -> None:
        line = _("Open {uri} and enter the code {code}").format(
            uri=code.verification_uri, code=code.user_code
        )
        output.event(
            "code",
            line,
            verification_uri=code.verification_uri,
            verification_uri_complete=code.verification_uri_complete,
            user_code=code.user_code,
            expires_in_s=code.expires_in_s,
        )

    records = Records()
    bootstrap = parse_link(link) if link else None
    session = await sign_in(
        address,
        environment,
        password=password,
        on_code=show,
        records=records,
        bootstrap=bootstrap,
        cache=DiscoveryCache(),
    )
    async with session:
        name = (await session.user()).display_name or session.userid
        line = _("Signed in as {name} ({address}) on {home}.").format(
            name=name, address=session.address, home=session.home
        )
        kept = _("The sign-in is kept in {place}.").format(place=records.place)
        output.event(
            "signed-in",
            f"{line}\n{kept}",
            address=session.address,
            userid=session.userid,
            display_name=name,
            home=session.home,
            expires_at=session.record.tokens.expires_at,
            kept_in=records.place,
        )
    return 0


def logout(address: str = "", *, json: bool = False) -> int:
    """Sign out: ends the sign-in on the server and forgets it here.

    Example: antiphon logout

    Parameters
    ----------
    address
        Whom to sign out; the default is who signed in last.
    json
        Write JSON lines.
    """
    return asyncio.run(_logout(address, Output("antiphon.login/1", json)))


async def _logout(address: str, output: Output) -> int:
    from antiphon.client.session import load_session
    from antiphon.kernel.errors import DomainError

    async with load_session(address or None) as session:
        try:
            await session.sign_out()
        except DomainError as error:
            # Forgotten here in any case; on the server it ends by itself.
            message = _("Signed out here, but the server was not told: {why}").format(why=error.fault.what)
            output.event("signed-out", message, address=session.address, server_told=False, code=error.code)
            return 0
        output.event("signed-out", _("Signed out."), address=session.address, server_told=True)
    return 0
