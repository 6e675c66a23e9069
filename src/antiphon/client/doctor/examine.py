"""All checks, one after the other: later ones build on what earlier ones have learned."""

from __future__ import annotations

import time

from antiphon.client.doctor.certificates import Certificates
from antiphon.client.doctor.directory import DirectoryService
from antiphon.client.doctor.findings import Check, Report, Result, Tell
from antiphon.client.doctor.patient import Patient
from antiphon.client.doctor.ports import Ports
from antiphon.client.doctor.profile import ServiceProfileFile
from antiphon.client.doctor.records import ServiceRecords
from antiphon.client.doctor.sip import SipSides
from antiphon.client.doctor.tokens import Tokens

CHECKS: tuple[Check, ...] = (
    ServiceRecords(),
    Ports(),
    Certificates(),
    DirectoryService(),
    ServiceProfileFile(),
    Tokens(),
    SipSides(),
)


def _silent(result: Result) -> None:
    """Nobody wants to hear."""


async def examine(patient: Patient, tell: Tell = _silent, checks: tuple[Check, ...] = CHECKS) -> Report:
    """Each result is told as its check ends."""
    report = Report(patient.domain)
    for check in checks:
        result = Result(check.name, check.title)
        started = time.monotonic()
        await check.look(patient, result)
        result.took_s = time.monotonic() - started
        report.results.append(result)
        tell(result)
    return report
