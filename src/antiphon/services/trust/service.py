"""The deployment's own authority, the certificates of its servers, and whom it trusts.

Everything is small and local: a certificate is made in a millisecond, files are read inline.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from antiphon.kernel.bus import Bus
from antiphon.kernel.errors import DomainError
from antiphon.kernel.time import Cancel, Timers
from antiphon.protocols.x509 import chain as chains
from antiphon.protocols.x509.identity import match
from antiphon.protocols.x509.issue import (
    Authority,
    PrivateKey,
    certificates_pem,
    key_pem,
    make_authority,
    make_certificate,
    make_request,
    new_key,
)
from antiphon.protocols.x509.names import Names, names_of
from antiphon.services.trust.certificates import Purpose, ServerCertificate, names_for, required_of
from antiphon.services.trust.config import TrustSettings
from antiphon.services.trust.errors import (
    BAD_FIELD,
    CHAIN_INCOMPLETE,
    DAMAGED,
    KEY_MISMATCH,
    NAME_MISSING,
    NO_CERTIFICATE,
    NO_REQUEST,
    NOT_AN_AUTHORITY,
    NOT_FOR_SERVERS,
    NOT_OURS,
    NOT_VALID_NOW,
    UNREADABLE,
    WEAK,
)
from antiphon.services.trust.events import AuthoritiesChanged, CertificateChanged, CertificateExpiring
from antiphon.services.trust.files import CertificateFiles

log = logging.getLogger(__name__)

CHECK_EVERY_S = 3600.0
_RENEW_AFTER = 2 / 3
"""Of its life; then there is a third left for whatever goes wrong."""
_DAY_S = 86400.0
# PrintableString without `@ & !` and the like, which public authorities refuse (S4-22).
_FIELD = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]{1,64}")


class Trust:
    """`open` before use. `domain` is the services domain, which is the XMPP domain too."""

    def __init__(
        self,
        *,
        directory: Path,
        timers: Timers,
        bus: Bus,
        domain: str,
        settings: TrustSettings | None = None,
    ) -> None:
        self._files = CertificateFiles(directory)
        self._timers = timers
        self._bus = bus
        self._domain = domain.lower()
        self._settings = settings or TrustSettings()
        self._servers: dict[tuple[str, Purpose], ServerCertificate] = {}
        self._also: dict[tuple[str, Purpose], tuple[str, ...]] = {}
        self._trusted: dict[str, x509.Certificate] = {}
        self._said: set[tuple[str, Purpose, float, int]] = set()
        self._checking: Cancel | None = None
        self._authority: Authority | None = None
        self._root: x509.Certificate | None = None

    def open(self) -> None:
        """Read the store; make the authorities where there are none. Raises AP-CRT-012."""
        try:
            self._read_authorities()
        except FileNotFoundError:
            self._make_authorities()
        self._renew_issuing()
        for path in self._files.all_trusted():
            for certificate in self._files.read(path)[0]:
                self._trusted[chains.fingerprint(certificate)] = certificate

    def start(self) -> None:
        """From now on renew what is due and warn of what nobody renews."""
        self._check_due()

    def stop(self) -> None:
        if self._checking is not None:
            self._checking.cancel()

    # --- authorities -----------------------------------------------------------------------------------------------

    @property
    def root(self) -> x509.Certificate:
        assert self._root is not None, "Trust.open was not called"
        return self._root

    def ca_pem(self) -> bytes:
        """What clients import to trust this deployment (S4-20, S4-30)."""
        return certificates_pem(self.root)

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Whose certificates are accepted from peers: our own root and what was imported (S3-21, S3-63)."""
        return (self.root, *self._trusted.values())

    def authorities_pem(self) -> bytes:
        return certificates_pem(*self.authorities)

    def trust(self, data: bytes) -> tuple[x509.Certificate, ...]:
        """Accept peers that these authorities signed, or a peer's self-signed certificate. Raises AP-CRT-003, AP-CRT-014."""
        found = _read(data)
        accepted = tuple(each for each in found if chains.self_signed(each) or _is_authority(each))
        if not accepted:
            raise NOT_AN_AUTHORITY.error()
        for certificate in accepted:
            fingerprint = chains.fingerprint(certificate)
            self._files.write(self._files.trusted(fingerprint), certificates_pem(certificate))
            self._trusted[fingerprint] = certificate
        self._bus.publish(AuthoritiesChanged())
        return accepted

    def distrust(self, fingerprint: str) -> None:
        """Raises AP-CRT-001."""
        certificate = self._trusted.pop(fingerprint.upper(), None)
        if certificate is None:
            raise NO_CERTIFICATE.error()
        self._files.trusted(fingerprint).unlink(missing_ok=True)
        self._bus.publish(AuthoritiesChanged())

    def _make_authorities(self) -> None:
        wall, settings = self._timers.wall(), self._settings
        root = make_authority(f"{settings.organisation} {self._domain} Root CA", wall, settings.root_days)
        issuing = make_authority(
            f"{settings.organisation} {self._domain} Issuing CA", wall, settings.issuing_days, root
        )
        self._write_authority("root", root)
        self._write_authority("issuing", issuing)
        self._root, self._authority = root.certificate, issuing
        log.info("certificate authority made", extra={"fingerprint": chains.fingerprint(root.certificate)})

    def _renew_issuing(self) -> None:
        """In time, as long as the root's key is in its file; devices need nothing, because they trust the root."""
        assert self._authority is not None
        issuing = self._authority.certificate
        if not _due(issuing, self._timers.wall()):
            return
        (root, *_), key = self._files.read(self._files.authority("root"))
        if key is None:
            log.warning("issuing authority expires and the root's key is away", extra={"code": "AP-CRT-011"})
            return
        name = f"{self._settings.organisation} {self._domain} Issuing CA"
        above = Authority(root, key)
        self._authority = make_authority(name, self._timers.wall(), self._settings.issuing_days, above)
        self._write_authority("issuing", self._authority)
        log.info(
            "issuing authority renewed",
            extra={"fingerprint": chains.fingerprint(self._authority.certificate)},
        )

    def _read_authorities(self) -> None:
        root, _ = self._files.read(self._files.authority("root"))
        issuing, key = self._files.read(self._files.authority("issuing"))
        if not root or not issuing or key is None or not chains.same_public_key(issuing[0], key):
            raise DAMAGED.error("ca/issuing.pem")
        self._root = root[0]
        self._authority = Authority(issuing[0], key, (root[0],))

    def _write_authority(self, name: str, authority: Authority) -> None:
        content = key_pem(authority.key) + certificates_pem(authority.certificate)
        self._files.write(self._files.authority(name), content)

    # --- server certificates ---------------------------------------------------------------------------------------

    def ensure(self, node: str, purpose: Purpose, also: tuple[str, ...] = ()) -> ServerCertificate:
        """The certificate of a server of this deployment; made when there is none, when ours is due or lacks a name."""
        node = node.lower()
        self._also[node, purpose] = also
        found = self._load(node, purpose)
        if found is None or (
            found.ours and (_due(found.certificate, self._timers.wall()) or self._lacks_name(found))
        ):
            return self._make(node, purpose)
        self._servers[node, purpose] = found
        return found

    def certificate(self, node: str, purpose: Purpose | str) -> ServerCertificate:
        """Raises AP-CRT-001."""
        try:
            return self._servers[node.lower(), Purpose(purpose)]
        except (KeyError, ValueError):
            raise NO_CERTIFICATE.error() from None

    def certificates(self) -> tuple[ServerCertificate, ...]:
        """Those that expire first come first."""
        return tuple(sorted(self._servers.values(), key=lambda each: each.not_after))

    def expiring(self, within_days: float) -> tuple[ServerCertificate, ...]:
        limit = self._timers.wall() + within_days * _DAY_S
        return tuple(each for each in self.certificates() if each.not_after < limit)

    def renew(self, node: str, purpose: Purpose | str) -> ServerCertificate:
        """With a new key, at once, for new connections. Raises AP-CRT-001, AP-CRT-010 for one that was imported."""
        current = self.certificate(node, purpose)
        if not current.ours:
            raise NOT_OURS.error()
        return self._make(current.node, current.purpose)

    def restore(self, node: str, purpose: Purpose | str) -> ServerCertificate:
        """Go back from an imported certificate to one of our own authority. Raises AP-CRT-001."""
        current = self.certificate(node, purpose)
        return self._make(current.node, current.purpose)

    def _make(self, node: str, purpose: Purpose) -> ServerCertificate:
        assert self._authority is not None, "Trust.open was not called"
        names = names_for(node, purpose, self._domain, self._also.get((node, purpose), ()))
        key = new_key(self._settings.key)
        certificate = make_certificate(
            self._authority, key, names, self._timers.wall(), self._settings.certificate_days
        )
        return self._use(node, purpose, certificate, self._authority.chain, key)

    def _use(
        self,
        node: str,
        purpose: Purpose,
        certificate: x509.Certificate,
        chain: tuple[x509.Certificate, ...],
        key: PrivateKey,
    ) -> ServerCertificate:
        path = self._files.server(node, purpose.value)
        self._files.write(path, key_pem(key) + certificates_pem(certificate, *chain))
        used = ServerCertificate(node, purpose, certificate, chain, path, self._is_ours(certificate, chain))
        self._servers[node, purpose] = used
        log.info(
            "server certificate in use",
            extra={"node": node, "purpose": purpose.value, "fingerprint": chains.fingerprint(certificate)},
        )
        self._bus.publish(CertificateChanged(node, purpose.value, used.not_after))
        return used

    def _load(self, node: str, purpose: Purpose) -> ServerCertificate | None:
        path = self._files.server(node, purpose.value)
        try:
            found, key = self._files.read(path)
        except FileNotFoundError:
            return None
        if not found or key is None or not chains.same_public_key(found[0], key):
            raise DAMAGED.error(f"{node}/{path.name}")
        leaf, chain = found[0], tuple(found[1:])
        return ServerCertificate(node, purpose, leaf, chain, path, self._is_ours(leaf, chain))

    def _is_ours(self, certificate: x509.Certificate, chain: tuple[x509.Certificate, ...]) -> bool:
        """Signed by the issuing authority of today or of an earlier day."""
        return bool(chain) and chains.issued(certificate, chain[0]) and chains.issued(chain[0], self.root)

    def _lacks_name(self, found: ServerCertificate) -> bool:
        also = self._also.get((found.node, found.purpose), ())
        wanted, has = names_for(found.node, found.purpose, self._domain, also), found.names
        return not (
            set(wanted.dns_names) <= set(has.dns_names)
            and set(wanted.xmpp_addrs) <= set(has.xmpp_addrs)
            and set(wanted.srv_names) <= set(has.srv_names)
        )

    # --- certificates of other authorities -------------------------------------------------------------------------

    def request(
        self,
        node: str,
        purpose: Purpose | str,
        subject: dict[str, str] | None = None,
        key: PrivateKey | None = None,
        domain: bool = True,
    ) -> bytes:
        """A signing request in PEM (S4-20, S4-27). The current certificate stays in use until the signed one is imported.

        `subject`: O, OU, L, ST, C. `domain` False leaves out the services domain from a request that public authorities
        would refuse for it. Raises AP-CRT-001, AP-CRT-002.
        """
        current = self.certificate(node, purpose)
        for field, value in (subject or {}).items():
            if field not in ("O", "OU", "L", "ST", "C") or (value and not _FIELD.fullmatch(value)):
                raise BAD_FIELD.error(f"{field[:16]} = {value[:64]!r}")
            if field == "C" and value and not re.fullmatch(r"[A-Z]{2}", value):
                raise BAD_FIELD.error(f"C = {value!r}")
        names = names_for(
            current.node, current.purpose, self._domain, self._also.get((current.node, current.purpose), ())
        )
        if not domain:
            names = Names(dns_names=(current.node,), common_names=names.common_names)
        key = key or new_key(self._settings.key)
        pem = make_request(key, names, subject or {}).public_bytes(Encoding.PEM)
        self._files.write(self._files.server(current.node, current.purpose.value, ".csr.key"), key_pem(key))
        self._files.write(self._files.server(current.node, current.purpose.value, ".csr"), pem)
        return pem

    def pending_request(self, node: str, purpose: Purpose | str) -> bytes:
        """Raises AP-CRT-001, AP-CRT-009."""
        current = self.certificate(node, purpose)
        try:
            return self._files.server(current.node, current.purpose.value, ".csr").read_bytes()
        except FileNotFoundError:
            raise NO_REQUEST.error() from None

    def import_certificate(self, node: str, purpose: Purpose | str, data: bytes) -> ServerCertificate:
        """Use the certificate that an authority made of our request, for new connections at once.

        `data` is the certificate and the authorities above it in any order. Raises AP-CRT-001, 003 … 009, 013; then the
        current one stays.
        """
        current = self.certificate(node, purpose)
        key = self._request_key(current)
        found = _read(data)
        leaf = next((each for each in found if chains.same_public_key(each, key)), None)
        if leaf is None:
            raise KEY_MISMATCH.error()
        self._check_leaf(current, leaf)
        chain = chains.order_chain(leaf, [*found, *self.authorities])
        if len(chain) == 1 and not chains.self_signed(leaf):
            raise CHAIN_INCOMPLETE.error(leaf.issuer.rfc4514_string())
        for authority in chain[1:]:
            if wrong := chains.valid_at(authority, self._timers.wall()):
                raise NOT_VALID_NOW.error(f"{authority.subject.rfc4514_string()}: {wrong}")
        sent = tuple(each for each in chain[1:] if not chains.self_signed(each))
        used = self._use(current.node, current.purpose, leaf, sent, key)
        for suffix in (".csr", ".csr.key"):
            self._files.server(current.node, current.purpose.value, suffix).unlink(missing_ok=True)
        return used

    def _check_leaf(self, current: ServerCertificate, leaf: x509.Certificate) -> None:
        if wrong := chains.valid_at(leaf, self._timers.wall()):
            raise NOT_VALID_NOW.error(wrong)
        if weakness := chains.weakness(leaf):
            raise WEAK.error(weakness)
        if not chains.serves(leaf):
            raise NOT_FOR_SERVERS.error()
        required = required_of(current.node, current.purpose, self._domain)
        if match(names_of(leaf), required) is None:
            raise NAME_MISSING.error(required.host)

    def _request_key(self, current: ServerCertificate) -> PrivateKey:
        path = self._files.server(current.node, current.purpose.value, ".csr.key")
        try:
            return self._files.key(path.read_bytes())
        except FileNotFoundError:
            raise NO_REQUEST.error() from None
        except ValueError:
            raise DAMAGED.error(path.name) from None

    # --- in time ---------------------------------------------------------------------------------------------------

    def _check_due(self) -> None:
        self._checking = self._timers.at(self._timers.now() + CHECK_EVERY_S, self._check_due)
        for certificate in self.certificates():
            if certificate.ours and _due(certificate.certificate, self._timers.wall()):
                try:
                    self._renew_issuing()
                    self._make(certificate.node, certificate.purpose)
                except (OSError, DomainError) as error:
                    log.error("renewal failed", extra={"code": "AP-CRT-012", "why": type(error).__name__})
            self._warn(self._servers[certificate.node, certificate.purpose])

    def _warn(self, certificate: ServerCertificate) -> None:
        days_left = int((certificate.not_after - self._timers.wall()) // _DAY_S)
        reached = [days for days in (*self._settings.warn_days, 0) if days_left < days or days_left < 0]
        if not reached:
            return
        said = (certificate.node, certificate.purpose, certificate.not_after, min(reached))
        if said in self._said:
            return
        self._said.add(said)
        log.warning(
            "certificate expires soon",
            extra={
                "code": "AP-CRT-011",
                "node": certificate.node,
                "purpose": certificate.purpose.value,
                "days": days_left,
            },
        )
        self._bus.publish(CertificateExpiring(certificate.node, certificate.purpose.value, days_left))


def _read(data: bytes) -> list[x509.Certificate]:
    try:
        return chains.read_certificates(data)
    except ValueError as error:
        raise UNREADABLE.error(str(error)) from None


def _due(certificate: x509.Certificate, wall: float) -> bool:
    start, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return wall >= start + (end - start) * _RENEW_AFTER


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
