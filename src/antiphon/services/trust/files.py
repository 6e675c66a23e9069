"""The certificate store: a directory of PEM files. A key and its certificate share one file, replaced in one step.

ca/root.pem ca/issuing.pem             authorities with their keys; `root.pem` may go offline without its key
nodes/<node>/<purpose>.pem             server certificates with key and chain
nodes/<node>/<purpose>.csr .csr.key    a request that waits for its certificate, and its key
trusted/<fingerprint>.pem              further authorities that are trusted for peers
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from antiphon.protocols.x509.issue import PrivateKey
from antiphon.services.trust.errors import DAMAGED, NO_CERTIFICATE

_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class CertificateFiles:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def authority(self, name: str) -> Path:
        return self.directory / "ca" / f"{name}.pem"

    def server(self, node: str, purpose: str, suffix: str = ".pem") -> Path:
        """Raises AP-CRT-001 for what is no host name, and so cannot lead out of the directory."""
        if not _HOST_NAME.fullmatch(node) or ".." in node:
            raise NO_CERTIFICATE.error()
        return self.directory / "nodes" / node / f"{purpose}{suffix}"

    def trusted(self, fingerprint: str) -> Path:
        return self.directory / "trusted" / f"{fingerprint.replace(':', '').lower()}.pem"

    def all_trusted(self) -> list[Path]:
        return sorted((self.directory / "trusted").glob("*.pem"))

    def write(self, path: Path, content: bytes) -> None:
        """For its owner alone, whole or not at all, also when the power fails."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)

    def read(self, path: Path) -> tuple[list[x509.Certificate], PrivateKey | None]:
        """Raises AP-CRT-012; FileNotFoundError when there is none."""
        try:
            content = path.read_bytes()
            certificates = x509.load_pem_x509_certificates(content)
            key = self.key(content) if b"PRIVATE KEY-----" in content else None
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise DAMAGED.error(f"{path.name}: {type(error).__name__}") from None
        return certificates, key

    @staticmethod
    def key(pem: bytes) -> PrivateKey:
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise ValueError("the key is neither RSA nor EC")
        return key
