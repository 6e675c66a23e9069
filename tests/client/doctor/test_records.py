"""Findings about DNS."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from tests.client.doctor.patients import codes, report
from tests.client.lab import Plan, running

from antiphon.client.doctor import Patient, examine
from antiphon.client.doctor.records import ServiceRecords
from antiphon.client.http import Http
from antiphon.io.dns_client import Resolver
from antiphon.kernel.core import Address
from antiphon.protocols.dns.authority import Record

Change = Callable[[tuple[Record, ...]], Iterable[Record]]
UDS = "_cisco-uds._tcp.example.test"


def plus(*extra: Record) -> Change:
    return lambda records: [*records, *extra]


async def findings(change: Change) -> list[tuple[str, str]]:
    plan = Plan(records=change, http=False, files=False, sip={})
    async with running(plan) as lab, Http(lab.resolver(), lab.trust()) as http:
        patient = Patient("example.test", lab.resolver(), http, lab.trust())
        result = await examine(patient, checks=(ServiceRecords(),))
    return [(finding.code, finding.where) for finding in result.findings]


async def test_a_sound_deployment_has_no_findings_at_all() -> None:
    result = await report(Plan())
    assert codes(result) == [], [(f.code, f.where, f.seen) for f in result.findings]
    assert not any(r.skipped for r in result.results)
    assert all(r.good for r in result.results)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: [], ("AP-DNS-001", "example.test")),
        (
            plus(Record("_cisco_uds._tcp.example.test", "SRV", "0 0 8443 cucm1.example.test.")),
            ("AP-DNS-003", "_cisco_uds._tcp.example.test"),
        ),
        (plus(Record(UDS, "SRV", "0 0 8443 127.0.0.1.")), ("AP-DNS-004", UDS)),
        (plus(Record(UDS, "SRV", "0 0 8443 gone.example.test.")), ("AP-DNS-005", UDS)),
        (
            plus(Record("_sip._tcp.example.test", "SRV", "0 0 5060 elsewhere.example.org.")),
            ("AP-DNS-005", "_sip._tcp.example.test"),
        ),
    ],
)
async def test_broken_records_are_found(change: Change, expected: tuple[str, str]) -> None:
    assert await findings(change) == [expected]


async def test_both_views_at_once_are_found() -> None:
    edge = Record("_collab-edge._tls.example.test", "SRV", "0 0 8443 cucm1.example.test.")
    assert [code for code, _ in await findings(plus(edge))] == ["AP-DNS-006"]


async def test_a_service_that_is_refused_is_found() -> None:
    def refused(records: tuple[Record, ...]) -> Iterable[Record]:
        return [
            *(r for r in records if "_sips" not in r.name),
            Record("_sips._tcp.example.test", "SRV", "0 0 0 ."),
        ]

    assert await findings(refused) == [("AP-DNS-007", "_sips._tcp.example.test")]


async def test_name_servers_that_do_not_answer_are_found() -> None:
    resolver = Resolver(Address("127.0.0.1", 9), timeout_s=0.3)
    async with running(Plan(http=False, files=False, sip={})) as lab, Http(resolver, lab.trust()) as http:
        result = await examine(Patient("example.test", resolver, http, lab.trust()))
    assert codes(result) == ["AP-DNS-002"]
