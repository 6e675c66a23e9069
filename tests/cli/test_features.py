"""`antiphon features` prints what the features declare."""

from __future__ import annotations

import json

import pytest

from antiphon.cli.features import PACKAGES, features, parts_of
from antiphon.kernel.features import load


def test_every_feature_is_there_with_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert features(json=True) == 0
    parts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {part["schema"] for part in parts} == {"antiphon.features/1"}
    for service, package in PACKAGES.items():
        named = {part["feature"] for part in parts if part["service"] == service}
        assert named == {feature.name for feature in load(package)}
    assert [part["which"] for part in parts if part["feature"] == "park"] == [
        f"*{slot}" for slot in range(70, 80)
    ]


def test_steps_stand_in_the_order_in_which_they_run() -> None:
    steps = [part.what for part in parts_of("call") if part.what.startswith("step")]
    assert steps == ["step DIVERT", "step EXPAND", "step RECOVER"]


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert features("messaging") == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].split() == ["SERVICE", "FEATURE", "WHAT", "WHICH", "SOURCE"]
    assert "get urn:xmpp:ping ping" in said
    assert "forward_all" not in said
