"""Deployments to examine, sound and broken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.client.lab import Lab, Plan, running

from antiphon.client.doctor import Patient, Report, examine
from antiphon.client.http import Http
from antiphon.protocols.dns.authority import Record

XMPP = ("xmpp-client", "xmpps-client", "xmpp-server")


def sound(records: tuple[Record, ...]) -> Iterable[Record]:
    """Without chat and plain SIP, which nobody serves in these tests."""
    left_out = (*XMPP, "_sip.")
    yield from (record for record in records if not any(name in record.name for name in left_out))
    yield Record("imp2.example.test", "A", "127.0.0.1")
    yield Record("cuc1.example.test", "A", "127.0.0.1")


async def examined(plan: Plan, lab: Lab, **changes: Any) -> Report:
    async with Http(lab.resolver(), lab.trust()) as http:
        patient = Patient(
            "example.test", lab.resolver(), http, lab.trust(), devices=("CSFALICE",), user="alice"
        )
        for name, value in changes.items():
            setattr(patient, name, value)
        return await examine(patient)


async def report(plan: Plan, **changes: Any) -> Report:
    if plan.records is Plan().records:
        plan.records = sound
    async with running(plan) as lab:
        return await examined(plan, lab, **changes)


def codes(report: Report) -> list[str]:
    return sorted({finding.code for finding in report.findings})
