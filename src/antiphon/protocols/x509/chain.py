"""Reading certificates that somebody uploads or presents: PEM or DER, in any order, and what is wrong with them."""

from __future__ import annotations

import datetime
import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

MAX_BYTES = 256 * 1024
MAX_CERTIFICATES = 12
_WEAK = {"md5", "sha1"}


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """All certificates of a PEM text, or the one in DER. Raises ValueError with a sentence for people."""
    if len(data) > MAX_BYTES:
        raise ValueError("the file is too long to be a certificate chain")
    try:
        pem = b"-----BEGIN" in data
        found = x509.load_pem_x509_certificates(data) if pem else [x509.load_der_x509_certificate(data)]
    except ValueError:
        raise ValueError("the file holds no certificate in PEM or DER") from None
    if len(found) > MAX_CERTIFICATES:
        raise ValueError(f"the file holds more than {MAX_CERTIFICATES} certificates")
    return found


def order_chain(leaf: x509.Certificate, others: list[x509.Certificate]) -> list[x509.Certificate]:
    """The leaf, then each issuer as far as they are there. Signatures are checked."""
    chain = [leaf]
    left = [other for other in others if other != leaf]
    while chain[-1].issuer != chain[-1].subject:
        above = next((other for other in left if issued(chain[-1], other)), None)
        if above is None:
            break
        left.remove(above)
        chain.append(above)
    return chain


def issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    """Whether `by` names and signed it, and may do so."""
    try:
        constraints = by.extensions.get_extension_for_class(x509.BasicConstraints).value
        if not constraints.ca:
            return False
        certificate.verify_directly_issued_by(by)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError, TypeError, InvalidSignature):
        return False
    return True


def self_signed(certificate: x509.Certificate) -> bool:
    """S4-26: "Issued by" is "Issued to"."""
    return certificate.issuer == certificate.subject


def same_public_key(one: x509.Certificate, other: object) -> bool:
    if not isinstance(other, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        return False
    return _spki(one.public_key()) == _spki(other.public_key())


def valid_at(certificate: x509.Certificate, wall: float) -> str:
    """Empty, or what is wrong: `not yet valid` or `expired`."""
    now = datetime.datetime.fromtimestamp(wall, datetime.UTC)
    if now < certificate.not_valid_before_utc:
        return "not yet valid"
    return "expired" if now > certificate.not_valid_after_utc else ""


def weakness(certificate: x509.Certificate) -> str:
    """Empty, or why today's TLS libraries refuse it."""
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in _WEAK:
        return f"signed with {algorithm.name}"
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        return f"an RSA key of {key.key_size} bits"
    return ""


def serves(certificate: x509.Certificate) -> bool:
    """Whether it may be used by a TLS server."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return True
    return x509.oid.ExtendedKeyUsageOID.SERVER_AUTH in usage


def fingerprint(certificate: x509.Certificate | bytes) -> str:
    """SHA-256 of the DER in hex with colons, as browsers and openssl print it."""
    der = (
        certificate
        if isinstance(certificate, bytes)
        else certificate.public_bytes(serialization.Encoding.DER)
    )
    return hashlib.sha256(der).digest().hex(":").upper()


def _spki(key: object) -> bytes:
    public: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public
