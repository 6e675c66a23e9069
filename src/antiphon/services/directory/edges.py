"""Which certificates belong to an edge node of the directory.

That a certificate comes from an authority we trust is what the TLS handshake has proved before.
"""

from __future__ import annotations

from antiphon.protocols.x509.names import server_names
from antiphon.services.directory.memory import Memory


class EdgeList:
    """Asked for each connection to the mutual-TLS port; an entry counts from the moment it is kept."""

    def __init__(self, directory: Memory) -> None:
        self._directory = directory

    def allowed(self, certificate: bytes) -> bool:
        """Is a name of this DER certificate the name of an edge node? Names are whole names: wildcards match nothing.

        The common name counts beside subject alternative names, as edge nodes announce both. Source: S3-43
        """
        return any(self._directory.edge_nodes_named(name) for name in server_names(certificate))
