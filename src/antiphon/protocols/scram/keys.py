"""What a server keeps instead of a password. Source: RFC 5802 §3, RFC 7677, RFC 7616 §3.4.2, RFC 8265 §4.2."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal, NamedTuple

import precis_i18n

HashName = Literal["sha-1", "sha-256"]

_HASHES = {"sha-1": "sha1", "sha-256": "sha256"}
_DIGESTS = {"MD5": "md5", "SHA-256": "sha256"}
_OPAQUE_STRING = precis_i18n.get_profile("OpaqueString")

ITERATIONS = 4096
"""RFC 7677 §4 asks for at least 4096; the password's own protection is Argon2id, not this count."""


class ScramKeys(NamedTuple):
    """RFC 5802 §3. Whoever has `stored_key` can check a proof but cannot make one."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


def prepare_password(password: str) -> str:
    """The form in which two spellings of one password are equal. Raises ValueError for what cannot be a password.

    Source: RFC 8265 §4.2 (OpaqueString): empty and control characters are refused, other spaces become U+0020, NFC.
    """
    if password.isascii() and password.isprintable() and password:
        return password
    return str(_OPAQUE_STRING.enforce(password))


def scram_keys(password: str, salt: bytes, hash_name: HashName, iterations: int = ITERATIONS) -> ScramKeys:
    """`password` is prepared already. About 2 ms at 4096 iterations, outside the interpreter's lock."""
    algorithm = _HASHES[hash_name]
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    return ScramKeys(
        salt,
        iterations,
        hashlib.new(algorithm, client_key).digest(),
        hmac.digest(salted, b"Server Key", algorithm),
    )


def digest_ha1(userid: str, realm: str, password: str, algorithm: str) -> str:
    """H(A1) in hex for `MD5` or `SHA-256`. It stands for the password within `realm`: keep it as carefully."""
    text = f"{userid}:{realm}:{password}".encode()
    return hashlib.new(_DIGESTS[algorithm], text, usedforsecurity=False).hexdigest()
