"""Faults of trust."""

from __future__ import annotations

from antiphon.kernel.errors import Fault, Kind

NO_CERTIFICATE = Fault(
    "AP-CRT-001",
    Kind.NOT_FOUND,
    "There is no such certificate.",
    "List the certificates with `antiphon cert list`.",
)
BAD_FIELD = Fault(
    "AP-CRT-002",
    Kind.INVALID,
    "A field of the request has characters that certificate authorities refuse.",
    "Use letters, digits, spaces and ' ( ) + , - . / : = ? only; the country has two letters.",
)
UNREADABLE = Fault(
    "AP-CRT-003",
    Kind.INVALID,
    "The file cannot be used as a certificate.",
    "Give the certificate and the authorities above it in PEM (Base64), or the certificate in DER.",
)
KEY_MISMATCH = Fault(
    "AP-CRT-004",
    Kind.CONFLICT,
    "No certificate in the file belongs to the key of the request that was made here.",
    "Have the latest request signed (`antiphon cert csr`), and import what the authority made of it.",
)
NAME_MISSING = Fault(
    "AP-CRT-005",
    Kind.INVALID,
    "The certificate does not say the name by which clients know this server.",
    "Have the authority keep all subject alternative names of the request.",
)
NOT_VALID_NOW = Fault(
    "AP-CRT-006",
    Kind.INVALID,
    "The certificate is not valid at this time.",
    "Check the clock of this machine and the dates of the certificate.",
)
WEAK = Fault(
    "AP-CRT-007",
    Kind.INVALID,
    "Clients of today refuse this certificate.",
    "Ask for a signature with SHA-256 and a key of at least 2048 bits (RSA) or 256 bits (EC).",
)
CHAIN_INCOMPLETE = Fault(
    "AP-CRT-008",
    Kind.INVALID,
    "The authority that signed the certificate is not in the file and not among the trusted ones.",
    "Put the authority's certificate behind the server's in the same file, or import it first.",
)
NO_REQUEST = Fault(
    "AP-CRT-009",
    Kind.NOT_FOUND,
    "No request is waiting for this certificate.",
    "Make one with `antiphon cert csr`.",
)
NOT_OURS = Fault(
    "AP-CRT-010",
    Kind.CONFLICT,
    "This certificate was signed by another authority, which alone can renew it.",
    "Make a request with `antiphon cert csr`, have it signed and import it.",
)
EXPIRES_SOON = Fault(
    "AP-CRT-011",
    Kind.UNAVAILABLE,
    "A certificate expires soon, or has expired.",
    "Renew it with `antiphon cert renew`, or have a new request signed.",
)
DAMAGED = Fault(
    "AP-CRT-012",
    Kind.UNAVAILABLE,
    "A file of the certificate store cannot be read.",
    "Restore it from a backup, or remove it: a server certificate is then made anew at the next start.",
)
NOT_FOR_SERVERS = Fault(
    "AP-CRT-013",
    Kind.INVALID,
    "The certificate may not be used by a server.",
    "Have it signed with the extended key usage serverAuth.",
)
NOT_AN_AUTHORITY = Fault(
    "AP-CRT-014",
    Kind.INVALID,
    "The file holds no certificate of an authority.",
    "Give the root certificate, or the peer's self-signed one.",
)
