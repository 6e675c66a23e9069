"""`antiphon calls`: the calls under way, for administrators."""

from __future__ import annotations

import sys
from urllib.parse import quote

import cyclopts

from antiphon.cli.asking import ask
from antiphon.cli.entries import Connection, Json
from antiphon.cli.language import _
from antiphon.cli.output import Output

app = cyclopts.App(name="calls", help="The calls under way.")

_SCHEMA = "antiphon.calls/1"
_PATH = "/api/v1/calls"
_ROW = "{:<18} {:<12} {:<12} {:<13} {}"


@app.command
def list(number: str = "", *, json: Json = False, connection: Connection | None = None) -> int:  # noqa: A001
    """List the calls under way, the oldest first.

    Parameters
    ----------
    number
        Only those of this line.
    json
        Write JSON lines.
    """
    params = {"limit": "1000"} | ({"number": number} if number else {})
    output = Output(_SCHEMA, json)
    if not json:
        print(_ROW.format(_("CALL"), _("FROM"), _("TO"), _("STATE"), _("SINCE")))
    for item in ask(connection, "GET", _PATH, params=params)["items"]:
        since = _time(item["started_at"])
        line = _ROW.format(item["call_id"], item["calling"], item["called"], item["state"], since)
        output.event("call", line, **item)
    return 0


@app.command
def end(call: str = "", *, number: str = "", json: Json = False, connection: Connection | None = None) -> int:
    """End a call, or every call of a line: all who take part are hung up.

    Example: antiphon calls end --number 1001

    Parameters
    ----------
    call
        The call, as `antiphon calls list` prints it.
    number
        The line whose calls are to end.
    json
        Write JSON lines.
    """
    if bool(call) == bool(number):
        print(_("Name either a call or a line (--number)."), file=sys.stderr)
        return 2
    if call:
        answer = ask(connection, "DELETE", f"{_PATH}/{quote(call, safe='')}")
    else:
        answer = ask(connection, "DELETE", _PATH, params={"number": number})
    line = _("Calls ended: {count}").format(count=answer["ended"])
    Output(_SCHEMA, json).event("ended", line, **answer)
    return 0


def _time(wall: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
