"""Service profile against configuration file: the four rows."""

from __future__ import annotations

import pytest

from antiphon.services.provisioning.parameters import PARAMETERS, known, nearest
from antiphon.services.provisioning.precedence import Origin, Value, effective, merge


@pytest.mark.parametrize(
    ("profile", "file", "counts"),
    [
        ("imp1", "imp9", Value("imp1", Origin.PROFILE)),
        ("imp1", "", Value("imp1", Origin.PROFILE)),
        ("", "imp9", Value("imp9", Origin.FILE)),
        ("", "", Value("", Origin.DEFAULT)),
    ],
)
def test_the_four_rows(profile: str, file: str, counts: Value) -> None:
    assert effective(profile, file) == counts


def test_parameters_are_merged_whatever_the_case_of_their_names() -> None:
    merged = merge(
        {"enablesipuridialling": "true"}, {"EnableSIPURIDialling": "false", "EnableVideo": "false"}
    )
    assert merged["EnableSIPURIDialling"] == Value("true", Origin.PROFILE)
    assert merged["EnableVideo"] == Value("false", Origin.FILE)
    assert merged["MaxNumberOfBookmarks"] == Value("30", Origin.DEFAULT)


def test_a_parameter_of_a_later_version_is_kept() -> None:
    assert merge({}, {"FromTheFuture": "1"})["FromTheFuture"] == Value("1", Origin.FILE)


def test_documented_defaults_are_in_the_table() -> None:
    assert PARAMETERS["Set_Status_Inactive_Timeout"] == ("Options", "15")
    assert PARAMETERS["EnableCallPark"] == ("Phone", "true")
    assert PARAMETERS["Persistent_Chat_Enabled"] == ("Client", "false")


def test_a_misspelled_name_is_recognised() -> None:
    assert known("enableVIDEO") == "EnableVideo"
    assert nearest("EnabelVideo") == "EnableVideo"
    assert nearest("qqqqqqqq") is None
