"""The deployment: clusters and their nodes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """One host of the deployment."""

    name: str
    """Fully qualified, e.g. `cucm1.example.test`."""
    address: str
    roles: tuple[str, ...]
    """Of `identity provisioning call im`; the first node with a role is its primary."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes that share one directory."""

    name: str
    domain: str
    """The services domain, which is also the presence (XMPP) domain, e.g. `example.test`."""
    nodes: tuple[Node, ...]
    version: str = "12.5.1"
    """The interface version the Cisco-named documents announce."""
    contacts: tuple[tuple[str, str], ...] = ()
    """Whom to write to about the service: (kind, URI), e.g. ("admin", "mailto:admin@example.test"). Source: XEP-0157"""
