"""Which nodes of a cluster offer what; the first is the primary."""

from __future__ import annotations

from antiphon.model import Cluster, Node


def nodes_with(cluster: Cluster, role: str) -> tuple[Node, ...]:
    """The nodes with a role, in the order of failover."""
    return tuple(node for node in cluster.nodes if role in node.roles)


def uds_nodes(cluster: Cluster) -> tuple[Node, ...]:
    """Those that answer directory requests and let people sign in."""
    return nodes_with(cluster, "identity")
