"""tls-server-end-point: the hash is the one of the certificate's signature, RFC 5929 §4.1."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from antiphon.protocols.xmpp.channel_binding import server_end_point


def certificate(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    algorithm: hashes.SHA256 | hashes.SHA384 | None,
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384()], ids=["sha256", "sha384"])
def test_the_hash_is_the_signatures_own(algorithm: hashes.SHA256 | hashes.SHA384) -> None:
    der = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert server_end_point(der) == hashlib.new(algorithm.name, der).digest()


def test_without_a_hash_there_is_no_binding() -> None:
    assert server_end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) == b""
    assert server_end_point(b"") == b""
    assert server_end_point(b"junk") == b""
