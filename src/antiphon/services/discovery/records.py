"""The DNS records of a deployment: one view for hosts inside, one for hosts outside.

Inside, `_cisco-uds` leads to the directory and `_cuplogin` to the presence nodes. Outside there is `_collab-edge` alone:
a client that finds it and not `_cisco-uds` knows that it is outside. Source: S2-44, S2-63, S2-87, RFC 2782, RFC 6120 §3.2.1,
RFC 3263 §4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from antiphon.model import Cluster, Node
from antiphon.protocols.dns.authority import Record
from antiphon.protocols.dns.names import srv_name
from antiphon.services.discovery.roles import nodes_with, uds_nodes

_HTTPS = 8443
_STEP = 10
"""Between the priorities of primary and backups: an administrator can put a record in between."""

_CALL = (("sip", "udp", 5060), ("sip", "tcp", 5060), ("sips", "tcp", 5061))
PortOf = Callable[[Node, int], int]
"""A node's own port for a well-known one: another where several nodes have to share one address."""


def _as_known(node: Node, port: int) -> int:
    return port


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


def inside(cluster: Cluster, port_of: PortOf = _as_known) -> tuple[Record, ...]:
    """What a host on the company network sees."""
    by_role = (
        (uds_nodes(cluster), (("cisco-uds", "tcp", _HTTPS),)),
        (nodes_with(cluster, "im"), _IM),
        (nodes_with(cluster, "call"), _CALL),
    )
    services = (
        record
        for nodes, offered in by_role
        for service, protocol, port in offered
        for record in _service(cluster.domain, service, protocol, port, nodes, port_of)
    )
    return (*_addresses(cluster.nodes), *services)


def outside(cluster: Cluster, port_of: PortOf = _as_known) -> tuple[Record, ...]:
    """What everybody else sees: the edge and nothing behind it."""
    edges = nodes_with(cluster, "edge_outside")
    return (*_addresses(edges), *_service(cluster.domain, "collab-edge", "tls", _HTTPS, edges, port_of))


def _addresses(nodes: tuple[Node, ...]) -> Iterator[Record]:
    for node in nodes:
        yield Record(node.name, "AAAA" if ":" in node.address else "A", node.address)


def _service(
    domain: str, service: str, protocol: str, port: int, nodes: tuple[Node, ...], port_of: PortOf
) -> Iterator[Record]:
    for index, node in enumerate(nodes):
        value = f"{index * _STEP} 0 {port_of(node, port)} {node.name}."
        yield Record(srv_name(service, protocol, domain), "SRV", value)
