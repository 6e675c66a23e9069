from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.client import documents
from antiphon.client.documents import (
    CallManager,
    ListedDevice,
    PhoneLine,
    ServiceAddress,
    device_list,
    device_settings,
    provision_uris,
    services,
    user_profile,
)
from antiphon.kernel.errors import DomainError
from antiphon.model.device import SecurityMode

USER = b"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<user uri="https://cucm1:8443/cucm-uds/user/alice" version="12.5.1"><id>5f66</id><userName>alice</userName>
<displayName>Alice Ng</displayName><phoneNumber>1001</phoneNumber><email>alice@example.test</email>
<homeCluster enableImAndPresence="true">true</homeCluster>
<imAndPresence><server>imp1.example.test</server></imAndPresence>
<serviceProfile><uri>http://cucm1.example.test:6970/SPDefault.cnf.xml</uri></serviceProfile>
<devices uri="https://cucm1:8443/cucm-uds/user/alice/devices"/></user>"""

DEVICE_FILE = b"""<?xml version="1.0" encoding="UTF-8"?>
<device xsi:type="axl:XIPPhone" ctiid="24" uuid="{9d0c}"><devicePool><callManagerGroup><members>
<member priority="1"><callManager><name>cucm2</name><ports><sipPort>5060</sipPort><securedSipPort>5061</securedSipPort>
</ports><processNodeName>cucm2.example.test</processNodeName></callManager></member>
<member priority="0"><callManager><name>cucm1</name><ports><sipPort>5060</sipPort><securedSipPort>5061</securedSipPort>
<sipOAuthPort>5190</sipOAuthPort><sipMAOAuthPort>5191</sipMAOAuthPort></ports>
<processNodeName>cucm1.example.test</processNodeName></callManager></member></members></callManagerGroup></devicePool>
<sipProfile><sipStack><timerRegisterExpires>3600</timerRegisterExpires><timerRegisterDelta>7</timerRegisterDelta></sipStack>
<sipLines><line button="1"><featureID>9</featureID><name>1001</name><displayName>Alice</displayName>
<contact>c3b6</contact></line><line button="2"><featureID>21</featureID><name>1002</name></line></sipLines></sipProfile>
<deviceSecurityMode>3</deviceSecurityMode><sipOAuthMode>1</sipOAuthMode></device>"""


def test_the_user_document_gives_name_number_and_where_to_go_next() -> None:
    user = user_profile(USER)
    assert (user.userid, user.display_name, user.number) == ("alice", "Alice Ng", "1001")
    assert user.im_enabled
    assert user.im_servers == ("imp1.example.test",)
    assert user.service_profile_uri == "http://cucm1.example.test:6970/SPDefault.cnf.xml"


def test_the_device_list_and_the_place_of_the_device_file_are_read() -> None:
    listed = device_list(
        b"<devices><device uri='https://c/d/1'><id>1</id><name>CSFALICE</name><model>M</model></device></devices>"
    )
    assert listed == (ListedDevice("CSFALICE", "https://c/d/1", "M"),)
    assert provision_uris(
        b"<device><provision><uri>http://c/a</uri><uri>http://d/a</uri></provision></device>"
    ) == (
        "http://c/a",
        "http://d/a",
    )


def test_sections_of_a_service_profile_without_address_are_left_out() -> None:
    profile = services(
        b"<UserConfig><Voicemail><Primary><Address/><Port/><Protocol/></Primary></Voicemail><IMandPresence>"
        b"<Primary><Address>imp1.example.test</Address><Port>5222</Port><Protocol>XMPP</Protocol></Primary>"
        b"<Backup1><Address>imp2.example.test</Address><Port/><Protocol/></Backup1></IMandPresence></UserConfig>"
    )
    assert profile.of("IMandPresence") == (
        ServiceAddress("imp1.example.test", 5222, "XMPP"),
        ServiceAddress("imp2.example.test"),
    )
    assert profile.of("Voicemail") == ()


def test_the_device_file_gives_members_in_their_order_and_both_spellings_of_the_edge_port() -> None:
    device = device_settings(DEVICE_FILE, "CSFALICE")
    assert device.members == (
        CallManager("cucm1.example.test", 5060, 5061, 5190, 5191),
        CallManager("cucm2.example.test", 5060, 5061, 5090, 5091),
    )
    assert device.lines == (PhoneLine("1001", "Alice", "c3b6"),)
    assert (device.sip_oauth, device.security_mode, device.register_delta_s) == (
        True,
        SecurityMode.ENCRYPTED,
        7,
    )


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html/>",
        b"<user>",
        b'<!DOCTYPE user [<!ENTITY a "b">]><user>&a;</user>',
        b"<user>" * 300 + b"</user>" * 300,
    ],
)
def test_what_is_no_user_document_is_refused_with_a_code(document: bytes) -> None:
    with pytest.raises(DomainError, match="AP-CLIENT-006"):
        user_profile(document)


@given(st.binary(max_size=100))
def test_arbitrary_octets_are_refused_and_nothing_else(document: bytes) -> None:
    for read in (user_profile, device_list):
        with pytest.raises(DomainError, match="AP-CLIENT-006"):
            read(document)


def test_the_home_cluster_is_found_or_not() -> None:
    found = documents.home_cluster(
        b'<clusterUser><result found="true" uri="https://c9.example.test:8443/cucm-uds/user/a%2Fb"/>'
        b"<homeCluster>c9.example.test</homeCluster></clusterUser>"
    )
    assert found == documents.HomeCluster(
        "c9.example.test", "a/b", "https://c9.example.test:8443/cucm-uds/user/a%2Fb"
    )
    assert documents.home_cluster(b'<clusterUser><result found="false"/></clusterUser>') is None


def test_servers_and_version_are_read() -> None:
    assert documents.server_list(b"<servers><server>a</server><server/><server>b</server></servers>") == (
        "a",
        "b",
    )
    assert (
        documents.interface_version(
            b'<versionInformation version="x"><version>12.5.1</version></versionInformation>'
        )
        == "12.5.1"
    )


def test_how_to_sign_in_is_read_and_no_more_is_assumed() -> None:
    both = (
        b'<Response><SingleSignOn><Status enabled="true"/><OAuth codeGrant="true"/></SingleSignOn></Response>'
    )
    assert documents.sign_on(both) == documents.SignOn(True, True)
    assert documents.sign_on(b"<Response/>") == documents.SignOn(False, False)


def test_client_parameters_are_read_whatever_their_section() -> None:
    document = b"<config><Client><A>1</A><B/></Client><Policies><A>2</A><C> 3 </C></Policies></config>"
    assert documents.client_parameters(document) == {"A": "1", "C": "3"}
