from __future__ import annotations

import pytest
from tests.interfaces.sip.site import Site, StreamPhone

from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.parse import parse_datagram
from antiphon.services.registrar.binding import Binding

# The REGISTER of the S3 log excerpt, its tags restored (S3-52 … S3-57); the token and the second body part follow the
# public forms of both.
TRACE_HEAD = (
    "REGISTER sip:10.10.10.1 SIP/2.0\r\n"
    "Via: SIP/2.0/TLS 10.10.10.10:62162;branch=z9hG4bK{branch}\r\n"
    "From: <sip:1001@10.10.10.1>;tag=882323451234089000003bdd-00005eff\r\n"
    "To: <sip:1001@10.10.10.1>\r\n"
    "Call-ID: 88232345-12340017-00001c0b-00000cfa@10.10.10.10\r\n"
    "Max-Forwards: 70\r\n"
    "Date: Mon, 30 Mar 2020 11:03:19 GMT\r\n"
    "CSeq: {cseq} REGISTER\r\n"
    "User-Agent: Cisco-CSF\r\n"
    "Contact: <sip:c3b6a0de-1f2e-4d3c-8b4a-5a6978877665@10.10.10.10:62162;transport=tls>"
    ';+sip.instance="<urn:uuid:00000000-0000-0000-0000-882323451234>"'
    ';+u.sip!devicename.ccm.cisco.com="CSFrado";+u.sip!model.ccm.cisco.com="503";video\r\n'
)
TRACE_SUPPORTED = (
    "Supported: replaces,join,sdp-anat,norefersub,resource-priority,extended-refer,X-cisco-callinfo,X-cisco-serviceuri,"
    "X-cisco-escapecodes,X-cisco-service-control,X-cisco-srtp-fallback,X-cisco-monrec,X-cisco-config,X-cisco-sis-7.0.0,"
    "X-cisco-xsi-8.5.1,X-cisco-graceful-reg,X-cisco-duplicate-reg\r\n"
)
TRACE_BODY = (
    "--uniqueBoundary\r\nContent-Type: application/x-cisco-remotecc-request+xml\r\n"
    "Content-Disposition: session;handling=optional\r\n\r\n"
    '<x-cisco-remotecc-request><bulkregisterreq><contact all="true"><register></register></contact></bulkregisterreq>'
    "</x-cisco-remotecc-request>\r\n"
    "--uniqueBoundary\r\nContent-Type: application/x-cisco-remotecc-request+xml\r\n"
    "Content-Disposition: session;handling=optional\r\n\r\n"
    '<x-cisco-remotecc-request><optionsind><combine max="6"><remotecc><status/></remotecc><service-control/></combine>'
    "</optionsind></x-cisco-remotecc-request>\r\n--uniqueBoundary--\r\n"
)
FIRST = (
    TRACE_HEAD.format(branch="00001188", cseq=2270)
    + TRACE_SUPPORTED
    + "Expires: 3600\r\nContent-Length: 0\r\n\r\n"
)
RETRY = (
    TRACE_HEAD.format(branch="00004a82", cseq=2271)
    + 'Proxy-Authorization: Bearer token="token-alice"\r\n'
    + TRACE_SUPPORTED
    + 'Reason: SIP;cause=200;text="cisco-alarm:111 Name=CSFrado ActiveLoad=Jabber_for_Windows-12.8.0.51973 '
    'InactiveLoad=Jabber_for_Windows-12.8.0.51973 Last=Application-Requested-Destroy"\r\n'
    "Expires: 3600\r\nContent-Type: multipart/mixed; boundary=uniqueBoundary\r\nMime-Version: 1.0\r\n"
    f"Content-Length: {len(TRACE_BODY)}\r\n\r\n" + TRACE_BODY
)


@pytest.fixture
def site() -> Site:
    return Site()


def binding(site: Site, number: str = "1001") -> Binding:
    (found,) = site.registrar.bindings(number)
    return found


def test_the_register_of_the_trace_is_challenged_and_then_answered_as_there(site: Site) -> None:
    """S3-51 … S3-58, byte for byte on the way in."""
    site.device("CSFrado", "alice", "1001")
    phone = site.phone("alice", "tls", 5090)
    phone.put(FIRST.encode())
    challenge = phone.response()
    assert challenge.status == 407
    assert challenge.reason == "Proxy Authentication Required"
    assert challenge.get("Proxy-Authenticate") == 'Bearer realm="ccmsipline"'
    assert challenge.get("CSeq") == "2270 REGISTER"
    assert challenge.to.tag
    assert challenge.get("Date").endswith("GMT")

    phone.put(RETRY.encode())
    ok = phone.response()
    assert (ok.status, ok.get("Expires"), ok.get("CSeq")) == (200, "120", "2271 REGISTER")
    sent = parse_datagram(FIRST.encode())
    assert isinstance(sent, Request)
    assert ok.get("Contact") == sent.get("Contact") + ";x-cisco-newreg"
    assert ok.get("Server").startswith("Antiphon")
    assert ok.get("Supported") == "X-cisco-srtp-fallback,X-cisco-sis-9.1.0"
    assert ok.content_type == "application/x-cisco-remotecc-response+xml"
    assert b"<optionsind>" in ok.body
    assert b"<code>200</code>" in ok.body
    bound = binding(site)
    assert (bound.device, bound.instance) == ("CSFrado", "<urn:uuid:00000000-0000-0000-0000-882323451234>")


def test_a_refresh_is_not_a_new_registration(site: Site) -> None:
    site.device("CSFrado", "alice", "1001")
    phone = site.phone("alice", "tls", 5090)
    phone.put(RETRY.encode())
    phone.inbox.clear()
    site.time.advance(115)
    phone.put(RETRY.replace("4a82", "4a83").replace("2271", "2272").encode())
    ok = phone.response()
    assert ok.status == 200
    assert "x-cisco-newreg" not in ok.get("Contact")
    assert binding(site).expires_in(site.time.now()) == 120


def test_the_form_of_rfc_8898_is_accepted_too(site: Site) -> None:
    phone = site.phone("alice", "wss", 443, authz_server="https://cucm1.example.test:8443")
    challenge = phone.register_once()
    assert challenge.status == 401
    assert challenge.get("WWW-Authenticate") == (
        'Bearer realm="ccmsipline", scope="sip", authz_server="https://cucm1.example.test:8443"'
    )
    ok = phone.register_once("Authorization: Bearer token-alice\r\n")
    assert ok.status == 200
    assert ok.contacts[0].params["expires"] == "120"
    assert binding(site).device == "CSFALICE"


def test_a_binding_ends_with_its_token(site: Site) -> None:
    site.secrets.until = site.time.wall() + 50
    assert site.phone("alice", "tls", 5090).register().get("Expires") == "50"


@pytest.mark.parametrize(("transport", "port"), [("udp", 5060), ("tcp", 5060), ("tls", 5061)])
def test_digest_registers_over_every_transport(site: Site, transport: str, port: int) -> None:
    phone = site.phone("bob", transport, port)
    first = phone.register_once()
    assert first.status == 401
    assert ["algorithm=MD5" in v for v in first.values("WWW-Authenticate")] == [True, False]
    ok = phone.register_once(phone.proof(first, "REGISTER", "sip:example.test"))
    assert ok.status == 200
    assert ok.get("Expires") == "120"
    assert ok.contacts[0].uri == phone.contact.strip("<>")
    assert binding(site, "1002").transport == transport


def test_the_challenge_lists_what_the_device_can_do_in_its_order(site: Site) -> None:
    site.device("SEPBOB", "bob", "1002", oauth=False, algorithms=("SHA-256",))
    phone = site.phone("bob")
    first = phone.register_once()
    (only,) = first.values("WWW-Authenticate")
    assert "algorithm=SHA-256" in only
    assert phone.register_once(phone.proof(first, "REGISTER", "sip:example.test")).status == 200


def test_an_unknown_number_gets_the_challenge_of_a_default_device(site: Site) -> None:
    site.device("SEPBOB", "bob", "1002", oauth=False)
    phone = site.phone("bob")
    known = phone.register_once()
    phone.number = "4711"
    unknown = phone.register_once()

    def shape(response: Response) -> list[str]:
        return [
            value.split("nonce=")[0] + value.split(",", 2)[2] for value in response.values("WWW-Authenticate")
        ]

    assert shape(known) == shape(unknown)
    assert unknown.status == 401
    assert phone.register_once(phone.proof(unknown, "REGISTER", "sip:example.test")).status == 403


def test_a_wrong_password_is_challenged_again_and_counted(site: Site) -> None:
    phone = site.phone("bob")
    first = phone.register_once()
    assert site.secrets.failed == []
    again = phone.register_once(phone.proof(first, "REGISTER", "sip:example.test", password="guess"))
    assert again.status == 401
    assert site.secrets.failed == ["bob"]
    site.secrets.blocked.add("bob")
    slowed = phone.register_once(phone.proof(again, "REGISTER", "sip:example.test", password="guess2"))
    assert (slowed.status, slowed.get("Retry-After")) == (403, "8")
    site.secrets.blocked.clear()
    assert phone.register().status == 200
    assert site.secrets.failed == []


def test_algorithms_that_nobody_here_knows_are_not_offered(site: Site) -> None:
    site.device("SEPBOB", "bob", "1002", oauth=False, algorithms=("SHA-512-256", "SHA-256"))
    (only,) = site.phone("bob").register_once().values("WWW-Authenticate")
    assert "algorithm=SHA-256" in only


def test_a_nonce_may_be_used_again_with_a_higher_count_only(site: Site) -> None:
    phone = site.phone("bob")
    first = phone.register_once()
    assert phone.register_once(phone.proof(first, "REGISTER", "sip:example.test", 1)).status == 200
    assert phone.register_once(phone.proof(first, "REGISTER", "sip:example.test", 2)).status == 200
    replayed = phone.register_once(phone.proof(first, "REGISTER", "sip:example.test", 2))
    assert replayed.status == 401
    assert "stale" not in replayed.get("WWW-Authenticate")


def test_an_old_nonce_is_stale(site: Site) -> None:
    phone = site.phone("bob")
    first = phone.register_once()
    site.time.advance(61)
    stale = phone.register_once(phone.proof(first, "REGISTER", "sip:example.test"))
    assert stale.status == 401
    assert "stale=true" in stale.get("WWW-Authenticate")


def test_a_retransmission_gets_the_same_bytes_without_being_served_again(site: Site) -> None:
    phone = site.phone("bob")
    first = phone.register_once()
    proof = phone.proof(first, "REGISTER", "sip:example.test")
    phone.register_once(proof, branch="z9hG4bKonce")
    phone._cseq -= 1
    phone.register_once(proof, branch="z9hG4bKonce")
    assert phone.raw[-1] == phone.raw[-2]
    assert site.door.transactions == 0


def test_unregistering_removes_the_binding(site: Site) -> None:
    phone = site.registered("bob")
    ok = phone.register(expires=0)
    assert (ok.status, ok.get("Expires"), ok.contacts) == (200, "0", [])
    assert site.registrar.bindings("1002") == ()
    phone.register()
    assert phone.register(expires=0, contact="*").status == 200
    assert site.registrar.bindings("1002") == ()


def test_too_short_an_expiry_is_refused_with_the_minimum(site: Site) -> None:
    brief = site.phone("bob").register(expires=5)
    assert (brief.status, brief.get("Min-Expires")) == (423, "15")


def test_a_keep_alive_probe_is_answered_and_changes_nothing(site: Site) -> None:
    phone = site.registered("bob")
    probe = phone.register_once(expires=0, contact=f"{phone.contact};expires=0;cisco-keep-alive")
    assert probe.status == 200
    assert probe.get("Date")
    assert len(site.registrar.bindings("1002")) == 1


@pytest.mark.parametrize(
    ("transport", "port", "proof"),
    [
        ("udp", 5060, 'Proxy-Authorization: Bearer token="token-alice"\r\n'),
        ("tls", 5061, "Authorization: Bearer token-alice\r\n"),
        ("tls", 5090, 'Authorization: Digest username="alice"\r\n'),
    ],
)
def test_a_proof_for_another_port_is_told_so(site: Site, transport: str, port: int, proof: str) -> None:
    """S3-60, S3-61."""
    refused = site.phone("alice", transport, port).register(proof=proof)
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert refused.get("Warning") == '399 cucm1 "SIP OAuth Registration port Mismatch"'
    assert refused.get("Retry-After") == "35"
    assert site.registrar.bindings("1001") == ()


def test_a_device_of_the_other_kind_is_told_so(site: Site) -> None:
    """S3-60: the device's security profile decides which port is its own."""
    name = "+u.sip!devicename.ccm.cisco.com"
    plain = site.phone("alice", "tls", 5090)
    assert "Mismatch" in plain.register(contact=f'{plain.contact};{name}="SEPALICE"').get("Warning")
    oauth = site.phone("alice", "tls", 5061)
    assert "Mismatch" in oauth.register(contact=f'{oauth.contact};{name}="CSFALICE"').get("Warning")


def test_nobody_registers_a_line_or_device_of_somebody_else(site: Site) -> None:
    phone = site.phone("alice", "tls", 5090)
    phone.number = "1002"
    assert phone.register().status == 403
    phone.number = "1001"
    name = "+u.sip!devicename.ccm.cisco.com"
    assert phone.register(contact=f'{phone.contact};{name}="CSFBOB"').status == 403
    assert site.registrar.bindings("1002") == ()


def test_a_token_that_proves_nothing_is_challenged(site: Site) -> None:
    phone = site.phone("alice", "tls", 5090)
    assert phone.register(proof='Proxy-Authorization: Bearer token="forged"\r\n').status == 407


def test_a_lost_connection_takes_its_bindings_along(site: Site) -> None:
    phone = site.registered("alice", "tls", 5090)
    assert isinstance(phone, StreamPhone)
    phone.disconnect()
    assert site.registrar.bindings("1001") == ()


def test_a_revoked_user_loses_bindings_and_connections(site: Site) -> None:
    alice, bob = site.registered("alice", "tls", 5090), site.registered("bob", "tls", 5090)
    assert isinstance(alice, StreamPhone)
    assert isinstance(bob, StreamPhone)
    site.door.revoke("alice")
    assert site.registrar.bindings("1001") == ()
    assert (alice.flow.closed, bob.flow.closed) == (True, False)


def test_a_sign_in_that_has_ended_takes_its_phones_and_no_others(site: Site) -> None:
    alice, bob = site.registered("alice", "tls", 5090), site.registered("bob", "tls", 5090)
    assert isinstance(alice, StreamPhone)
    assert isinstance(bob, StreamPhone)
    site.door.revoke_session("alice", "another")
    assert len(site.registrar.bindings("1001")) == 1
    site.door.revoke_session("alice", "session-alice")
    assert site.registrar.bindings("1001") == ()
    assert len(site.registrar.bindings("1002")) == 1
    assert (alice.flow.closed, bob.flow.closed) == (True, False)


def test_two_phones_of_one_line_behind_one_edge_node_are_told_apart(site: Site) -> None:
    """An edge node carries both over its one connection."""
    site.device("TCTALICE", "alice", "1001")
    edge = site.phone("alice", "tls", 5091, edge=True, certificate=b"edge1")
    name = ";+u.sip!devicename.ccm.cisco.com="
    desk, hand = (f'{edge.contact[:-1]};x={device}>{name}"{device}"' for device in ("CSFALICE", "TCTALICE"))
    for contact, session in ((desk, "session-alice"), (hand, "of the hand")):
        site.secrets.session = session
        edge.call_id += "x"
        assert edge.register(contact=contact).status == 200
    assert len(site.registrar.bindings("1001")) == 2
    site.door.revoke_session("alice", "session-alice")
    assert [binding.device for binding in site.registrar.bindings("1001")] == ["TCTALICE"]
    edge.inbox.clear()
    target, own = "sip:1002@x", f"<{edge.uri}>;tag=1"
    for call, (contact, status) in enumerate(((desk, 407), (hand, 100))):
        edge.send_request("INVITE", target, own, f"<{target}>", f"call{call}", 1, f"Contact: {contact}\r\n")
        assert edge.responses()[0].status == status
    assert isinstance(edge, StreamPhone)
    assert not edge.flow.closed
    site.door.revoke_session("alice", "of the hand")
    assert edge.flow.closed


def test_the_mutual_tls_port_lets_only_listed_edges_in(site: Site) -> None:
    """S3-43."""
    stranger = site.phone("alice", "tls", 5091, edge=True, certificate=b"other")
    assert isinstance(stranger, StreamPhone)
    assert stranger.flow.closed
    stranger.put(FIRST.encode())
    assert stranger.inbox == []
    nobody = site.phone("alice", "tls", 5091, edge=True)
    assert isinstance(nobody, StreamPhone)
    assert nobody.flow.closed
    assert site.phone("alice", "tls", 5091, edge=True, certificate=b"edge1").register().status == 200


@pytest.mark.parametrize(
    ("contact", "status"),
    [("<mailto:a@b>", 400), ("<sip:a@b?Route=x>", 400), ('"x', 400), ("*", 400)],
)
def test_contacts_that_cannot_be_bound_are_refused(site: Site, contact: str, status: int) -> None:
    assert site.phone("bob").register(contact=contact).status == status


def test_an_option_that_nobody_knows_is_refused_by_name(site: Site) -> None:
    refused = site.phone("bob").register_once("Require: gruu, teleport\r\n")
    assert (refused.status, refused.get("Unsupported")) == (420, "teleport")


def test_outbound_is_confirmed_to_a_client_that_asks_for_it(site: Site) -> None:
    """RFC 5626 §6: one binding for each instance and reg-id, whatever the Contact says."""
    instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";reg-id=1'
    phone = site.phone("alice", "wss", 443)
    proof = "Supported: path, outbound\r\nAuthorization: Bearer token-alice\r\n"
    ok = phone.register_once(proof, contact=f"<sip:k3j@df7.invalid;transport=ws>;{instance}")
    assert (ok.status, ok.get("Require"), ok.get("Flow-Timer")) == (200, "outbound", "120")
    assert ok.contacts[0].params["reg-id"] == "1"
    again = phone.register_once(proof, contact=f"<sip:other@df7.invalid;transport=ws>;{instance}")
    assert len(again.contacts) == 1
    assert "Require" not in site.registered("bob").register().fields
    caller = site.registered("bob")
    caller.invite("1001")
    assert phone.request("INVITE").uri == "sip:other@df7.invalid;transport=ws"
