"""What the configuration files say."""

from __future__ import annotations

import pytest
from tests.services.provisioning.example import ALICE, BOB, CLUSTER, DEFAULT, PHONES, Records

from antiphon.kernel.errors import DomainError
from antiphon.model import ServiceKind
from antiphon.services.provisioning.service import Provisioning, client_file, group_file, profile_file


def test_a_device_gets_its_owner_its_lines_and_three_call_nodes() -> None:
    configuration = Provisioning(CLUSTER, Records()).device("CSFALICE")
    assert configuration is not None
    assert configuration.owner == ALICE
    assert [a.at.number for a in configuration.appearances] == ["1001", "1009"]
    assert [node.name[:5] for node in configuration.members] == ["cucm1", "cucm2", "cucm3"]
    assert configuration.profile_file == "SPDefault.cnf.xml"


def test_device_names_are_case_sensitive() -> None:
    assert Provisioning(CLUSTER, Records()).device("csfalice") is None


def test_the_version_stamp_changes_with_the_content_and_only_then() -> None:
    directory = Records()
    provisioning = Provisioning(CLUSTER, directory)
    first, again = provisioning.device("CSFALICE"), provisioning.device("CSFALICE")
    directory.change_device(sip_oauth=False)
    changed = provisioning.device("CSFALICE")
    assert first is not None
    assert again is not None
    assert changed is not None
    assert first.version_stamp == again.version_stamp != changed.version_stamp


def test_a_section_of_a_profile_has_three_places() -> None:
    provisioning = Provisioning(CLUSTER, Records())
    primary, backup, second = provisioning.services(DEFAULT, ServiceKind.IM_AND_PRESENCE)
    assert primary is not None
    assert backup is not None
    assert (primary.host, backup.host, second) == ("imp1.example.test", "imp2.example.test", None)
    assert provisioning.services(DEFAULT, ServiceKind.CTI) == (None, None, None)


def test_without_presence_servers_in_the_profile_the_clusters_own_are_used() -> None:
    provisioning = Provisioning(CLUSTER, Records())
    assert provisioning.im_nodes(ALICE) == ("imp1.example.test", "imp2.example.test")
    assert provisioning.im_nodes(BOB) == ("imp1.example.test",)


def test_profiles_are_files() -> None:
    provisioning = Provisioning(CLUSTER, Records())
    assert profile_file(DEFAULT) == profile_file(None) == "SPDefault.cnf.xml"
    assert profile_file(PHONES) == f"SP{PHONES.pkid}.cnf.xml"
    assert client_file(PHONES) == f"JAB_{PHONES.pkid}.cnf.xml"
    assert provisioning.profile("") == DEFAULT
    assert provisioning.profile(PHONES.pkid) == PHONES
    assert provisioning.profile("nothing") is None


@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("", "jabber-config.xml"),
        ("configurationfile=jabber-config-groupA.xml", "jabber-config-groupA.xml"),
        ("site=7;ConfigurationFile=a.xml", "a.xml"),
        ("configurationfile=", "jabber-config.xml"),
        ("call the desk", "jabber-config.xml"),
    ],
)
def test_the_support_field_may_name_a_group_file(field: str, file: str) -> None:
    assert group_file(field) == file


def test_a_parameter_that_does_not_exist_stops_the_start_with_the_nearest_name() -> None:
    with pytest.raises(DomainError, match=r"AP-PRV-002.*did you mean EnableVideo"):
        Provisioning(CLUSTER, Records(), files={"a.xml": (("Policies", "EnabelVideo", "true"),)})


def test_configuration_files_are_found_by_name() -> None:
    provisioning = Provisioning(CLUSTER, Records(), files={"a.xml": (("Policies", "EnableVideo", "false"),)})
    assert provisioning.configuration("jabber-config.xml") == ()
    assert provisioning.configuration("a.xml") == (("Policies", "EnableVideo", "false"),)
    assert provisioning.configuration("b.xml") is None
