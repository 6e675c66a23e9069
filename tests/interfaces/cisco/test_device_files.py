"""Configuration files, read as clients read them."""

from __future__ import annotations

import pytest
from lxml import etree
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.services.provisioning.example import CLUSTER, CONTACT, DEFAULT, PHONES, Records

from antiphon.interfaces.cisco.device_files import DeviceFiles, routes
from antiphon.model import SecurityMode
from antiphon.services.provisioning.service import Provisioning

GROUP = {"jabber-config-groupA.xml": (("Policies", "EnableVideo", "false"), ("Client", "IP_Mode", "<&>"))}


def files(directory: Records | None = None) -> DeviceFiles:
    return DeviceFiles(Provisioning(CLUSTER, directory or Records(), files=GROUP))


def parsed(name: str, directory: Records | None = None) -> etree._Element:
    file = files(directory).read(name)
    assert file is not None
    return etree.fromstring(file.body)


def names(element: etree._Element) -> list[str]:
    return [str(child.tag) for child in element]


def test_the_device_file_lists_three_call_nodes_with_all_their_ports_in_order() -> None:
    device = parsed("CSFALICE.cnf.xml")
    managers = device.findall("devicePool/callManagerGroup/members/member/callManager")
    assert [manager.findtext("name") for manager in managers] == [
        "cucm1.example.test",
        "cucm2.example.test",
        "cucm3.example.test",
    ]
    assert [member.get("priority") for member in device.iter("member")][:3] == ["0", "1", "2"]
    assert names(managers[0]) == ["name", "description", "ports", "processNodeName"]
    ports = managers[0].find("ports")
    assert names(ports) == [
        "ethernetPhonePort", "sipPort", "securedSipPort", "sipOAuthPort", "sipMRAOAuthPort", "mgcpPorts",
    ]  # fmt: skip
    assert [ports.findtext(name) for name in names(ports)[:5]] == ["2000", "5060", "5061", "5090", "5091"]


def test_the_device_files_elements_stand_in_the_order_of_the_format() -> None:
    assert names(parsed("CSFALICE.cnf.xml")) == [
        "fullConfig", "deviceProtocol", "devicePool", "TVS", "sipProfile", "commonProfile", "loadInformation",
        "vendorConfig", "commonConfig", "enterpriseConfig", "versionStamp", "userLocale", "networkLocale",
        "deviceSecurityMode", "authenticationURL", "directoryURL", "servicesURL", "secureUDSUsersAccessURL",
        "transportLayerProtocol", "capfAuthMode", "capfList", "certHash", "encrConfig", "sipOAuthMode", "userId", "ownerId",
        "phoneServices",
    ]  # fmt: skip
    assert names(parsed("CSFALICE.cnf.xml").find("devicePool")) == [
        "revertPriority", "name", "dateTimeSetting", "callManagerGroup", "srstInfo", "connectionMonitorDuration",
    ]  # fmt: skip


def test_each_line_carries_the_user_part_of_its_contact() -> None:
    lines = parsed("CSFALICE.cnf.xml").findall("sipProfile/sipLines/line")
    assert [(line.findtext("name"), line.findtext("contact")) for line in lines] == [
        ("1001", CONTACT),
        ("1009", "c3b6-2"),
    ]
    assert [line.findtext("displayName") for line in lines] == ["Alice Ng", None] or lines[1].findtext(
        "displayName"
    ) == ""
    assert lines[1].findtext("maxNumCalls") == "2"
    assert lines[0].findtext("featureID") == "9"


@pytest.mark.parametrize(
    ("oauth", "mode", "expected"),
    [(True, SecurityMode.ENCRYPTED, ("1", "3", "3")), (False, SecurityMode.NON_SECURE, ("0", "1", "1"))],
)
def test_the_oauth_mode_follows_the_device(
    oauth: bool, mode: SecurityMode, expected: tuple[str, str, str]
) -> None:
    directory = Records()
    directory.change_device(sip_oauth=oauth, security_mode=mode)
    device = parsed("CSFALICE.cnf.xml", directory)
    found = [
        device.findtext(name) for name in ("sipOAuthMode", "deviceSecurityMode", "transportLayerProtocol")
    ]
    assert tuple(found) == expected


def test_the_device_file_names_the_profile_of_its_owner_and_holds_no_secret() -> None:
    device = parsed("CSFALICE.cnf.xml")
    owner = device.find("ownerId")
    assert owner.text == "alice"
    assert owner.get("serviceProfileFile") == "SPDefault.cnf.xml"
    secrets = [e for e in device.iter() if "assword" in str(e.tag) or "ecret" in str(e.tag)]
    assert [str(e.tag) for e in secrets] == ["phonePassword"]
    assert not any(e.text for e in secrets)


def test_the_profile_has_seven_sections_with_three_places_each() -> None:
    profile = parsed("SPDefault.cnf.xml")
    assert names(profile) == [
        "Voicemail", "MailStore", "Conferencing", "Directory", "IMandPresence", "CTI", "VideoConferenceSchedulingPortal",
    ]  # fmt: skip
    for section in profile:
        assert names(section)[:3] == ["Primary", "Backup1", "Backup2"]
        assert all(names(place) == ["Address", "Port", "Protocol"] for place in section[:3])
    assert profile.findtext("IMandPresence/Backup1/Address") == "imp2.example.test"
    assert profile.findtext("Voicemail/Primary/Port") == "443"
    assert profile.findtext("Directory/UseUDS") == "true"
    assert not profile.findtext("Directory/Password")


def test_every_profile_has_a_file_and_one_for_its_client_parameters() -> None:
    assert not parsed(f"SP{PHONES.pkid}.cnf.xml").findtext("IMandPresence/Primary/Address")
    assert (
        parsed(f"SP{DEFAULT.pkid}.cnf.xml").findtext("IMandPresence/Primary/Address") == "imp1.example.test"
    )
    assert parsed(f"JAB_{DEFAULT.pkid}.cnf.xml").findtext("Policies/EnableSIPURIDialling") == "true"


def test_client_configuration_is_grouped_in_sections_and_escaped() -> None:
    assert len(parsed("jabber-config.xml")) == 0
    group = parsed("jabber-config-groupA.xml")
    assert group.get("version") == "1.0"
    assert names(group) == ["Client", "Policies"]
    assert group.findtext("Client/IP_Mode") == "<&>"


def test_a_device_that_nobody_has_added_gets_the_defaults() -> None:
    assert parsed("XMLDefault.cnf.xml").findtext(".//processNodeName") == "cucm1.example.test"


@pytest.mark.parametrize(
    "name",
    ["", "csfalice.cnf.xml", "CSFALICE", "CSFALICE.cnf.xml.sgn", "../CSFALICE.cnf.xml", "SP.cnf.xml", "JAB_.cnf.xml",
     "SP../x.cnf.xml", "a" * 5000 + ".cnf.xml", "\0.cnf.xml"],
)  # fmt: skip
def test_other_names_are_no_files(name: str) -> None:
    assert files().read(name) is None


def test_http_answers_with_an_entity_tag_and_revalidates() -> None:
    client = TestClient(Starlette(routes=routes(files())))
    first = client.get("/CSFALICE.cnf.xml")
    assert first.status_code == 200
    assert first.headers["content-type"].startswith("application/xml")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/CSFALICE.cnf.xml", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_http_refuses_other_methods_and_other_paths() -> None:
    client = TestClient(Starlette(routes=routes(files())))
    assert client.get("/nothing.cnf.xml").status_code == 404
    assert client.get("/..%2f..%2fetc%2fpasswd").status_code == 404
    assert client.get("/a/CSFALICE.cnf.xml").status_code == 404
    put = client.put("/CSFALICE.cnf.xml", content=b"x")
    assert (put.status_code, put.headers["allow"]) == (405, "GET")
    assert client.get("/CSFALICE.cnf.xml?" + "a" * 5000).status_code == 414
    assert client.head("/CSFALICE.cnf.xml").content == b""
