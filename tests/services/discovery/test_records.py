"""The records of the two views."""

from __future__ import annotations

import dns.message
import dns.rcode

from antiphon.model import Cluster, Node
from antiphon.protocols.dns.authority import Authority
from antiphon.services.discovery.records import inside, origins, outside

CLUSTER = Cluster(
    "lab",
    "example.test",
    (
        Node("cucm1.example.test", "127.0.1.1", ("identity", "provisioning", "call")),
        Node("cucm2.example.test", "127.0.1.2", ("identity", "provisioning", "call")),
        Node("imp1.example.test", "127.0.2.1", ("im",)),
        Node("edge1.example.test", "127.0.3.1", ("edge_outside",)),
    ),
)


def asked(authority: Authority, name: str) -> list[str]:
    wire = authority.answer(dns.message.make_query(name, "SRV").to_wire()) or b""
    return sorted(data.to_text() for rrset in dns.message.from_wire(wire).answer for data in rrset)


def test_inside_every_service_has_its_records() -> None:
    view = Authority(origins(CLUSTER), inside(CLUSTER))
    assert asked(view, "_cisco-uds._tcp.example.test") == [
        "0 0 8443 cucm1.example.test.",
        "10 0 8443 cucm2.example.test.",
    ]
    assert asked(view, "_cuplogin._tcp.example.test") == ["0 0 8443 imp1.example.test."]
    assert asked(view, "_xmpp-client._tcp.example.test") == ["0 0 5222 imp1.example.test."]
    assert asked(view, "_xmpps-client._tcp.example.test") == ["0 0 5223 imp1.example.test."]
    assert asked(view, "_sip._udp.example.test")[0] == "0 0 5060 cucm1.example.test."
    assert asked(view, "_sip._tcp.example.test")[1] == "10 0 5060 cucm2.example.test."
    assert asked(view, "_sips._tcp.example.test")[0] == "0 0 5061 cucm1.example.test."


def test_only_the_edge_is_seen_from_outside() -> None:
    view = Authority(origins(CLUSTER), outside(CLUSTER))
    assert asked(view, "_collab-edge._tls.example.test") == ["0 0 8443 edge1.example.test."]
    assert asked(view, "_cisco-uds._tcp.example.test") == []
    query = dns.message.make_query("cucm1.example.test", "A").to_wire()
    assert dns.message.from_wire(view.answer(query) or b"").rcode() == dns.rcode.NXDOMAIN


def test_inside_does_not_offer_the_edge() -> None:
    assert asked(Authority(origins(CLUSTER), inside(CLUSTER)), "_collab-edge._tls.example.test") == []


def test_nodes_may_be_named_in_another_domain() -> None:
    cluster = Cluster("lab", "example.test", (Node("cucm1.inner.test", "127.0.1.1", ("identity",)),))
    assert origins(cluster) == ("example.test", "inner.test")
    view = Authority(origins(cluster), inside(cluster))
    assert asked(view, "_cisco-uds._tcp.example.test") == ["0 0 8443 cucm1.inner.test."]


def test_nodes_that_share_an_address_have_ports_of_their_own() -> None:
    shifted = inside(CLUSTER, lambda node, port: port + 10_000 if node.name.startswith("imp1") else port)
    view = Authority(origins(CLUSTER), shifted)
    assert asked(view, "_xmpp-client._tcp.example.test") == ["0 0 15222 imp1.example.test."]
    assert asked(view, "_cisco-uds._tcp.example.test")[0] == "0 0 8443 cucm1.example.test."
