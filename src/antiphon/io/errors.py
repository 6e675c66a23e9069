"""Faults of the drivers."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

ENDPOINT_FAILED = Fault(
    "AP-IO-001",
    Kind.UNAVAILABLE,
    "A conversation ended because of a fault of ours.",
    "Report it with the log line that carries this code; other users are not affected.",
)
TASK_FAILED = Fault(
    "AP-IO-002",
    Kind.UNAVAILABLE,
    "A background task ended because of a fault of ours.",
    "Report it with the log line that carries this code.",
)
ADDRESS_IN_USE = Fault(
    "AP-IO-010",
    Kind.CONFLICT,
    "The address is in use by another program.",
    "Stop that program, or give this listener another port or address.",
)
NO_RIGHT_TO_BIND = Fault(
    "AP-IO-011",
    Kind.FORBIDDEN,
    "This account may not listen on the address.",
    "Use a port above 1023, or give the service the capability CAP_NET_BIND_SERVICE.",
)
CANNOT_BIND = Fault(
    "AP-IO-012",
    Kind.UNAVAILABLE,
    "The address cannot be listened on.",
    "Check that it exists on this machine (`ip address`).",
)
TOO_MANY_CONNECTIONS = Fault(
    "AP-IO-013",
    Kind.UNAVAILABLE,
    "The process holds as many connections as it may; new ones are closed.",
    "Raise `limits.max_connections`, or add a node.",
)
REQUEST_HEAD_REFUSED = Fault(
    "AP-IO-014",
    Kind.INVALID,
    "An HTTP request could not be read, was too long around its content, or did not come to its end in time.",
    "Nothing has to be done; if it goes on, block the address that the log line names.",
)
TLS_REFUSED = Fault(
    "AP-TLS-001",
    Kind.INVALID,
    "A TLS handshake failed or a record was not valid.",
    "Compare the protocol versions, certificates and names of both sides; the log line says which peer and why.",
)
BUS_NOT_REACHABLE = Fault(
    "AP-BUS-001",
    Kind.UNAVAILABLE,
    "No NATS server answers at the addresses in the configuration.",
    "Check that the server runs, that its address is right and that the credentials are accepted.",
)
BUS_QUEUE_FULL = Fault(
    "AP-BUS-002",
    Kind.UNAVAILABLE,
    "Events for other processes were dropped because too many were waiting for the connection.",
    "Bring the NATS server back; the other processes read everything again when the connection is there.",
)
BUS_NOT_UNDERSTOOD = Fault(
    "AP-BUS-003",
    Kind.INVALID,
    "An event from another process could not be read and was left out.",
    "Run the same version of Antiphon everywhere; during an upgrade this passes by itself.",
)
BUS_CONNECTION_LOST = Fault(
    "AP-BUS-004",
    Kind.UNAVAILABLE,
    "The connection to the NATS server was lost while an event was sent.",
    "Nothing has to be done if it comes back by itself; look at the server otherwise.",
)
MEDIA_NOT_DELIVERED = Fault(
    "AP-MEDIA-001",
    Kind.UNAVAILABLE,
    "The network refused a media packet.",
    "Check that the other side still runs and that no firewall stands between.",
)
