"""What can be wrong with a server's certificate, as the person at the client is told."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

REFUSED = Fault(
    "AP-CRT-020",
    Kind.UNAUTHENTICATED,
    "The server's certificate is not trusted.",
    "Import the authority that signed it, or compare the fingerprint with the administrator and accept it once.",
)
WRONG_NAME = Fault(
    "AP-CRT-021",
    Kind.UNAUTHENTICATED,
    "The server's certificate names another server.",
    "Connect by the name that the certificate says; do not use IP addresses.",
)
CHANGED = Fault(
    "AP-CRT-022",
    Kind.UNAUTHENTICATED,
    "The server presents another certificate than the one that was accepted.",
    "Ask the administrator whether it was renewed; then forget the old one and accept the new one.",
)
UNUSABLE = Fault(
    "AP-CRT-023",
    Kind.INVALID,
    "The file holds no certificate that could be trusted.",
    "Give the authority's certificate, or the server's self-signed one, in PEM or DER.",
)
