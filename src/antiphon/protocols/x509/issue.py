"""Making keys, requests and certificates. Source: RFC 5280, RFC 2986, RFC 6125, RFC 5922.

Keys and serial numbers are drawn by the library from the operating system; nothing here is predictable.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from antiphon.protocols.x509.names import Names, alternative_names

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

KEY_KINDS = ("ec-256", "ec-384", "rsa-2048", "rsa-3072", "rsa-4096")
_BEFORE = datetime.timedelta(hours=1)  # peers' clocks run behind


def new_key(kind: str = "ec-256") -> PrivateKey:
    """Raises ValueError for a kind that is not in `KEY_KINDS`."""
    match kind:
        case "ec-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ec-384":
            return ec.generate_private_key(ec.SECP384R1())
        case "rsa-2048" | "rsa-3072" | "rsa-4096":
            return rsa.generate_private_key(65537, int(kind[4:]))
        case _:
            raise ValueError(f"{kind!r} is none of {', '.join(KEY_KINDS)}")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs others, with its key and the certificates above it."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """What a server sends behind its own certificate: every authority but the root."""
        return tuple(each for each in (self.certificate, *self.above) if each.issuer != each.subject)


def make_authority(name: str, wall: float, days: int, above: Authority | None = None) -> Authority:
    """A root, or with `above` an issuing authority that can sign servers only."""
    key = new_key("ec-256")
    subject = _subject(name)
    issuer, signer = (subject, key) if above is None else (above.certificate.subject, above.key)
    builder = (
        _builder(subject, issuer, wall, days)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(True, 1 if above is None else 0), True)
        .add_extension(_usage(signing=True), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if above is not None:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), False
        )
    certificate = builder.sign(signer, hashes.SHA256())
    return Authority(certificate, key, () if above is None else (above.certificate, *above.above))


def make_certificate(
    authority: Authority, key: PrivateKey, names: Names, wall: float, days: float
) -> x509.Certificate:
    """For one server: as a TLS server, and as a client towards other servers (SIP and XMPP between nodes).

    It never outlives the authority.
    """
    public = key.public_key()
    days = min(days, (authority.certificate.not_valid_after_utc.timestamp() - wall) / 86400)
    return (
        _builder(_subject(names.common_names[0]), authority.certificate.subject, wall, days)
        .public_key(public)
        .add_extension(alternative_names(names), False)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(_usage(signing=False, encipherment=isinstance(key, rsa.RSAPrivateKey)), True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False)
        .sign(authority.key, hashes.SHA256())
    )


def make_request(key: PrivateKey, names: Names, subject: dict[str, str]) -> x509.CertificateSigningRequest:
    """`subject` may have `O`, `OU`, `L`, `ST` and `C`; the common name is the first of `names`."""
    attributes = [
        x509.NameAttribute(_OIDS[field], value)
        for field in ("C", "ST", "L", "O", "OU")
        if (value := subject.get(field, ""))
    ]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, names.common_names[0][:64]))
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(attributes))
        .add_extension(alternative_names(names), False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False
        )
        .sign(key, hashes.SHA256())
    )


_OIDS = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


def key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificates_pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def _subject(common_name: str) -> x509.Name:
    # X.520 allows 64 characters in a common name; the alternative names carry the whole of it.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _builder(subject: x509.Name, issuer: x509.Name, wall: float, days: float) -> x509.CertificateBuilder:
    now = datetime.datetime.fromtimestamp(wall, datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, signing: bool, encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signing,
        crl_sign=signing,
        encipher_only=False,
        decipher_only=False,
    )
