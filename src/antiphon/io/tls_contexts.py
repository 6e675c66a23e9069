"""Live TLS contexts of the listeners: certificates are replaced under them without anybody being disconnected.

A listener holds one outer context for its whole life. At each handshake the outer context's server-name callback puts
the current inner one in its place; a reload makes new inner contexts, so that a handshake sees either the old
certificate or the new one, and established connections keep what they have. Session tickets belong to the outer
context and stay valid across reloads.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from typing import Literal, Protocol
from weakref import WeakKeyDictionary

from antiphon.kernel.bus import Bus, Event
from antiphon.protocols.x509.identity import Expected, match
from antiphon.services.trust.certificates import Purpose, ServerCertificate
from antiphon.services.trust.events import AuthoritiesChanged, CertificateChanged

log = logging.getLogger(__name__)

ClientCertificates = Literal["none", "optional", "required"]
_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class Certificates(Protocol):
    """The trust service."""

    def certificate(self, node: str, purpose: Purpose | str, /) -> ServerCertificate: ...

    def authorities_pem(self) -> bytes: ...


class ListenerTls:
    """TLS of one listener. `io.stream.ServerTls`; for uvicorn `ssl_context_factory=lambda *_: tls.context()`."""

    def __init__(
        self,
        source: Certificates,
        which: Sequence[tuple[str, Purpose]],
        alpn: Sequence[str],
        client_certificates: ClientCertificates,
    ) -> None:
        self._source = source
        self._which = tuple(which)
        self._alpn = tuple(alpn)
        self._client_certificates = client_certificates
        self._leaves: WeakKeyDictionary[ssl.SSLContext, bytes] = WeakKeyDictionary()
        self._inner: tuple[tuple[ServerCertificate, ssl.SSLContext], ...] = ()
        self._outer = self._bare()
        self.reload()
        self._outer.sni_callback = self._choose

    def context(self) -> ssl.SSLContext:
        return self._outer

    def leaf(self, context: ssl.SSLContext) -> bytes:
        """DER of the certificate that was presented; `context` is the `context` of the finished connection's TLS object."""
        return self._leaves.get(context, self._inner[0][0].der)

    def concerns(self, node: str, purpose: str) -> bool:
        return any((name, each.value) == (node, purpose) for name, each in self._which)

    @property
    def verifies_clients(self) -> bool:
        return self._client_certificates != "none"

    def reload(self) -> None:
        """Present what the trust service has now, from the next handshake on. What cannot be loaded leaves the old."""
        inner = []
        for node, purpose in self._which:
            certificate = self._source.certificate(node, purpose)
            context = self._bare()
            context.load_cert_chain(certificate.path)
            self._leaves[context] = certificate.der
            inner.append((certificate, context))
        # The outer one is never presented, but a context without any certificate refuses before the callback is asked.
        self._outer.load_cert_chain(inner[0][0].path)
        self._inner = tuple(inner)

    def _bare(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.verify_mode = _VERIFY[self._client_certificates]
        if self.verifies_clients:
            context.load_verify_locations(cadata=self._source.authorities_pem().decode("ascii"))
        if self._alpn:
            context.set_alpn_protocols(list(self._alpn))
        return context

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str, _: ssl.SSLContext) -> int | None:
        chosen = self._inner[0][1]
        # `name` is None without SNI, whatever the stub file says.
        if name and len(self._inner) > 1:
            for certificate, context in self._inner:
                if match(certificate.names, Expected(name)) is not None:
                    chosen = context
                    break
        connection.context = chosen
        return None


class TlsContexts:
    """All listeners' TLS of a process; hears when a certificate or the trusted authorities change."""

    def __init__(self, source: Certificates, bus: Bus) -> None:
        self._source = source
        self._listeners: list[ListenerTls] = []
        bus.subscribe(CertificateChanged, self._changed)
        bus.subscribe(AuthoritiesChanged, self._changed)

    def listener(
        self,
        node: str,
        purpose: Purpose,
        *,
        alpn: Sequence[str] = (),
        client_certificates: ClientCertificates = "none",
        also: Sequence[tuple[str, Purpose]] = (),
    ) -> ListenerTls:
        """`also`: further certificates, presented to who asks for their names (SNI). Raises AP-CRT-001."""
        tls = ListenerTls(self._source, ((node, purpose), *also), alpn, client_certificates)
        self._listeners.append(tls)
        return tls

    def client_context(self, node: str, purpose: Purpose) -> ssl.SSLContext:
        """For connections from this node to peers: it shows the node's certificate and trusts our authorities.

        The peer's name is for the caller to check, by `protocols.x509.identity.match`.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        context.load_cert_chain(self._source.certificate(node, purpose).path)
        context.load_verify_locations(cadata=self._source.authorities_pem().decode("ascii"))
        return context

    def _changed(self, event: Event) -> None:
        for tls in self._listeners:
            if isinstance(event, CertificateChanged):
                if not tls.concerns(event.node, event.purpose):
                    continue
            elif not tls.verifies_clients:
                continue
            try:
                tls.reload()
            except (OSError, ssl.SSLError) as error:
                log.error(
                    "certificate not loaded, the old one stays",
                    extra={"code": "AP-CRT-012", "why": str(error)},
                )
