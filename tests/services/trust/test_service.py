from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from tests.services.trust.authority import sign

from antiphon.kernel.bus import LocalBus
from antiphon.kernel.errors import DomainError
from antiphon.kernel.time import VirtualTime
from antiphon.protocols.x509.chain import fingerprint
from antiphon.protocols.x509.identity import Expected, Field, match
from antiphon.protocols.x509.issue import Authority, certificates_pem, make_authority, new_key
from antiphon.protocols.x509.names import Names, names_of
from antiphon.services.trust import Purpose, Trust, TrustSettings
from antiphon.services.trust.events import CertificateChanged, CertificateExpiring

NODE, DOMAIN = "imp1.example.test", "example.test"


class House:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.time = VirtualTime()
        self.bus = LocalBus()
        self.changed: list[CertificateChanged] = []
        self.expiring: list[CertificateExpiring] = []
        self.bus.subscribe(CertificateChanged, self.changed.append)
        self.bus.subscribe(CertificateExpiring, self.expiring.append)
        self.trust = self.open()

    def open(self, settings: TrustSettings | None = None) -> Trust:
        trust = Trust(
            directory=self.directory, timers=self.time, bus=self.bus, domain=DOMAIN, settings=settings
        )
        trust.open()
        return trust


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "trust")
    for purpose in Purpose:
        made.trust.ensure(NODE, purpose)
    return made


@pytest.fixture
def public(house: House) -> Authority:
    """Somebody else's authority: a root and an issuing one under it."""
    root = make_authority("Public Root", house.time.wall(), 100)
    return make_authority("Public Issuing", house.time.wall(), 100, root)


def code(error: pytest.ExceptionInfo[DomainError]) -> str:
    return error.value.code


def test_the_xmpp_certificate_names_the_domain_in_every_identity_field(house: House) -> None:
    """S4-62, S4-64."""
    names = house.trust.certificate(NODE, "cup-xmpp").names
    assert names.xmpp_addrs == (DOMAIN,)
    assert set(names.srv_names) == {f"_xmpp-client.{DOMAIN}", f"_xmpp-server.{DOMAIN}"}
    assert names.dns_names == (DOMAIN, NODE)
    found = match(names, Expected.for_xmpp(DOMAIN))
    assert found is not None
    assert found.field is Field.XMPP_ADDR
    assert match(names, Expected(NODE)) is not None


def test_the_chain_is_verified_by_a_library_that_trusts_the_exported_root(house: House) -> None:
    certificate = house.trust.certificate(NODE, Purpose.TOMCAT)
    store = verification.Store(x509.load_pem_x509_certificates(house.trust.ca_pem()))
    verifier = (
        verification.PolicyBuilder()
        .store(store)
        .time(certificate.certificate.not_valid_before_utc)
        .build_server_verifier(x509.DNSName(NODE))
    )
    assert len(verifier.verify(certificate.certificate, list(certificate.chain))) == 3


def test_files_with_keys_are_for_their_owner_alone(house: House) -> None:
    house.trust.request(NODE, Purpose.TOMCAT)
    files = [path for path in house.directory.rglob("*") if path.is_file()]
    assert len(files) == 2 + 3 + 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_certificates_are_kept_over_a_restart(house: House) -> None:
    before = house.trust.certificate(NODE, Purpose.TOMCAT).der
    again = house.open()
    assert again.ensure(NODE, Purpose.TOMCAT).der == before
    assert again.ca_pem() == house.trust.ca_pem()


def test_a_name_that_is_missing_makes_a_new_certificate(house: House) -> None:
    before = house.trust.certificate(NODE, Purpose.XMPP).der
    after = house.trust.ensure(NODE, Purpose.XMPP, also=("conference.example.test",))
    assert after.der != before
    assert "conference.example.test" in after.names.xmpp_addrs


def test_our_certificates_are_renewed_at_two_thirds_of_their_life(house: House) -> None:
    before = house.trust.certificate(NODE, Purpose.TOMCAT).der
    house.trust.start()
    house.time.advance(397 * 86400 * 0.6)
    assert house.trust.certificate(NODE, Purpose.TOMCAT).der == before
    house.changed.clear()
    house.time.advance(397 * 86400 * 0.07)
    assert house.trust.certificate(NODE, Purpose.TOMCAT).der != before
    assert {event.purpose for event in house.changed} == {"tomcat", "cup-xmpp", "callmanager"}
    assert house.expiring == []


def test_an_imported_certificate_is_warned_of_and_never_renewed(house: House, public: Authority) -> None:
    request = x509.load_pem_x509_csr(house.trust.request(NODE, Purpose.TOMCAT))
    leaf = sign(public, request, house.time.wall(), 90)
    imported = house.trust.import_certificate(
        NODE, Purpose.TOMCAT, certificates_pem(leaf, public.certificate)
    )
    assert not imported.ours
    house.trust.start()
    house.time.advance(91 * 86400)
    assert house.trust.certificate(NODE, Purpose.TOMCAT).der == imported.der
    assert [event.days_left for event in house.expiring] == [29, 13, 2, -1]
    with pytest.raises(DomainError) as error:
        house.trust.renew(NODE, Purpose.TOMCAT)
    assert code(error) == "AP-CRT-010"
    assert house.trust.restore(NODE, Purpose.TOMCAT).ours


def test_a_request_says_every_name_and_the_chosen_subject(house: House) -> None:
    pem = house.trust.request(
        NODE, Purpose.XMPP, {"O": "Example", "OU": "Voice", "C": "FR"}, new_key("rsa-2048")
    )
    request = x509.load_pem_x509_csr(pem)
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={NODE},OU=Voice,O=Example,C=FR"
    assert names_of(request).xmpp_addrs == (DOMAIN,)
    assert house.trust.pending_request(NODE, Purpose.XMPP) == pem


@pytest.mark.parametrize(
    "subject",
    [{"O": "a&b"}, {"OU": "me@home"}, {"O": "Hey!"}, {"C": "FRA"}, {"C": "fr"}, {"CN": "x"}, {"O": "x" * 65}],
)
def test_characters_that_public_authorities_refuse_are_refused_here_first(
    house: House, subject: dict[str, str]
) -> None:
    """S4-22."""
    with pytest.raises(DomainError) as error:
        house.trust.request(NODE, Purpose.TOMCAT, subject)
    assert code(error) == "AP-CRT-002"


@pytest.mark.parametrize("order", ["leaf first", "leaf last", "der"])
def test_a_signed_certificate_is_used_with_its_chain_in_order(
    house: House, public: Authority, order: str
) -> None:
    request = x509.load_pem_x509_csr(house.trust.request(NODE, Purpose.TOMCAT))
    leaf = sign(public, request, house.time.wall())
    others = [public.certificate, public.above[0]]
    if order == "der":
        house.trust.trust(certificates_pem(public.certificate))
        data = leaf.public_bytes(Encoding.DER)
    else:
        data = certificates_pem(*([leaf, *others] if order == "leaf first" else [*reversed(others), leaf]))
    used = house.trust.import_certificate(NODE, Purpose.TOMCAT, data)
    assert used.certificate == leaf
    assert used.chain == (public.certificate,)
    assert house.open().ensure(NODE, Purpose.TOMCAT).der == used.der
    with pytest.raises(DomainError) as error:
        house.trust.pending_request(NODE, Purpose.TOMCAT)
    assert code(error) == "AP-CRT-009"


def test_what_does_not_fit_is_refused_and_the_certificate_in_use_stays(
    house: House, public: Authority
) -> None:
    wall = house.time.wall()
    with pytest.raises(DomainError) as error:
        house.trust.import_certificate(NODE, Purpose.TOMCAT, certificates_pem(house.trust.root))
    assert code(error) == "AP-CRT-009"
    request = x509.load_pem_x509_csr(house.trust.request(NODE, Purpose.TOMCAT))
    good = sign(public, request, wall)
    other = sign(public, request, wall, key=new_key())
    authority = certificates_pem(public.certificate)
    cases = {
        b"nonsense": "AP-CRT-003",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "AP-CRT-003",
        b"x" * 300_000: "AP-CRT-003",
        certificates_pem(good): "AP-CRT-008",
        certificates_pem(other) + authority: "AP-CRT-004",
        authority: "AP-CRT-004",
        certificates_pem(sign(public, request, wall - 10 * 86400, 5)) + authority: "AP-CRT-006",
        certificates_pem(sign(public, request, wall + 10 * 86400)) + authority: "AP-CRT-006",
        certificates_pem(sign(public, request, wall, names=Names(dns_names=("other.test",))))
        + authority: "AP-CRT-005",
        certificates_pem(sign(public, request, wall, server=False)) + authority: "AP-CRT-013",
    }
    before = house.trust.certificate(NODE, Purpose.TOMCAT).der
    house.changed.clear()
    for data, expected in cases.items():
        with pytest.raises(DomainError) as error:
            house.trust.import_certificate(NODE, Purpose.TOMCAT, data)
        assert code(error) == expected, data[:40]
    assert house.trust.certificate(NODE, Purpose.TOMCAT).der == before
    assert house.changed == []
    assert house.trust.import_certificate(NODE, Purpose.TOMCAT, certificates_pem(good) + authority)


def test_authorities_of_peers_are_imported_and_removed(house: House, public: Authority) -> None:
    """S3-63, S4-30."""
    with pytest.raises(DomainError) as error:
        house.trust.trust(certificates_pem(house.trust.certificate(NODE, Purpose.TOMCAT).certificate))
    assert code(error) == "AP-CRT-014"
    house.trust.trust(certificates_pem(public.above[0]))
    again = house.open()
    assert public.above[0] in again.authorities
    again.distrust(fingerprint(public.above[0]))
    assert public.above[0] not in house.open().authorities


@pytest.mark.parametrize("node", ["../../etc", "a/b", "", "a..b", ".", "UPPER/..", "x" * 300])
def test_no_node_name_leads_out_of_the_directory(house: House, node: str) -> None:
    with pytest.raises(DomainError) as error:
        house.trust.ensure(node, Purpose.TOMCAT)
    assert code(error) == "AP-CRT-001"


def test_a_damaged_file_stops_the_start_with_its_name(house: House) -> None:
    path = house.trust.certificate(NODE, Purpose.TOMCAT).path
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(DomainError) as error:
        house.open().ensure(NODE, Purpose.TOMCAT)
    assert code(error) == "AP-CRT-012"
    assert "tomcat.pem" in error.value.detail


def test_the_issuing_authority_is_renewed_under_the_same_root(house: House) -> None:
    root, before = house.trust.ca_pem(), house.trust.certificate(NODE, Purpose.TOMCAT)
    house.time.advance(1825 * 86400 * 0.7)
    again = house.open()
    after = again.ensure(NODE, Purpose.TOMCAT)
    assert after.ours
    assert after.chain != before.chain
    assert again.ca_pem() == root


def test_without_the_roots_key_no_certificate_outlives_the_issuing_authority(house: House) -> None:
    path = house.directory / "ca" / "root.pem"
    path.write_bytes(house.trust.ca_pem())
    house.time.advance(1700 * 86400)
    again = house.open()
    after = again.ensure(NODE, Purpose.TOMCAT)
    assert after.ours
    assert after.not_after <= after.chain[0].not_valid_after_utc.timestamp()
