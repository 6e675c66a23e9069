"""`antiphon doctor`, as a person runs it."""

from __future__ import annotations

import json

from tests.cli.command import Run, antiphon, ca_file, options
from tests.client.doctor.patients import sound
from tests.client.lab import Plan, running

__all__ = ["antiphon", "ca_file"]  # fixtures

from antiphon.protocols.dns.authority import Record


async def test_a_sound_deployment_gets_a_clean_bill(antiphon: Run, ca_file: str) -> None:
    async with running(Plan(records=sound)) as lab:
        arguments = ["doctor", "alice@example.test", "--device", "CSFALICE", "-v", *options(lab, ca_file)]
        code, out, err = await antiphon(*arguments)
    assert (code, err) == (0, "")
    assert "example.test: no problems, no warnings" in out
    assert "+ alice@example.test: home cluster cucm1.example.test" in out
    assert "asks for bearer" in out


async def test_a_typo_in_dns_is_explained_and_the_exit_code_is_three(antiphon: Run, ca_file: str) -> None:
    typo = Record("_cisco_uds._tcp.example.test", "SRV", "0 0 8443 cucm1.example.test.")
    async with running(Plan(records=lambda records: [*sound(records), typo])) as lab:
        code, out, _ = await antiphon("doctor", "example.test", *options(lab, ca_file))
        _, document, _ = await antiphon("doctor", "example.test", "--json", *options(lab, ca_file))
    assert code == 3
    assert "AP-DNS-003 problem: _cisco_uds._tcp.example.test" in out
    assert all(label in out for label in ("seen  ", "what  ", "why   ", "fix   "))
    report = json.loads(document)
    assert (report["schema"], report["problems"]) == ("antiphon.doctor/1", 1)
    found = [finding for check in report["checks"] for finding in check["findings"]]
    assert [(finding["code"], finding["severity"]) for finding in found] == [("AP-DNS-003", "problem")]


async def test_what_is_no_domain_is_a_usage_error(antiphon: Run) -> None:
    code, _, err = await antiphon("doctor", "127.0.0.1")
    assert code == 2
    assert "not a domain name" in err
