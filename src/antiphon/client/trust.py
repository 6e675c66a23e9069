"""Whom the client trusts: the system's authorities, imported ones, and single certificates that a person accepted.

The three methods of S4-16 … S4-24: ask once and remember (`accept`), install an exported certificate (`install`), and
authorities that sign everything (the system's, or installed once for all servers).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from antiphon.client.paths import write_private
from antiphon.client.trust_errors import CHANGED, REFUSED, UNUSABLE, WRONG_NAME
from antiphon.kernel.errors import DomainError
from antiphon.protocols.x509.chain import fingerprint, issued, read_certificates, self_signed, valid_at
from antiphon.protocols.x509.identity import Expected, Match, match
from antiphon.protocols.x509.names import Names, names_of

PRESENT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Presented:
    """What a person is shown before deciding."""

    certificate: x509.Certificate
    fingerprint: str
    """SHA-256, hexadecimal with colons."""
    issued_to: str
    issued_by: str
    self_signed: bool
    names: Names
    names_match: bool
    validity: str
    """Empty, `expired` or `not yet valid`."""


class TrustStore:
    """A directory of PEM files: `authorities/` for all servers, `accepted/` for one server each."""

    def __init__(self, directory: Path, *, system: bool = True, ca_file: Path | None = None) -> None:
        self._directory = directory
        self._system = system
        self._ca_file = ca_file

    # --- deciding --------------------------------------------------------------------------------------------------

    def context(self, expected: Expected, port: int, alpn: Sequence[str] = ()) -> ssl.SSLContext:
        """For one connection. After the handshake of an XMPP stream call `check`; for HTTP and SIP it is done within.

        Where a certificate was accepted the server must show that very one, and no authority counts. On its other ports
        it counts as well, so that a person is asked once for a server and not for every service on it (S4-16).
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if alpn:
            context.set_alpn_protocols(list(alpn))
        accepted = self.accepted(expected.host, port)
        if accepted is not None:
            context.check_hostname = False
            # The certificate itself is the anchor, whoever signed it.
            context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=accepted.public_bytes(Encoding.DER))
            return context
        # OpenSSL looks at dNSName, and at the common name only where there is none: the order for HTTP (S4-39, S4-40).
        context.check_hostname = not expected.xmpp
        if self._system:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        for authority in (*self.authorities(), *self._accepted_elsewhere(expected.host)):
            context.load_verify_locations(cadata=authority.public_bytes(Encoding.DER))
            if not _may_sign(authority):
                context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        return context

    def check(self, der: bytes, expected: Expected, port: int) -> Match | None:
        """The name by which a certificate from a finished handshake is the expected server; None for an accepted one.

        Raises AP-CRT-021, AP-CRT-022.
        """
        certificate = _certificate(der)
        accepted = self.accepted(expected.host, port)
        if accepted is not None:
            if accepted != certificate:
                raise CHANGED.error(fingerprint(certificate))
            return None
        found = match(certificate, expected)
        if found is None:
            raise WRONG_NAME.error(f"{expected.host}: {_listed(names_of(certificate))}")
        return found

    def explain(self, error: ssl.SSLError, expected: Expected, port: int) -> DomainError:
        """The failed handshake in a person's words."""
        if self.accepted(expected.host, port) is not None:
            return CHANGED.error(expected.host)
        if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in (62, 64):
            return WRONG_NAME.error(expected.host)
        return REFUSED.error(f"{expected.host}: {getattr(error, 'verify_message', '') or error.reason}")

    # --- asking and remembering (method 1) -------------------------------------------------------------------------

    def accept(self, host: str, port: int, certificate: x509.Certificate) -> None:
        """From now on `host` is whoever holds the key of this certificate."""
        write_private(self._accepted_path(host, port), certificate.public_bytes(Encoding.PEM))

    def accepted(self, host: str, port: int) -> x509.Certificate | None:
        try:
            return x509.load_pem_x509_certificate(self._accepted_path(host, port).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def all_accepted(self) -> tuple[tuple[str, int, x509.Certificate], ...]:
        """(host, port, certificate), by host."""
        found = []
        for path in sorted((self._directory / "accepted").glob("*.pem")):
            host, _, port = path.stem.rpartition("_")
            if port.isdecimal() and (certificate := self.accepted(host, int(port))) is not None:
                found.append((host, int(port), certificate))
        return tuple(found)

    def forget(self, host: str, port: int) -> bool:
        path = self._accepted_path(host, port)
        known = path.exists()
        path.unlink(missing_ok=True)
        return known

    # --- installing (methods 2 and 3) ------------------------------------------------------------------------------

    def install(self, data: bytes) -> tuple[x509.Certificate, ...]:
        """Trust an authority, or a server's self-signed certificate, for every server it names. Raises AP-CRT-023."""
        try:
            found = [each for each in read_certificates(data) if self_signed(each) or _may_sign(each)]
        except ValueError as error:
            raise UNUSABLE.error(str(error)) from None
        if not found:
            raise UNUSABLE.error()
        for certificate in found:
            name = fingerprint(certificate).replace(":", "").lower()
            write_private(
                self._directory / "authorities" / f"{name}.pem", certificate.public_bytes(Encoding.PEM)
            )
        return tuple(found)

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The installed ones."""
        return tuple(
            certificate
            for path in sorted((self._directory / "authorities").glob("*.pem"))
            for certificate in x509.load_pem_x509_certificates(path.read_bytes())
        )

    def remove(self, fingerprint_or_start: str) -> int:
        """Trust installed authorities no longer; how many fitted."""
        start = fingerprint_or_start.replace(":", "").lower()
        paths = [
            path for path in (self._directory / "authorities").glob("*.pem") if path.name.startswith(start)
        ]
        for path in paths if start else []:
            path.unlink()
        return len(paths) if start else 0

    def _accepted_elsewhere(self, host: str) -> list[x509.Certificate]:
        name = _file_name(host)
        return [certificate for known, _, certificate in self.all_accepted() if known == name]

    def _accepted_path(self, host: str, port: int) -> Path:
        return self._directory / "accepted" / f"{_file_name(host)}_{port}.pem"


def _file_name(host: str) -> str:
    return re.sub(r"[^a-z0-9.-]", "_", host.lower().rstrip("."))[:200]


def describe(der: bytes, expected: Expected, wall: float) -> Presented:
    certificate = _certificate(der)
    names = names_of(certificate)
    return Presented(
        certificate=certificate,
        fingerprint=fingerprint(certificate),
        issued_to=certificate.subject.rfc4514_string(),
        issued_by=certificate.issuer.rfc4514_string(),
        self_signed=self_signed(certificate),
        names=names,
        names_match=match(names, expected) is not None,
        validity=valid_at(certificate, wall),
    )


async def presented(address: str, port: int, server_name: str) -> bytes:
    """DER of what a direct-TLS server shows to anybody; nothing is sent to it. For asking the person.

    Raises OSError, ssl.SSLError, TimeoutError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(PRESENT_TIMEOUT_S):
        _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=server_name)
        try:
            shown = writer.get_extra_info("ssl_object").getpeercert(True)
        finally:
            writer.close()
            await writer.wait_closed()
    if not isinstance(shown, bytes):
        raise REFUSED.error(server_name)
    return shown


def _certificate(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise REFUSED.error("the certificate cannot be read") from None


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return issued(certificate, certificate)


def _listed(names: Names) -> str:
    listed = (*names.xmpp_addrs, *names.srv_names, *names.dns_names, *names.ip_addresses, *names.common_names)
    return ", ".join(dict.fromkeys(listed)) or "no name"
