"""The algorithm against a running deployment."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from tests.client.lab import NODES, Lab, Plan, running
from tests.services.provisioning.example import DEVICE

from antiphon.client.discovery import Bootstrap, Discoverer, Explorer, Step, Verdict, Where, discover
from antiphon.client.discovery.cache import DiscoveryCache
from antiphon.client.http import Http
from antiphon.io.http import HttpServers
from antiphon.kernel.errors import DomainError
from antiphon.protocols.dns.authority import Record


def http(lab: Lab) -> Http:
    return Http(lab.resolver(), lab.trust())


async def test_from_an_address_to_the_home_cluster_and_how_to_sign_in() -> None:
    told: list[Step] = []
    async with running() as lab, http(lab) as client:
        found = await discover("Alice@Example.Test", lab.resolver(), client, told.append)
    assert found.where is Where.INSIDE
    assert (found.home, found.userid, found.version) == (f"https://{NODES[0]}:8443", "alice", "12.5.1")
    assert found.cluster_servers == (NODES[0],)
    assert found.sign_on is not None
    assert (found.sign_on.sso, found.sign_on.code_grant) == (False, True)
    assert found.endpoints is not None
    assert found.endpoints.issuer == lab.base
    assert [step.name for step in told] == [
        "address", "dns", "dns", "dns", "place", "home cluster", "servers", "version", "sign-on", "authorization",
    ]  # fmt: skip
    assert not found.failed
    assert all(step.took_s > 0 for step in told if step.name in ("dns", "servers", "version"))
    assert found.as_json()["where"] == "inside"


async def test_a_user_is_found_by_name_when_the_address_is_no_mail_address() -> None:
    async with running() as lab, http(lab) as client:
        found = await discover("bob@example.test", lab.resolver(), client)
    homes = [step for step in found.steps if step.name == "home cluster"]
    assert [step.verdict for step in homes] == [Verdict.ABSENT, Verdict.OK]
    assert found.userid == "bob"


async def test_a_stranger_has_no_home_cluster() -> None:
    async with running() as lab, http(lab) as client:
        found = await discover("mallory@example.test", lab.resolver(), client)
    assert found.where is Where.INSIDE
    assert found.home == ""


def only_edge(records: tuple[Record, ...]) -> Iterable[Record]:
    return [Record("_collab-edge._tls.example.test", "SRV", "0 0 8443 edge1.example.test.")]


async def test_with_an_edge_alone_the_client_is_outside() -> None:
    async with running(Plan(records=only_edge, http=False, files=False, sip={})) as lab, http(lab) as client:
        found = await discover("alice@example.test", lab.resolver(), client)
    assert found.where is Where.OUTSIDE
    assert [record.target for record in found.servers] == ["edge1.example.test"]
    assert not found.failed


async def test_without_any_record_nothing_is_found_and_that_is_said() -> None:
    plan = Plan(records=lambda _: (), http=False, files=False, sip={})
    async with running(plan) as lab, http(lab) as client:
        found = await discover("alice@example.test", lab.resolver(), client)
    assert found.where is Where.NOTHING
    assert found.steps[-1].verdict is Verdict.ABSENT


async def test_a_directory_node_that_is_down_is_passed_over() -> None:
    def two(records: tuple[Record, ...]) -> Iterable[Record]:
        dead = [
            Record("_cisco-uds._tcp.example.test", "SRV", "0 0 9 cucm1.example.test."),
            Record("_cisco-uds._tcp.example.test", "SRV", "5 0 8443 cucm1.example.test."),
        ]
        return [*(record for record in records if "cisco-uds" not in record.name), *dead]

    async with running(Plan(records=two)) as lab, http(lab) as client:
        found = await discover("alice@example.test", lab.resolver(), client)
    verdicts = [step.verdict for step in found.steps if step.name == "home cluster"]
    assert verdicts == [Verdict.FAILED, Verdict.OK]
    assert found.home


async def test_the_voice_services_domain_is_where_the_records_are() -> None:
    def moved(records: tuple[Record, ...]) -> Iterable[Record]:
        return [
            r._replace(name=r.name.replace("example.test", "voice.test")) if r.kind == "SRV" else r
            for r in records
        ]

    async with running(Plan(records=moved)) as lab, http(lab) as client:
        walk = Discoverer(lab.resolver(), client, bootstrap=Bootstrap(voice_services_domain="voice.test"))
        found = await walk.discover("alice@example.test")
    assert (found.domain, found.voice_domain) == ("example.test", "voice.test")
    assert found.home


async def test_with_every_source_excluded_nothing_is_asked() -> None:
    async with running() as lab, http(lab) as client:
        bootstrap = Bootstrap(excluded=frozenset({"WEBEX", "CUCM"}))
        found = await Discoverer(lab.resolver(), client, bootstrap=bootstrap).discover("alice@example.test")
    assert found.where is Where.MANUAL
    assert lab.requests == []


async def test_what_is_no_address_is_refused() -> None:
    async with running(Plan(http=False, files=False, sip={})) as lab, http(lab) as client:
        with pytest.raises(DomainError, match="AP-DISC-001"):
            await discover("alice", lab.resolver(), client)


async def test_the_next_start_uses_what_was_found_after_checking_it(tmp_path: Path) -> None:
    async with running() as lab, http(lab) as client:
        walk = Discoverer(lab.resolver(), client, cache=DiscoveryCache(tmp_path))
        await walk.discover("alice@example.test")
        lab.requests.clear()
        again = await walk.discover("alice@example.test")
    assert again.cached
    assert again.home == f"https://{NODES[0]}:8443"
    assert "/cucm-uds/clusterUser" not in lab.requests
    assert "/cucm-uds/version" in lab.requests


async def test_a_cached_home_that_is_gone_is_asked_for_again(tmp_path: Path) -> None:
    async with running() as lab, http(lab) as client:
        cache = DiscoveryCache(tmp_path)
        walk = Discoverer(lab.resolver(), client, cache=cache)
        found = await walk.discover("alice@example.test")
        found.home = "https://gone.example.test:8443"
        cache.keep(found, str(lab.resolver()))
        again = await walk.discover("alice@example.test")
    assert not again.cached
    assert again.home == f"https://{NODES[0]}:8443"
    assert not again.failed


async def test_what_the_home_cluster_has_for_the_user_is_read(tmp_path: Path) -> None:
    group = (("Policies", "EnableSIPURIDialling", "false"), ("Policies", "VoiceServicesDomain", "voice.test"))
    plan = Plan(parameters={"group.xml": group})
    cache = DiscoveryCache(tmp_path)
    async with running(plan) as lab, http(lab) as client:
        lab.change_device(support_field="configurationfile=group.xml")
        found = await discover("alice@example.test", lab.resolver(), client)
        result = await Explorer(client, bearer="token-alice", cache=cache).explore(found)
    assert not result.failed, result.steps
    assert [address.host for address in result.services.of("IMandPresence")] == [
        "imp1.example.test",
        "imp2.example.test",
    ]
    assert [device.name for device in result.devices] == [DEVICE.name]
    settings = result.settings[DEVICE.name]
    assert (settings.lines[0].number, settings.members[0].host, settings.sip_oauth) == (
        "1001",
        NODES[0],
        True,
    )
    # The profile says true, the file false: the profile counts. The file alone names the domain.
    assert result.parameters == {"EnableSIPURIDialling": "true", "VoiceServicesDomain": "voice.test"}
    assert (result.authenticator, result.product_mode) == ("IM and Presence", "full UC")
    assert cache.bootstrap("example.test").voice_services_domain == "voice.test"


async def test_without_a_good_proof_the_step_says_so() -> None:
    async with running() as lab, http(lab) as client:
        found = await discover("alice@example.test", lab.resolver(), client)
        result = await Explorer(client, basic=("alice", "wrong")).explore(found)
    assert result.failed
    assert result.steps[-1].conclusion == "the sign-in was not accepted"


async def test_the_cloud_is_asked_only_when_its_address_is_given() -> None:
    async def cas(_: object) -> Response:
        return Response("<wbxapi><errorcode>1</errorcode></wbxapi>", media_type="text/xml")

    servers = HttpServers()
    async with running() as lab, http(lab) as client:
        address = await servers.serve(lab.host, 0, Starlette(routes=[Route("/cas", cas)]))
        walk = Discoverer(lab.resolver(), client, cloud_lookup=f"http://{address}/cas")
        found = await walk.discover("alice@example.test")
        await servers.close()
    cloud = next(step for step in found.steps if step.name == "cloud")
    assert cloud.verdict is Verdict.ABSENT
    assert "org=example.test" in cloud.asked
    assert found.home
