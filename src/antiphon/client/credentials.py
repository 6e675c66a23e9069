"""Where a sign-in is kept: the operating system's keyring, else an encrypted file.

What the file protects against, honestly: its key is derived from a second file on the same machine, so a copy of the
sign-in alone (a backup, a synchronised folder, a mail attachment) is worthless without that second file and the machine's
id. It does not protect against a program that runs as the same account: that can read both files, as it could ask an
unlocked keyring. Both files are readable for their owner only.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import os
import re
import secrets
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from antiphon.client.errors import STORE_UNREADABLE
from antiphon.client.paths import private_dir, state_dir, write_private

log = logging.getLogger(__name__)

_SERVICE = "antiphon"
_MAGIC = b"APC1"
_MAX_BYTES = 256 * 1024


class CredentialStore(Protocol):
    """Secrets by the address of their owner. `load` raises AP-CLIENT-009 for what is damaged."""

    @property
    def name(self) -> str:
        """For people: where the secrets are."""
        ...

    def load(self, address: str) -> bytes | None: ...

    def save(self, address: str, secret: bytes) -> None: ...

    def remove(self, address: str) -> None: ...


class FileStore:
    """One AES-256-GCM file per address under the state directory."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory if directory is not None else state_dir() / "sign-ins"

    @property
    def name(self) -> str:
        return f"encrypted files in {self._directory}"

    def load(self, address: str) -> bytes | None:
        try:
            with self._path(address).open("rb") as file:
                data = file.read(_MAX_BYTES)
        except FileNotFoundError:
            return None
        if data[:4] != _MAGIC:
            raise STORE_UNREADABLE.error()
        try:
            return self._cipher().decrypt(data[4:16], data[16:], address.encode())
        except (InvalidTag, ValueError) as error:
            raise STORE_UNREADABLE.error() from error

    def save(self, address: str, secret: bytes) -> None:
        nonce = secrets.token_bytes(12)
        sealed = self._cipher().encrypt(nonce, secret, address.encode())
        write_private(self._path(address), _MAGIC + nonce + sealed)

    def remove(self, address: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path(address).unlink()

    def _path(self, address: str) -> Path:
        # The address is bound into the ciphertext; its hash keeps two addresses that look alike as files apart.
        readable = re.sub(r"[^A-Za-z0-9.@_-]", "_", address)[:80]
        return self._directory / f"{readable}.{hashlib.sha256(address.encode()).hexdigest()[:12]}"

    def _cipher(self) -> AESGCM:
        key = HKDF(SHA256(), 32, salt=_machine_id(), info=b"antiphon sign-in").derive(self._secret())
        return AESGCM(key)

    def _secret(self) -> bytes:
        path = private_dir(self._directory) / "machine-secret"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        fresh = secrets.token_bytes(32)
        with os.fdopen(descriptor, "wb") as file:
            file.write(fresh)
        return fresh


class KeyringStore:
    """The desktop's keyring, by way of the `keyring` package."""

    def __init__(self, backend: object) -> None:
        self._backend: _Backend = backend  # type: ignore[assignment]

    @property
    def name(self) -> str:
        return "the system keyring"

    def load(self, address: str) -> bytes | None:
        held = self._backend.get_password(_SERVICE, address)
        if held is None:
            return None
        try:
            return base64.b64decode(held, validate=True)
        except ValueError as error:
            raise STORE_UNREADABLE.error() from error

    def save(self, address: str, secret: bytes) -> None:
        self._backend.set_password(_SERVICE, address, base64.b64encode(secret).decode())

    def remove(self, address: str) -> None:
        if self._backend.get_password(_SERVICE, address) is not None:
            self._backend.delete_password(_SERVICE, address)


class _Backend(Protocol):
    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


def open_store() -> CredentialStore:
    """The keyring where there is a usable one, else files. `ANTIPHON_CREDENTIALS=file` asks for files."""
    if os.environ.get("ANTIPHON_CREDENTIALS", "").lower() != "file":
        backend = _usable_keyring()
        if backend is not None:
            return KeyringStore(backend)
    return FileStore()


def _usable_keyring() -> object | None:
    try:
        import keyring
    except ImportError:
        return None
    try:
        backend = keyring.get_keyring()
        # Below 1 are the backends that fail on use and those that a person has to choose knowingly.
        return backend if float(getattr(backend, "priority", 0)) >= 1 else None
    except Exception as error:
        # A keyring that is there but broken (no session bus, locked agent) must not stop anybody from signing in.
        log.info("keyring not usable", extra={"code": "AP-CLIENT-009", "error": type(error).__name__})
        return None


def _machine_id() -> bytes:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError):
            return Path(path).read_bytes().strip()
    return b"no machine id"
