"""Port 5091 of a running node: mutual TLS, and the list of edge nodes. Source: S3-19 … S3-21, S3-42, S3-43."""

from __future__ import annotations

import json
import logging
import ssl
from pathlib import Path

import pytest
from tests.roles.conftest import RunningNode
from tests.roles.sip_client import SipClient

from antiphon.model import EdgeNode
from antiphon.protocols.x509.issue import Authority, certificates_pem
from antiphon.protocols.x509.names import Names

EDGE = Names(dns_names=("expc1.example.test", "expc.example.test"), common_names=("expc1.example.test",))
OTHER = Names(dns_names=("elsewhere.example.test",), common_names=("elsewhere.example.test",))


async def connect(node: RunningNode, context: ssl.SSLContext) -> SipClient:
    return await SipClient.connect(node.node.address, 5091, context)


async def test_a_phone_registers_through_an_edge_node_of_the_list_until_that_is_removed(
    node: RunningNode, foreign: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    imported = await node.ask("POST", "/api/v1/trust/authorities", certificates_pem(foreign.certificate))
    assert imported[0] == 201
    edge = {"name": "10.1.1.1", "description": "the pair of Lyon", "subject_names": ["EXPC.example.test"]}
    assert (await node.ask("POST", "/api/v1/edge-nodes", json.dumps(edge).encode()))[0] == 201
    client = await connect(node, node.context(tmp_path, (foreign, EDGE)))
    answer = await client.register("1001", "CSFALICE", await node.token("alice"))
    assert answer.status == 200
    assert [binding.device for binding in node.services.registrar.bindings("1001")] == ["CSFALICE"]

    with caplog.at_level(logging.WARNING):
        assert await node.ask("DELETE", "/api/v1/edge-nodes/10.1.1.1") == (204, None)
    assert node.services.registrar.bindings("1001") == ()
    await client.ended()
    await client.close()
    (record,) = [each for each in caplog.records if getattr(each, "code", "") == "AP-SIP-007"]
    assert record.__dict__["names"].startswith("expc1.example.test, expc.example.test")


async def test_another_change_of_the_list_disturbs_nobody(
    node: RunningNode, foreign: Authority, tmp_path: Path
) -> None:
    node.trust.trust(certificates_pem(foreign.certificate))
    directory = node.services.directory
    await directory.put_edge_node(EdgeNode("expc1.example.test", ""))
    client = await connect(node, node.context(tmp_path, (foreign, EDGE)))
    token = await node.token("alice")
    assert (await client.register("1001", "CSFALICE", token)).status == 200
    await directory.put_edge_node(EdgeNode("expc2.example.test", ""))
    await directory.remove_edge_node("expc2.example.test")
    assert (await client.register("1001", "CSFALICE", token)).status == 200
    await client.close()


async def test_a_certificate_whose_names_are_not_in_the_list_is_turned_away(
    node: RunningNode, foreign: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node.trust.trust(certificates_pem(foreign.certificate))
    await node.services.directory.put_edge_node(EdgeNode("expc1.example.test", ""))
    with caplog.at_level(logging.WARNING):
        client = await connect(node, node.context(tmp_path, (foreign, OTHER)))
        await client.ended()
    await client.close()
    assert "AP-SIP-007" in [getattr(record, "code", "") for record in caplog.records]


async def test_the_handshake_fails_without_a_certificate_and_with_one_of_an_authority_nobody_imported(
    node: RunningNode, foreign: Authority, tmp_path: Path
) -> None:
    await node.services.directory.put_edge_node(EdgeNode("expc1.example.test", ""))
    token = await node.token("alice")
    for shown in (None, (foreign, EDGE)):
        # In TLS 1.3 the client learns of it when it reads for the first time.
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client = await connect(node, node.context(tmp_path, shown))
            try:
                await client.register("1001", "CSFALICE", token)
            finally:
                await client.close()
    assert node.services.registrar.bindings("1001") == ()


async def test_a_digest_has_no_place_on_the_port_of_the_edge(
    node: RunningNode, foreign: Authority, tmp_path: Path
) -> None:
    node.trust.trust(certificates_pem(foreign.certificate))
    await node.services.directory.put_edge_node(EdgeNode("expc1.example.test", ""))
    client = await connect(node, node.context(tmp_path, (foreign, EDGE)))
    assert (await client.register("1001", "CSFALICE", "not-a-token")).status == 407
    await client.close()
