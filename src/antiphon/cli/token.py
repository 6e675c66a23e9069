"""`antiphon token`: what a token says, who is signed in, and ending sign-ins."""

from __future__ import annotations

import sys

import cyclopts

from antiphon.cli.asking import ask
from antiphon.cli.entries import Connection
from antiphon.cli.language import _
from antiphon.cli.output import Output

app = cyclopts.App(name="token", help="Tokens and sign-ins.")

_PREFIX = "/api/v1/identity"


@app.command
def show(*, json: bool = False, connection: Connection | None = None) -> int:
    """Show what the access token of the sign-in kept here says, as the server reads it.

    Example: antiphon token show

    Parameters
    ----------
    json
        Write JSON lines.
    """
    item = ask(connection, "GET", f"{_PREFIX}/token")
    rows = [
        (_("user"), item["userid"] + (f" ({_('administrator')})" if item["admin"] else "")),
        (_("client"), item["client_id"]),
        (_("scope"), item["scope"]),
        (_("sign-in"), item["session_id"]),
        (_("valid until"), _time(item["expires_at"])),
    ]
    lines = "\n".join(f"{name + ':':<14} {value}" for name, value in rows)
    Output("antiphon.token/1", json).event("token", lines, **item)
    return 0


@app.command
def list(userid: str = "", *, json: bool = False, connection: Connection | None = None) -> int:  # noqa: A001
    """List sign-ins: your own, or as an administrator everybody's.

    Example: antiphon token list alice

    Parameters
    ----------
    userid
        Only this user's.
    json
        Write JSON lines.
    """
    params = {"userid": userid} if userid else {}
    output = Output("antiphon.token/1", json)
    for item in ask(connection, "GET", f"{_PREFIX}/sessions", params=params)["items"]:
        line = (
            f"{item['session_id']:<14} {item['userid']:<20} {_time(item['expires_at'])}  {item['client_id']}"
        )
        output.event("sign-in", line, **item)
    return 0


@app.command
def revoke(
    userid: str = "",
    *,
    session: str = "",
    client: str = "",
    json: bool = False,
    connection: Connection | None = None,
) -> int:
    """End sign-ins: refresh and access tokens are void at once, and SIP, XMPP and HTTP close.

    Example: antiphon token revoke alice

    Parameters
    ----------
    userid
        All sign-ins of this user.
    session
        One sign-in, as `antiphon token list` prints it.
    client
        Only those of this client id.
    json
        Write JSON lines.
    """
    if bool(userid) == bool(session):
        print(_("Name either a user or a sign-in (--session)."), file=sys.stderr)
        return 2
    if session:
        answer = ask(connection, "DELETE", f"{_PREFIX}/sessions/{session}")
    else:
        params = {"userid": userid} | ({"client_id": client} if client else {})
        answer = ask(connection, "DELETE", f"{_PREFIX}/sessions", params=params)
    line = _("Sign-ins ended: {count}").format(count=answer["revoked"])
    Output("antiphon.token/1", json).event("revoked", line, **answer)
    return 0


@app.command
def rotate_key(*, at_once: bool = False, json: bool = False, connection: Connection | None = None) -> int:
    """Sign tokens with a new key from now on. Tokens signed before stay valid until they expire.

    Example: antiphon token rotate-key

    Parameters
    ----------
    at_once
        The old key is in the wrong hands: refuse what it signed now; clients refresh by themselves.
    json
        Write JSON lines.
    """
    output = Output("antiphon.token/1", json)
    for item in ask(connection, "POST", f"{_PREFIX}/keys", json={"at_once": at_once})["items"]:
        output.event("key", f"{item['kid']}  {item['state']}", **item)
    return 0


@app.command
def settings(
    *,
    access_token_minutes: int | None = None,
    refresh_token_days: int | None = None,
    browser_session_minutes: int | None = None,
    implicit_grant: bool | None = None,
    password_grant: bool | None = None,
    json: bool = False,
    connection: Connection | None = None,
) -> int:
    """Show identity's settings, or change those that are named; they are effective at once.

    Example: antiphon token settings --refresh-token-days 30

    Parameters
    ----------
    access_token_minutes
        1 to 1440.
    refresh_token_days
        1 to 90.
    browser_session_minutes
        1 to 10080: how long a browser is not asked for the password again.
    implicit_grant
        Give tokens to old Jabber in the address (response_type=token).
    password_grant
        Let the command line send the password itself.
    json
        Write JSON lines.
    """
    given = {
        "access_token_minutes": access_token_minutes,
        "refresh_token_days": refresh_token_days,
        "browser_session_minutes": browser_session_minutes,
        "implicit_grant": implicit_grant,
        "password_grant": password_grant,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    path = f"{_PREFIX}/settings"
    answer = ask(connection, "PATCH", path, json=changes) if changes else ask(connection, "GET", path)
    lines = "\n".join(f"{name:<26} {value}" for name, value in answer.items())
    Output("antiphon.token/1", json).event("settings", lines, **answer)
    return 0


def _time(wall: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M UTC")
