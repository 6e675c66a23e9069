"""`antiphon`: one file a noun, loaded when it is asked for."""

from __future__ import annotations

import os
import sys

import cyclopts

from antiphon import __version__
from antiphon.cli.language import _
from antiphon.kernel.errors import DomainError

USAGE = 2
NO_COLOUR = "--no-color"


def _default(value: object) -> str | None:
    """Of an option, in its help; none where the default is to leave it out."""
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return None if value in ("", False, None) else str(value)


app = cyclopts.App(
    name="antiphon",
    help="Self-hosted unified communications: chat, presence, calls, one sign-in and one address.\n\n"
    f"`antiphon COMMAND --help` explains a command. {NO_COLOUR}, or NO_COLOR, writes without colours.",
    version=__version__,
    result_action="return_value",
    default_parameter=cyclopts.Parameter(show_default=_default),
)

COMMANDS = {
    "lab": _("Run a whole deployment on this machine"),
    "demo": _("Play the whole flow against the running lab"),
    "discover": _("Find the services of an address, step by step"),
    "doctor": _("Check a deployment and explain what is wrong"),
    "login": _("Sign in"),
    "logout": _("Sign out"),
    "chat": _("Chat"),
    "call": _("Place a call"),
    "answer": _("Wait for a call and answer it"),
    "calls": _("Calls under way"),
    "status": _("Show or set presence"),
    "user": _("Users"),
    "line": _("Lines (directory numbers)"),
    "device": _("Devices"),
    "profile": _("Service profiles and UC services"),
    "edge": _("Edge nodes that may connect over mutual TLS"),
    "cert": _("Certificates"),
    "trust": _("Whom the commands on this machine trust"),
    "token": _("Tokens and sign-ins"),
    "features": _("Print every route, chain step and listener"),
    "config": _("Settings: what there is, and what it is without your doing"),
    "completion": _("Print what a shell needs to complete commands"),
}
MODULES = {"logout": "login", "answer": "call"}
for _name, _help in COMMANDS.items():
    _module = f"antiphon.cli.{MODULES.get(_name, _name)}"
    app.command(f"{_module}:{_name if _name in MODULES else 'app'}", name=_name, help=_help)


def main(argv: list[str] | None = None) -> None:
    """Run one command. Exit codes: 0 ok, 1 failed, 2 usage, 3 problems found, 4 not reachable, 5 permission, 75 retry."""
    words = sys.argv[1:] if argv is None else argv
    if NO_COLOUR in words:
        os.environ["NO_COLOR"] = "1"
        words = [word for word in words if word != NO_COLOUR]
    try:
        result = app(words, exit_on_error=False)
    except cyclopts.CycloptsError:
        sys.exit(USAGE)  # what was wrong has been printed
    except DomainError as error:
        print_fault(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(result if isinstance(result, int) else 0)


def print_fault(error: DomainError) -> None:
    """Code, what is wrong, and what to do: three short lines on standard error."""
    detail = f" ({error.detail})" if error.detail else ""
    print(f"{error.code}: {_(error.fault.what)}{detail}", file=sys.stderr)
    print(f"  {_(error.fault.fix)}", file=sys.stderr)


if __name__ == "__main__":
    main()
