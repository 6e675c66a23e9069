"""The channel binding `tls-server-end-point`: a hash of the server's certificate. Source: RFC 5929 §4.1."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm


@lru_cache(maxsize=64)
def server_end_point(certificate: bytes) -> bytes:
    """`certificate` is DER; empty when there is none or its signature says no hash (e.g. Ed25519): then no binding.

    MD5 and SHA-1 signatures are replaced by SHA-256 as the RFC says.
    """
    if not certificate:
        return b""
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return b""
    if algorithm is None:
        return b""
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    return hashlib.new(name, certificate).digest()
