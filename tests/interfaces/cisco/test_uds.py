"""User Data Services, asked over HTTP."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from lxml import etree
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.services.provisioning.example import ALICE, CLUSTER, DEFAULT, DEVICE, Records

from antiphon.interfaces.cisco.uds import Uds
from antiphon.kernel.errors import Fault, Kind
from antiphon.model import Principal
from antiphon.services.discovery.service import Discovery
from antiphon.services.provisioning.service import Provisioning

BASE = "https://cucm1.example.test:8443"
WRONG = Fault("AP-ID-001", Kind.UNAUTHENTICATED, "Wrong.", "Try again.")
BUSY = Fault("AP-ID-003", Kind.UNAVAILABLE, "Busy.", "Wait.")


class Doorman:
    """Everybody's password is `pw-<userid>`, everybody's token `token-<userid>`."""

    async def verify_password(self, userid: str, password: str, source: str = "") -> Principal:
        if userid == "busy":
            raise BUSY.error(retry_after_s=7)
        if password != f"pw-{userid}":
            raise WRONG.error()
        return Principal(userid, "password")

    def verify_token(self, token: str) -> Principal:
        if not token.startswith("token-"):
            raise WRONG.error()
        return Principal(token.removeprefix("token-"), "token")


def client(directory: Records | None = None, users_auth: bool = False) -> TestClient:
    directory = directory or Records()
    uds = Uds(
        BASE,
        Discovery(CLUSTER, directory),
        directory,
        Provisioning(CLUSTER, directory),
        Doorman(),
        users_auth=users_auth,
    )
    return TestClient(Starlette(routes=uds.routes()))


def tree(path: str, at: TestClient | None = None, user: str = "alice") -> etree._Element:
    answer = (at or client()).get(f"/cucm-uds{path}", headers={"Authorization": f"Bearer token-{user}"})
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content)


def names(element: etree._Element) -> list[str]:
    return [str(child.tag) for child in element]


def test_documents_have_the_prolog_and_the_headers_of_the_interface() -> None:
    answer = client().get("/cucm-uds/version")
    assert answer.content.startswith(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>')
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_the_version_is_announced_without_signing_in() -> None:
    document = tree("/version")
    assert document.tag == "versionInformation"
    assert document.get("uri") == f"{BASE}/cucm-uds/version"
    assert document.get("version") == document.findtext("version") == "12.5.1"
    assert document.findtext("capabilities/usersResourceAuthEnabled") == "false"


def test_the_directory_nodes_are_listed_primary_first() -> None:
    servers = [server.text for server in tree("/servers").findall("server")]
    assert servers == ["cucm1.example.test", "cucm2.example.test"]


@pytest.mark.parametrize("query", ["username=alice", "email=alice%40example.test", "useridentifier=ALICE"])
def test_the_home_cluster_is_found(query: str) -> None:
    document = tree(f"/clusterUser?{query}")
    assert document.get("uri") == f"{BASE}/cucm-uds/clusterUser?{query}"
    result, home = document.find("result"), document.find("homeCluster")
    assert result.get("found") == "true"
    assert result.get("uri") == f"{BASE}/cucm-uds/user/alice"
    assert (home.text, home.get("serversUri")) == ("cucm1.example.test", f"{BASE}/cucm-uds/servers")
    assert names(document) == ["result", "homeCluster", "homeClusterDetails"]


def test_a_stranger_is_not_found_and_that_is_no_error() -> None:
    document = tree("/clusterUser?username=mallory")
    assert document.find("result").get("found") == "false"
    assert names(document) == ["result"]


def test_a_user_at_home_elsewhere_is_sent_there() -> None:
    directory = Records()
    directory.keep(replace(ALICE, home_cluster="cucm9.example.test"))
    document = tree("/clusterUser?username=alice", client(directory))
    assert document.findtext("homeCluster") == "cucm9.example.test"
    assert document.find("result").get("uri") == "https://cucm9.example.test:8443/cucm-uds/user/alice"


def test_a_search_lists_every_child_even_when_it_is_empty() -> None:
    document = tree("/users?max=10&start=0&name=ali")
    counts = [document.get(name) for name in ("start", "requestedCount", "returnedCount", "totalCount")]
    assert counts == ["0", "10", "1", "1"]
    assert names(document[0]) == [
        "id", "userName", "firstName", "lastName", "middleName", "nickName", "displayName", "phoneNumber", "homeNumber",
        "mobileNumber", "email", "directoryUri", "msUri", "department", "manager", "title", "pager",
    ]  # fmt: skip
    assert document[0].get("uri") == f"{BASE}/cucm-uds/user/alice"


def test_names_are_escaped() -> None:
    found = tree("/users?name=bob")
    assert found.findtext("user/lastName") == "<&>"
    assert tree("/user/alice/devices").findtext("device/description") == 'Alice "soft" phone & more'


def test_what_xml_cannot_carry_is_replaced() -> None:
    directory = Records()
    directory.keep(replace(ALICE, display_name="A\x00\x0b\ud800lice"))
    assert tree("/user/alice", client(directory)).findtext("displayName") == "A\ufffd\ufffd\ufffdlice"


@pytest.mark.parametrize("query", ["start=-1", "max=x", "start=9999999999", "max=%00"])
def test_a_page_that_cannot_be_is_a_bad_request(query: str) -> None:
    answer = client().get(f"/cucm-uds/users?{query}")
    assert answer.status_code == 400
    assert etree.fromstring(answer.content).findtext("code") == "AP-UDS-002"


def test_a_page_is_never_longer_than_the_limit() -> None:
    directory = Records()
    for number in range(100):
        directory.keep(replace(ALICE, userid=f"user{number}", pkid=f"{number}", mail=""))
    document = tree("/users?max=500", client(directory))
    assert (document.get("returnedCount"), document.get("totalCount")) == ("64", "102")


def test_the_search_is_not_posted() -> None:
    answer = client().post("/cucm-uds/users", content=b"x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_the_search_may_ask_for_a_sign_in() -> None:
    guarded = client(users_auth=True)
    assert guarded.get("/cucm-uds/users").status_code == 401
    assert tree("/users", guarded).tag == "users"
    assert tree("/version", guarded).findtext("capabilities/usersResourceAuthEnabled") == "true"


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [{}, basic("alice:wrong"), basic("alice"), {"Authorization": "Basic %%%"}, {"Authorization": "Bearer x"},
     {"Authorization": "Digest x"}, {"Authorization": "Bearer token-" + "a" * 20000}],
)  # fmt: skip
def test_without_a_good_proof_the_answer_is_the_challenge_as_html(headers: dict[str, str]) -> None:
    answer = client().get("/cucm-uds/user/alice", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Cisco Web Services Realm"'
    assert answer.headers["content-type"] == "text/html;charset=utf-8"
    assert "<html>" in answer.text


def test_password_and_token_both_open_ones_own_resources() -> None:
    assert client().get("/cucm-uds/user/alice", headers=basic("alice:pw-alice")).status_code == 200
    assert (
        client().get("/cucm-uds/user/Alice", headers={"Authorization": "bearer token-alice"}).status_code
        == 200
    )


@pytest.mark.parametrize("path", ["", "/devices", f"/device/{DEVICE.pkid}", "/extensions", "/credentials"])
def test_another_users_resources_are_forbidden(path: str) -> None:
    for owner in ("alice", "nobody"):
        answer = client().get(f"/cucm-uds/user/{owner}{path}", headers=basic("bob:pw-bob"))
        assert answer.status_code == 403


def test_an_overloaded_sign_in_says_when_to_come_back() -> None:
    answer = client().get("/cucm-uds/user/busy", headers=basic("busy:x"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_the_user_document_says_where_everything_is() -> None:
    document = tree("/user/alice")
    assert names(document) == [
        "id", "userName", "firstName", "lastName", "middleName", "nickName", "displayName", "emMaxLoginTime",
        "allowProvisionEMMaxLoginTime", "phoneNumber", "homeNumber", "mobileNumber", "mobileConnect",
        "remoteDestinationLimit", "userLocale", "email", "directoryUri", "msUri", "department", "manager", "title",
        "pager", "selfServiceId", "accountType", "homeCluster", "imAndPresence", "serviceProfile", "jabberProfile",
        "callForwardAllDestination", "enableDoNotDisturb", "devices", "credentials", "extensions",
        "subscribedServices", "speedDials",
    ]  # fmt: skip
    assert document.find("homeCluster").get("enableImAndPresence") == "true"
    assert document.findtext("homeCluster") == "true"
    assert [s.text for s in document.findall("imAndPresence/server")] == [
        "imp1.example.test",
        "imp2.example.test",
    ]
    assert document.findtext("serviceProfile/uri") == "http://cucm1.example.test:6970/SPDefault.cnf.xml"
    expected = f"https://cucm1.example.test:6972/JAB_{DEFAULT.pkid}.cnf.xml"
    assert document.findtext("jabberProfile/uri") == expected


def test_every_link_of_the_user_document_can_be_followed() -> None:
    links = {e.get("uri") for e in tree("/user/alice") if "/user/alice/" in (e.get("uri") or "")}
    assert len(links) == 5
    for link in [*links, tree("/user/alice").find("userLocale").get("uri")]:
        tree(link.removeprefix(f"{BASE}/cucm-uds"))


def test_a_device_says_where_its_file_is() -> None:
    listed = tree("/user/alice/devices")
    assert names(listed[0]) == ["id", "name", "type", "model", "description", "protocol"]
    device = tree(listed[0].get("uri").removeprefix(f"{BASE}/cucm-uds"))
    assert device.findtext("name") == "CSFALICE"
    assert [uri.text for uri in device.findall("provision/uri")] == [
        "http://cucm1.example.test:6970/CSFALICE.cnf.xml",
        "http://cucm2.example.test:6970/CSFALICE.cnf.xml",
    ]


def test_a_device_that_is_not_there_is_not_found() -> None:
    answer = client().get("/cucm-uds/user/alice/device/nothing", headers=basic("alice:pw-alice"))
    assert answer.status_code == 404
    assert etree.fromstring(answer.content).findtext("code") == "AP-UDS-004"


def test_a_query_without_end_is_refused() -> None:
    assert client().get("/cucm-uds/users?name=" + "a" * 5000).status_code == 414


def test_a_hostile_query_cannot_break_the_document() -> None:
    document = tree("/clusterUser?username=%22%3E%3Cevil/%3E&x='\"><evil/>")
    assert document.find(".//evil") is None
    assert document.find("result").get("found") == "false"
