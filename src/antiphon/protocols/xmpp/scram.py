"""SCRAM exchanges, both sides. Source: RFC 5802, RFC 7677; messages of §5, channel binding of §6."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Final

from antiphon.protocols.scram import HashName, ScramKeys

SERVER_END_POINT: Final = "tls-server-end-point"
"""RFC 5929 §4, the one binding type that needs nothing but the certificate."""
_HASHES: Final[dict[HashName, str]] = {"sha-1": "sha1", "sha-256": "sha256"}
MAX_ITERATIONS: Final = 1_000_000
"""What a client will compute for a server (RFC 5802 §9 warns of hostile counts)."""

_PRINTABLE = re.compile(r"[!-+\--~]+")


class ScramRefused(Exception):
    """`condition` is the SASL failure (RFC 6120 §6.5)."""

    def __init__(self, condition: str = "not-authorized") -> None:
        self.condition = condition
        super().__init__(condition)


def _fields(message: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in message.split(","):
        key, equals, value = part.partition("=")
        if len(key) != 1 or not equals or key in fields:
            raise ScramRefused("malformed-request")
        fields[key] = value
    return fields


def _saslname(text: str) -> str:
    if re.search("=(?!2C|3D)", text):
        raise ScramRefused("malformed-request")
    return text.replace("=2C", ",").replace("=3D", "=")


def _escaped(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


class ScramServer:
    """The server's half: `first`, then `final`. Both raise `ScramRefused`.

    `binding` is the channel binding data of this connection when `plus`. `plus_offered` says that the -PLUS variant
    stood in the list of mechanisms, so that a client which could bind but says the server cannot was deceived.
    """

    __slots__ = (
        "_bare",
        "_binding",
        "_gs2",
        "_hash",
        "_keys",
        "_nonce",
        "_plus",
        "_plus_offered",
        "_server",
        "authzid",
        "username",
    )

    def __init__(self, hash_name: HashName, plus: bool, plus_offered: bool, binding: bytes) -> None:
        self._hash = hash_name
        self._plus = plus
        self._plus_offered = plus_offered
        self._binding = binding
        self.username = ""
        self.authzid = ""

    def first(self, message: bytes, keys: Callable[[str, HashName], ScramKeys], nonce: str) -> bytes:
        """client-first-message to server-first-message. `nonce` is random, printable and has no comma."""
        try:
            text = message.decode()
        except UnicodeDecodeError:
            raise ScramRefused("malformed-request") from None
        flag, comma, rest = text.partition(",")
        authzid, comma2, self._bare = rest.partition(",")
        if not comma or not comma2 or (authzid and not authzid.startswith("a=")):
            raise ScramRefused("malformed-request")
        self._check_flag(flag)
        self._gs2 = f"{flag},{authzid},".encode()
        self.authzid = _saslname(authzid[2:])
        fields = _fields(self._bare)
        if "m" in fields or not self._bare.startswith("n="):
            raise ScramRefused("malformed-request")
        client_nonce = fields.get("r", "")
        if not _PRINTABLE.fullmatch(client_nonce) or len(client_nonce) > 512:
            raise ScramRefused("malformed-request")
        self.username = _saslname(fields["n"])
        if not self.username:
            raise ScramRefused("malformed-request")
        self._keys = keys(self.username, self._hash)
        self._nonce = client_nonce + nonce
        salt = b64encode(self._keys.salt).decode()
        self._server = f"r={self._nonce},s={salt},i={self._keys.iterations}"
        return self._server.encode()

    def _check_flag(self, flag: str) -> None:
        if flag.startswith("p="):
            if not self._plus:
                raise ScramRefused("malformed-request")
            if flag[2:] != SERVER_END_POINT:
                raise ScramRefused("not-authorized")
        elif flag not in ("n", "y"):
            raise ScramRefused("malformed-request")
        elif self._plus or (flag == "y" and self._plus_offered):
            # RFC 5802 §6: the list of mechanisms was changed on its way.
            raise ScramRefused("not-authorized")

    def final(self, message: bytes) -> bytes:
        """client-final-message to server-final-message, when the proof is right."""
        try:
            text = message.decode("ascii")
            without_proof, comma, proof_text = text.rpartition(",p=")
            fields = _fields(without_proof)
            proof = b64decode(proof_text, validate=True)
            bound = b64decode(fields.get("c", ""), validate=True)
        except (UnicodeDecodeError, Base64Error, ValueError):
            raise ScramRefused("malformed-request") from None
        if not comma or not without_proof.startswith("c="):
            raise ScramRefused("malformed-request")
        algorithm = _HASHES[self._hash]
        auth_message = f"{self._bare},{self._server},{without_proof}".encode()
        signature = hmac.digest(self._keys.stored_key, auth_message, algorithm)
        if len(proof) != len(signature):
            raise ScramRefused
        client_key = bytes([a ^ b for a, b in zip(proof, signature, strict=True)])
        right = hmac.compare_digest(hashlib.new(algorithm, client_key).digest(), self._keys.stored_key)
        right &= hmac.compare_digest(fields.get("r", "").encode(), self._nonce.encode())
        right &= hmac.compare_digest(bound, self._gs2 + (self._binding if self._plus else b""))
        if not right:
            raise ScramRefused
        return b"v=" + b64encode(hmac.digest(self._keys.server_key, auth_message, algorithm))


class ScramClient:
    """The client's half: `first`, `final`, then `check`. `final` and `check` raise `ScramRefused`.

    `binding` is the channel binding data, or None; `plus` says that the mechanism is the -PLUS variant.
    """

    __slots__ = ("_bare", "_binding", "_gs2", "_hash", "_password", "_signature")

    def __init__(
        self, hash_name: HashName, username: str, password: str, nonce: str, binding: bytes | None, plus: bool
    ) -> None:
        self._hash = hash_name
        self._password = password
        self._binding = binding if plus and binding is not None else b""
        flag = f"p={SERVER_END_POINT}" if plus else ("n" if binding is None else "y")
        self._gs2 = f"{flag},,"
        self._bare = f"n={_escaped(username)},r={nonce}"
        self._signature = b""

    def first(self) -> bytes:
        return (self._gs2 + self._bare).encode()

    def final(self, server_first: bytes) -> bytes:
        try:
            text = server_first.decode("ascii")
            fields = _fields(text)
            salt = b64decode(fields["s"], validate=True)
            iterations = int(fields["i"])
        except (UnicodeDecodeError, Base64Error, ValueError, KeyError):
            raise ScramRefused("malformed-request") from None
        own_nonce = self._bare.rpartition(",r=")[2]
        nonce = fields.get("r", "")
        if not nonce.startswith(own_nonce) or nonce == own_nonce or "m" in fields:
            raise ScramRefused("malformed-request")
        if not 1 <= iterations <= MAX_ITERATIONS or not salt:
            raise ScramRefused("policy-violation")
        algorithm = _HASHES[self._hash]
        salted = hashlib.pbkdf2_hmac(algorithm, self._password.encode(), salt, iterations)
        without_proof = f"c={b64encode(self._gs2.encode() + self._binding).decode()},r={nonce}"
        auth_message = f"{self._bare},{text},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", algorithm)
        signature = hmac.digest(hashlib.new(algorithm, client_key).digest(), auth_message, algorithm)
        proof = bytes([a ^ b for a, b in zip(client_key, signature, strict=True)])
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", algorithm), auth_message, algorithm)
        return f"{without_proof},p={b64encode(proof).decode()}".encode()

    def check(self, server_final: bytes) -> None:
        """The server proves that it knows the user's keys; without that it may be anybody."""
        if not self._signature or not hmac.compare_digest(server_final, b"v=" + b64encode(self._signature)):
            raise ScramRefused
