"""What the store must not tell a reader of the database file: sealed with the deployment's identity secret.

The secret is 32 random bytes in a file of its own (mode 0600), the same on every node that shares the store. A copy of
the database alone signs no token, answers no SIP challenge and makes no refresh token.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from antiphon.kernel.random import Random
from antiphon.services.identity.errors import BAD_SECRET

_NONCE = 12


class Sealing:
    """AES-256-GCM; the row's name is authenticated, so sealed values cannot be swapped between rows."""

    def __init__(self, secret: bytes, random: Random) -> None:
        if len(secret) < 32:
            raise BAD_SECRET.error("the identity secret has fewer than 32 bytes")
        self._secret = secret
        self._random = random
        self._cipher = AESGCM(self.subkey("store"))

    def subkey(self, purpose: str) -> bytes:
        """32 bytes for one purpose; knowing one says nothing about another."""
        return HKDF(hashes.SHA256(), 32, salt=b"antiphon identity", info=purpose.encode()).derive(
            self._secret
        )

    def seal(self, plain: bytes, name: str) -> bytes:
        nonce = self._random.raw(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Raises AP-ID-008."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise BAD_SECRET.error(name.partition(":")[0]) from None
