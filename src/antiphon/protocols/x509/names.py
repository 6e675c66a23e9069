"""The names in a certificate by which servers are known. Source: RFC 6120 §13.7.1, RFC 4985, RFC 9525; S4-35 … S4-41."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

XMPP_ADDR = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
SRV_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")

_UTF8_STRING = 0x0C
_IA5_STRING = 0x16


@dataclass(frozen=True, slots=True)
class Names:
    """What a certificate says it is; everything in lower case but the common names' spelling in `subject`."""

    xmpp_addrs: tuple[str, ...] = ()
    srv_names: tuple[str, ...] = ()
    """As `_service.domain`."""
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    common_names: tuple[str, ...] = ()

    @property
    def has_alternative(self) -> bool:
        """Whether it names a server otherwise than by its common name."""
        return bool(self.xmpp_addrs or self.srv_names or self.dns_names or self.ip_addresses)


def names_of(certificate: x509.Certificate | x509.CertificateSigningRequest) -> Names:
    """Never raises on what a peer's certificate holds: a name that cannot be read is not there."""
    common = tuple(
        str(attribute.value).lower()
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    )
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        others = san.get_values_for_type(x509.OtherName)
        dns = san.get_values_for_type(x509.DNSName)
        addresses = san.get_values_for_type(x509.IPAddress)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return Names(common_names=common)
    return Names(
        xmpp_addrs=_text_of(others, XMPP_ADDR),
        srv_names=_text_of(others, SRV_NAME),
        dns_names=tuple(name.lower() for name in dns),
        ip_addresses=tuple(str(address) for address in addresses),
        common_names=common,
    )


def server_names(der: bytes) -> tuple[str, ...]:
    """DNS names, addresses and common names of a certificate, in lower case; none where it cannot be read."""
    try:
        names = names_of(x509.load_der_x509_certificate(der))
    except ValueError:
        return ()
    return (*names.dns_names, *names.ip_addresses, *names.common_names)


def alternative_names(names: Names) -> x509.SubjectAlternativeName:
    general: list[x509.GeneralName] = [x509.DNSName(name) for name in names.dns_names]
    general += [x509.IPAddress(ipaddress.ip_address(address)) for address in names.ip_addresses]
    general += [x509.OtherName(XMPP_ADDR, _der(_UTF8_STRING, name)) for name in names.xmpp_addrs]
    general += [x509.OtherName(SRV_NAME, _der(_IA5_STRING, name)) for name in names.srv_names]
    return x509.SubjectAlternativeName(general)


def _text_of(others: list[x509.OtherName], kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    found = (_text(other.value) for other in others if other.type_id == kind)
    return tuple(text.lower() for text in found if text is not None)


def _der(tag: int, text: str) -> bytes:
    content = text.encode()
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes(2, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _text(der: bytes) -> str | None:
    """The UTF8String or IA5String that is the whole of `der`; None for anything else."""
    if len(der) < 2 or der[0] not in (_UTF8_STRING, _IA5_STRING):
        return None
    start, length = 2, der[1]
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 2:
            return None
        start, length = 2 + count, int.from_bytes(der[2 : 2 + count], "big")
    content = der[start:]
    if len(content) != length or b"\0" in content:
        return None
    try:
        return content.decode("utf-8" if der[0] == _UTF8_STRING else "ascii")
    except UnicodeDecodeError:
        return None
