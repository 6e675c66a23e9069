from __future__ import annotations

import pytest
import requests
from cryptography import x509
from tests.interfaces.http.client import Served, in_thread
from tests.services.trust.authority import sign

from antiphon.protocols.x509.chain import fingerprint
from antiphon.protocols.x509.issue import certificates_pem, make_authority

ONE = "/api/v1/trust/certificates/imp1.example.test/cup-xmpp"


async def test_everybody_gets_the_root_certificate_and_only_administrators_the_rest(served: Served) -> None:
    with served.session() as nobody, await served.administrator("alice") as alice:
        root = await in_thread(nobody.get, f"{served.origin}/api/v1/trust/ca.pem")
        assert x509.load_pem_x509_certificates(root.content) == [served.trust.root]
        for method, path in (
            ("GET", "/api/v1/trust/certificates"),
            ("GET", ONE),
            ("PUT", ONE),
            ("POST", f"{ONE}/request"),
            ("POST", f"{ONE}/renew"),
            ("POST", "/api/v1/trust/authorities"),
            ("DELETE", "/api/v1/trust/authorities/AA"),
        ):
            refused = await in_thread(nobody.request, method, served.origin + path)
            assert (refused.status_code, refused.json()["code"]) == (401, "AP-ID-004")
            forbidden = await in_thread(alice.request, method, served.origin + path)
            assert (forbidden.status_code, forbidden.json()["code"]) == (403, "AP-ID-009")


async def test_a_certificate_is_requested_signed_and_imported(served: Served) -> None:
    public = make_authority("Public", served.house.time.wall(), 100)
    with await served.administrator() as admin:
        made = await in_thread(
            admin.post, f"{served.origin}{ONE}/request", json={"subject": {"O": "Example"}, "key": "rsa-2048"}
        )
        assert made.status_code == 201
        waiting = await in_thread(admin.get, f"{served.origin}{ONE}/request")
        assert waiting.json() == made.json()
        request = x509.load_pem_x509_csr(made.json()["pem"].encode())
        leaf = sign(public, request, served.house.time.wall())
        alone = await in_thread(admin.put, served.origin + ONE, data=certificates_pem(leaf))
        assert (alone.status_code, alone.json()["code"]) == (400, "AP-CRT-008")
        whole = certificates_pem(leaf, public.certificate)
        imported = await in_thread(admin.put, served.origin + ONE, data=whole)
        assert imported.json()["fingerprint"] == fingerprint(leaf)
        assert imported.json()["ours"] is False
        refused = await in_thread(admin.post, f"{served.origin}{ONE}/renew")
        assert (refused.status_code, refused.json()["code"]) == (409, "AP-CRT-010")
        back = await in_thread(admin.post, f"{served.origin}{ONE}/restore")
        assert back.json()["ours"] is True


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/trust/certificates/nowhere/tomcat", b"", 404),
        ("GET", "/api/v1/trust/certificates/imp1.example.test/nothing", b"", 404),
        ("GET", "/api/v1/trust/certificates/..%2F..%2Fca/root", b"", 404),
        ("POST", f"{ONE}/request", b"[1]", 400),
        ("POST", f"{ONE}/request", b'{"key":"dsa-1024"}', 400),
        ("POST", f"{ONE}/request", b'{"subject":{"O":"@"}}', 400),
        ("POST", f"{ONE}/request", b'{"subject":["O"]}', 400),
        ("PUT", ONE, b"x" * 300_000, 400),
        ("POST", "/api/v1/trust/authorities", b"nonsense", 400),
        ("DELETE", "/api/v1/trust/authorities/..%2F..%2Fca%2Froot", b"", 404),
    ],
)
async def test_what_does_not_fit_is_a_problem_document(
    served: Served, method: str, path: str, body: bytes, status: int
) -> None:
    with await served.administrator() as admin:
        answer: requests.Response = await in_thread(admin.request, method, served.origin + path, data=body)
    assert answer.status_code == status
    if answer.headers["content-type"] == "application/problem+json":
        assert answer.json()["code"].startswith("AP-")
        assert answer.json()["fix"]
    assert (served.trust.certificate("imp1.example.test", "cup-xmpp")).ours


async def test_an_authority_of_peers_is_added_and_removed(served: Served) -> None:
    edge = make_authority("Edge", served.house.time.wall(), 100)
    path = f"{served.origin}/api/v1/trust/authorities"
    with await served.administrator() as admin:
        added = await in_thread(admin.post, path, data=certificates_pem(edge.certificate))
        assert added.status_code == 201
        listed = (await in_thread(admin.get, path)).json()["items"]
        assert [item["issued_to"] for item in listed][1:] == ["CN=Edge"]
        removed = await in_thread(admin.delete, f"{path}/{listed[1]['fingerprint']}")
        assert removed.status_code == 204
    assert served.trust.authorities == (served.trust.root,)
