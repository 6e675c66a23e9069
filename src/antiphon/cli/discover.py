"""`antiphon discover alice@example.test`: the way from an address to the servers, each step as it happens."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import read_secret

if TYPE_CHECKING:
    from antiphon.client.discovery import Bootstrap, Found, Provisioned, Step
    from antiphon.client.environment import Environment

app = cyclopts.App(name="discover", help="Find the services of an address, step by step.")

NOT_FOUND, NOT_REACHABLE = 1, 4

_COLOURS = {"ok": "32", "absent": "33", "failed": "31", "skipped": "2"}


@app.default
def discover(
    address: str,
    *,
    json_: Annotated[bool, cyclopts.Parameter(name="--json", negative="")] = False,
    resolver: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_RESOLVER")] = "",
    ca_file: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_CA_FILE")] = "",
    link: str = "",
    bootstrap_file: Path | None = None,
    voice_services_domain: str = "",
    excluded_services: str = "",
    cached: bool = False,
    password_file: Annotated[str, cyclopts.Parameter(allow_leading_hyphen=True)] = "",
) -> int:
    """Find the services of an address, and print what was asked, what came back and what follows from it.

    With a sign-in for the address (`antiphon login`), or a password, it goes on to the service profile,
    the client configuration and the devices.

    Exit codes: 0 found, 1 nothing found, 4 nobody answers.

    Example: antiphon discover alice@example.test

    Parameters
    ----------
    address
        For example alice@example.test.
    json_
        Print one JSON document (schema antiphon.discovery/1) instead of lines.
    resolver
        Ask this name server, e.g. 127.0.0.1:5300, instead of the system's.
    ca_file
        Trust the authorities in this PEM file too.
    link
        A configuration link: ciscojabber://provision?ServicesDomain=…
    bootstrap_file
        A bootstrap file of an installation.
    voice_services_domain
        Look for the service records in this domain.
    excluded_services
        Do not ask these: any of WEBEX, CUCM, CUP, separated by commas.
    cached
        Use what was found before, as a client does at its next start, and keep what is found now.
    password_file
        A file whose first line is the password for the address; - reads it from standard input.
    """
    from antiphon.client.discovery.bootstrap import Bootstrap, parse_link, parse_switches
    from antiphon.client.environment import Environment

    given = Bootstrap.of(
        {"VoiceServicesDomain": voice_services_domain, "ServiceDiscoveryExcludedServices": excluded_services}
    )
    if link:
        given = given.over(parse_link(link))
    if bootstrap_file is not None:
        given = given.over(parse_switches(bootstrap_file.read_text("utf-8")))
    try:
        environment = Environment.parse(resolver, ca_file)
        password = read_secret(password_file) if password_file else None
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return asyncio.run(_discover(address, environment, given, json_, cached, password))


async def _discover(
    address: str,
    environment: Environment,
    bootstrap: Bootstrap,
    as_json: bool,
    cached: bool,
    password: str | None,
) -> int:
    from antiphon.client.discovery.cache import DiscoveryCache
    from antiphon.client.discovery.explore import Explorer
    from antiphon.client.discovery.record import silent
    from antiphon.client.discovery.walk import Discoverer
    from antiphon.client.http import Http

    tell = silent if as_json else _Printer()
    cache = DiscoveryCache() if cached else None
    resolver = environment.open_resolver()
    async with Http(resolver, environment.context_for) as http:
        walk = Discoverer(resolver, http, bootstrap=bootstrap, cache=cache, tell=tell)
        found = await walk.discover(address)
        result: Provisioned | None = None
        bearer = await _token(found.address) if password is None else ""
        if found.home and (bearer or password is not None):
            basic = (found.userid, password) if password is not None else None
            result = await Explorer(http, bearer=bearer, basic=basic, cache=cache, tell=tell).explore(found)
    if as_json:
        print(json.dumps(_document(found, result), indent=2, ensure_ascii=False))
    else:
        _conclude(found, result)
    return _exit_code(found, result)


async def _token(address: str) -> str:
    """An access token of the kept sign-in for this address; empty without one."""
    from antiphon.client.session import load_session
    from antiphon.kernel.errors import DomainError

    try:
        async with load_session(address) as session:
            return await session.token()
    except DomainError:
        return ""


class _Printer:
    """Prints steps as they end, numbered."""

    def __init__(self) -> None:
        self._count = 0
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def __call__(self, step: Step) -> None:
        self._count += 1
        took = f"  {step.took_s * 1000:.0f} ms" if step.took_s else ""
        print(f"{self._count:>3}. {step.name:<18} {step.asked}{took}")
        mark = step.verdict.value
        if self._coloured:
            mark = f"\x1b[{_COLOURS[mark]}m{mark}\x1b[0m"
        if step.answered:
            print(f"{'':<24}{step.answered}")
        print(f"{'':<24}{mark}: {step.conclusion}", flush=True)


def _document(found: Found, result: Provisioned | None) -> dict[str, object]:
    document: dict[str, object] = found.as_json()
    document["provisioned"] = result.as_json() if result is not None else None
    return document


def _conclude(found: Found, result: Provisioned | None) -> None:
    print()
    if found.home:
        line = _("{where}; home cluster {home}, user {user}")
        print(line.format(where=found.where.value, home=found.home, user=found.userid))
        if result is None:
            line = _("Sign in to read the profile and the devices: antiphon login {address}")
            print(line.format(address=found.address))
    elif found.servers:
        print(f"{found.where.value}; {', '.join(record.target for record in found.servers)}")
    else:
        print(found.where.value)


def _exit_code(found: Found, result: Provisioned | None) -> int:
    from antiphon.client.discovery import Where

    if found.home:
        return NOT_FOUND if result is not None and result.failed else 0
    asked_for_home = any(step.name == "home cluster" for step in found.steps)
    if found.where is Where.OUTSIDE or (found.where is Where.INSIDE and not asked_for_home):
        return 0
    return NOT_REACHABLE if found.failed else NOT_FOUND
