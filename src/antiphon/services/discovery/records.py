"""The DNS records of a deployment: one view for hosts inside, one for hosts outside.

Inside, `_cisco-uds` leads to the directory and `_cuplogin` to the presence nodes. Outside there is `_collab-edge` alone:
a client that finds it and not `_cisco-uds` knows that it is outside. Source: S2-44, S2-63, S2-87, RFC 2782, RFC 6120 §3.2.1,
RFC 3263 §4.
"""

from __future__ import annotations

from collections.abc import Iterator

from antiphon.model import Cluster, Node
from antiphon.protocols.dns.authority import Record
from antiphon.protocols.dns.names import srv_name
from antiphon.services.discovery.roles import nodes_with, uds_nodes

_HTTPS = 8443
_STEP = 10
"""Between the priorities of primary and backups: an administrator can put a record in between."""

_CALL = (("sip", "udp", 5060), ("sip", "tcp", 5060), ("sips", "tcp", 5061))
_IM = (
    ("cuplogin", "tcp", _HTTPS),
    ("xmpp-client", "tcp", 5222),
    ("xmpps-client", "tcp", 5223),
    ("xmpp-server", "tcp", 5269),
)


def origins(cluster: Cluster) -> tuple[str, ...]:
    """The zones to be authoritative for: the services domain, and the parents of node names that lie elsewhere."""
    found = [cluster.domain]
    for node in cluster.nodes:
        if not any(node.name == zone or node.name.endswith(f".{zone}") for zone in found):
            found.append(node.name.partition(".")[2])
    return tuple(found)


def inside(cluster: Cluster) -> tuple[Record, ...]:
    """What a host on the company network sees."""
    return (
        *_addresses(cluster.nodes),
        *_service(cluster.domain, "cisco-uds", "tcp", _HTTPS, uds_nodes(cluster)),
        *(
            record
            for s, p, port in _IM
            for record in _service(cluster.domain, s, p, port, nodes_with(cluster, "im"))
        ),
        *(
            record
            for s, p, port in _CALL
            for record in _service(cluster.domain, s, p, port, nodes_with(cluster, "call"))
        ),
    )


def outside(cluster: Cluster) -> tuple[Record, ...]:
    """What everybody else sees: the edge and nothing behind it."""
    edges = nodes_with(cluster, "edge_outside")
    return (*_addresses(edges), *_service(cluster.domain, "collab-edge", "tls", _HTTPS, edges))


def _addresses(nodes: tuple[Node, ...]) -> Iterator[Record]:
    for node in nodes:
        yield Record(node.name, "AAAA" if ":" in node.address else "A", node.address)


def _service(
    domain: str, service: str, protocol: str, port: int, nodes: tuple[Node, ...]
) -> Iterator[Record]:
    for index, node in enumerate(nodes):
        yield Record(srv_name(service, protocol, domain), "SRV", f"{index * _STEP} 0 {port} {node.name}.")
