"""Faults of the lab's name server."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

TOO_MANY_DNS_CONNECTIONS = Fault(
    "AP-DNS-021",
    Kind.UNAVAILABLE,
    "The lab's name server holds as many TCP connections as it may; new ones are closed.",
    "Ask over UDP; if it lasts, look for a client that keeps its connections open.",
)
