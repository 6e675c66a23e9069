"""`antiphon config describe` prints the declarations."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from antiphon.cli.config import describe, described
from antiphon.interfaces.xmpp.config import DoorSettings
from antiphon.services.identity.config import IdentitySettings


def test_every_field_of_a_declaration_is_a_setting_with_its_default() -> None:
    rows = {(row.area, row.name): row for row in described()}
    for area, declared in (("identity", IdentitySettings), ("xmpp", DoorSettings)):
        assert {name for of, name in rows if of == area} == {field.name for field in fields(declared)}
    assert rows["identity", "refresh_token_days"].default == "60"
    assert rows["identity", "password_grant"].default == "false"
    assert rows["xmpp", "on_conflict"].default == "replace"
    assert "resumption" in rows["xmpp", "resume_s"].sentence


def test_settings_of_features_have_their_range() -> None:
    park = next(row for row in described() if row.name == "park.timeout_s")
    assert (park.area, park.type, park.default) == ("call", "float", "60.0")
    assert park.sentence.endswith("(5 … 3600 s)")


def test_one_area_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert describe("trust", json=True) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["schema"] for row in rows} == {"antiphon.config/1"}
    assert {row["area"] for row in rows} == {"trust"}
    assert describe("nowhere") == 2
    assert "identity" in capsys.readouterr().err
