"""Findings about ports, the directory, the profile, tokens and SIP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.client.doctor.patients import codes, examined, report, sound
from tests.client.lab import BEARER, DIGEST, MISMATCH, NODES, Plan, challenge, running
from tests.services.provisioning.example import DEFAULT, DEVICE

from antiphon.model import SecurityMode, ServiceKind, UcService
from antiphon.protocols.dns.authority import Record


async def test_ports_where_nobody_listens_are_found() -> None:
    result = await report(Plan(http=False, sip={}))
    closed = {finding.where for finding in result.findings if finding.code == "AP-NET-001"}
    assert closed == {f"{NODES[0]}:8443", f"{NODES[1]}:8443", f"{NODES[0]}:5061"}


async def test_a_directory_that_does_not_answer_is_found() -> None:
    result = await report(Plan(http=False))
    assert "AP-DOC-101" in codes(result)
    assert next(r for r in result.results if r.name == "tokens").skipped


async def test_files_that_are_not_served_are_found() -> None:
    result = await report(Plan(files=False))
    assert {"AP-NET-001", "AP-DOC-201", "AP-DOC-501"} <= set(codes(result))


async def test_another_service_on_the_port_of_the_directory_is_found() -> None:
    def elsewhere(records: tuple[Record, ...]) -> Iterable[Record]:
        changed = [r for r in sound(records) if "cisco-uds" not in r.name]
        return [*changed, Record("_cisco-uds._tcp.example.test", "SRV", "0 0 6972 cucm1.example.test.")]

    assert "AP-DOC-102" in codes(await report(Plan(records=elsewhere)))


async def test_a_user_nobody_knows_is_found() -> None:
    assert codes(await report(Plan(), user="mallory@example.test")) == ["AP-DOC-105"]
    assert codes(await report(Plan(), user="bob@example.test")) == []


async def test_profile_servers_that_cannot_be_found_are_named() -> None:
    plan = Plan(records=lambda records: [r for r in sound(records) if not r.name.startswith("imp2")])
    result = await report(plan)
    assert [(f.code, f.seen) for f in result.findings] == [("AP-DOC-204", "imp2.example.test: no such name")]


async def test_profile_servers_named_by_address_and_profiles_without_chat_are_found() -> None:
    async with running(Plan(records=sound)) as lab:
        lab.directory.keep(UcService("vm", "s3", ServiceKind.VOICEMAIL, "192.0.2.7"))
        lab.directory.keep(replace(DEFAULT, services=((ServiceKind.VOICEMAIL, ("vm",)),)))
        result = await examined(lab.plan, lab)
    assert codes(result) == ["AP-DOC-202", "AP-DOC-203"]


async def test_a_voice_services_domain_that_is_the_services_domain_is_found() -> None:
    parameters = (("Policies", "VoiceServicesDomain", "Example.Test"),)
    assert codes(await report(Plan(parameters={"jabber-config.xml": parameters}))) == ["AP-DOC-206"]


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"metadata": False}, "AP-DOC-401"),
        ({"issuer": "https://other.example.test:8443"}, "AP-DOC-402"),
        ({"issuer": "http://cucm1.example.test"}, "AP-DOC-403"),
        ({"keys": []}, "AP-DOC-404"),
        ({"keys": [{"kty": "EC", "use": "enc"}]}, "AP-DOC-404"),
        ({"keys": [{"kty": "EC", "d": "secret"}]}, "AP-DOC-405"),
    ],
)
async def test_broken_authorization_servers_are_found(broken: dict[str, Any], code: str) -> None:
    result = await report(Plan(**broken))
    assert code in codes(result)
    assert all("secret" not in finding.seen for finding in result.findings)


@pytest.mark.parametrize(
    ("oauth", "answers", "expected"),
    [
        (True, {5090: BEARER, 5061: DIGEST}, []),
        (False, {5090: BEARER, 5061: DIGEST}, []),
        (True, {5090: MISMATCH, 5061: DIGEST}, ["AP-DOC-502"]),
        (False, {5090: BEARER, 5061: MISMATCH}, ["AP-DOC-502"]),
        (True, {5090: DIGEST, 5061: DIGEST}, ["AP-DOC-503"]),
        (False, {5090: BEARER, 5061: BEARER}, ["AP-DOC-503"]),
        (True, {5090: challenge("200 OK", "Expires: 120"), 5061: DIGEST}, ["AP-DOC-503"]),
        (True, {5061: DIGEST}, ["AP-DOC-504"]),
        (True, {5090: b"HTTP/1.1 400 Bad Request\r\n\r\n", 5061: DIGEST}, ["AP-DOC-504"]),
        (True, {5090: b"", 5061: DIGEST}, ["AP-DOC-504"]),
        (True, {5090: BEARER, 5091: BEARER, 5061: DIGEST}, ["AP-DOC-507"]),
    ],
)
async def test_device_file_and_server_are_compared(
    oauth: bool, answers: dict[int, bytes], expected: list[str]
) -> None:
    assert codes(await report(Plan(device=replace(DEVICE, sip_oauth=oauth), sip=answers))) == expected


async def test_a_device_without_tls_is_pointed_out() -> None:
    device = replace(DEVICE, sip_oauth=False, security_mode=SecurityMode.NON_SECURE)
    result = await report(Plan(device=device))
    assert codes(result) == ["AP-DOC-504", "AP-DOC-506"]  # nobody serves 5060 in this deployment


async def test_a_device_nobody_has_added_is_found() -> None:
    assert codes(await report(Plan(), devices=("CSFNOBODY",))) == ["AP-DOC-501"]


async def test_every_finding_explains_itself() -> None:
    result = await report(Plan(http=False, files=False, sip={}))
    for finding in result.findings:
        document = finding.as_json()
        assert all(document[name] for name in ("code", "severity", "where", "what", "why", "fix"))
    assert result.as_json()["problems"] == len(result.problems)
