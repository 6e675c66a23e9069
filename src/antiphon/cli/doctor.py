"""`antiphon doctor example.test`: what is wrong with a deployment, why, and what to do."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from antiphon.client.doctor import Finding, Report, Result
    from antiphon.client.environment import Environment

app = cyclopts.App(name="doctor", help="Check a deployment and explain what is wrong.")

FOUND_PROBLEMS = 3

_INDENT = " " * 12
_WIDTH = 110


@app.default
def doctor(
    domain: str,
    *,
    json_: Annotated[bool, cyclopts.Parameter(name="--json", negative="")] = False,
    resolver: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_RESOLVER")] = "",
    ca_file: Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_CA_FILE")] = "",
    device: tuple[str, ...] = (),
    user: str = "",
    verbose: Annotated[bool, cyclopts.Parameter(name=["--verbose", "-v"], negative="")] = False,
) -> int:
    """Check DNS, ports, certificates, directory, service profile, tokens and SIP of a deployment, as a client sees them.

    Each finding has a code, says where, what was seen, why it matters and what to do. Nothing is changed and nobody is
    signed in. With a kept sign-in for the domain (`antiphon login`) the user's own devices are checked.

    Exit codes: 0 no problems (warnings may be there), 3 problems found.

    Example: antiphon doctor example.test

    Parameters
    ----------
    domain
        The services domain, e.g. example.test; of an address the part after the @ is taken, and the user looked for.
    json_
        Print one JSON document (schema antiphon.doctor/1) instead of lines.
    resolver
        Ask this name server, e.g. 127.0.0.1:5300, instead of the system's.
    ca_file
        Trust the authorities in this PEM file too.
    device
        A device whose file is compared with the server; may be given more than once.
    user
        A user name or mail address to look for in the directory.
    verbose
        List what is as it should be, too.
    """
    from antiphon.client.environment import Environment
    from antiphon.protocols.dns.names import normalise

    local, at, rest = domain.rpartition("@")
    try:
        environment = Environment.parse(resolver, ca_file)
        domain = normalise(rest)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if at and not user:
        user = f"{local}@{domain}"
    return asyncio.run(_doctor(domain, environment, device, user, json_, verbose))


async def _doctor(
    domain: str, environment: Environment, devices: tuple[str, ...], user: str, as_json: bool, verbose: bool
) -> int:
    from antiphon.client.doctor import Patient, examine
    from antiphon.client.http import Http

    resolver, context = environment.open_resolver(), environment.tls_context()
    # What this person has accepted may be read on with; the certificates are judged as everybody else sees them.
    async with Http(resolver, environment.context_for) as http:
        named = devices or await _own_devices(domain)
        patient = Patient(domain, resolver, http, context, user=user, devices=named)
        printer = _Printer(verbose)
        report = await examine(patient, (lambda result: None) if as_json else printer.result)
    if as_json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        printer.conclusion(report)
    return FOUND_PROBLEMS if report.problems else 0


async def _own_devices(domain: str) -> tuple[str, ...]:
    """The devices of whoever is signed in at this domain; none without a sign-in."""
    from antiphon.client.session import load_session
    from antiphon.kernel.errors import DomainError

    try:
        async with load_session() as session:
            if session.domain != domain:
                return ()
            return tuple(device.name for device in await session.devices())
    except DomainError:
        return ()


class _Printer:
    """One line a check, and a block for each finding."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def result(self, result: Result) -> None:
        if result.skipped:
            mark, text = self._paint("skipped", "2"), result.skipped
        elif result.findings:
            mark, text = (
                self._paint("findings", "31"),
                f"{len(result.findings)}, {len(result.good)} as it should be",
            )
        else:
            mark, text = self._paint("ok", "32"), f"{len(result.good)} as it should be"
        print(f"{result.title:<42} {mark}: {text}")
        if self._verbose:
            for line in result.good:
                print(f"  + {line}")
        for finding in result.findings:
            self._finding(finding)
        sys.stdout.flush()

    def _finding(self, finding: Finding) -> None:
        severity = finding.problem.severity.value
        colour = "31" if severity == "problem" else "33"
        print(f"  {self._paint(finding.code, colour)} {severity}: {finding.where}")
        if finding.seen:
            print(f"{_INDENT}seen  {finding.seen}")
        self._block("what", finding.problem.what)
        self._block("why ", finding.problem.why)
        self._block("fix ", finding.problem.fix)

    def conclusion(self, report: Report) -> None:
        problems, all_ = len(report.problems), len(report.findings)
        print()
        print(f"{report.domain}: {_count(problems, 'problem')}, {_count(all_ - problems, 'warning')}")

    @staticmethod
    def _block(label: str, text: str) -> None:
        first, after = f"{_INDENT}{label}  ", f"{_INDENT}{' ' * len(label)}  "
        print(textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=after))

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
