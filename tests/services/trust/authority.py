"""A certificate authority that is not ours."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from antiphon.protocols.x509.issue import Authority, PrivateKey
from antiphon.protocols.x509.names import Names, alternative_names, names_of


def sign(
    authority: Authority,
    request: x509.CertificateSigningRequest,
    wall: float,
    days: float = 30,
    *,
    key: PrivateKey | None = None,
    names: Names | None = None,
    server: bool = True,
) -> x509.Certificate:
    start = datetime.datetime.fromtimestamp(wall, datetime.UTC)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    return (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key() if key is not None else request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(alternative_names(names or names_of(request)), False)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(x509.ExtendedKeyUsage([usage]), False)
        .sign(authority.key, hashes.SHA256())
    )
