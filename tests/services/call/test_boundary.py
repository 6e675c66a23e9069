"""The core does not know its features."""

from __future__ import annotations

import re
from pathlib import Path

import antiphon.services.call
from antiphon.kernel.features import load

CORE = sorted(Path(antiphon.services.call.__file__).parent.glob("*.py"))
FEATURES = load("antiphon.services.call.features")


def test_there_are_the_four_features_that_prove_it_and_more() -> None:
    assert {"forward_all", "hunt_group", "attended_transfer", "park"} <= {
        feature.name for feature in FEATURES
    }


def test_no_file_of_the_core_imports_or_mentions_a_feature() -> None:
    assert len(CORE) > 8
    for path in CORE:
        text = path.read_text()
        assert "call.features" not in text, path.name
        for feature in FEATURES:
            assert not re.search(rf"\b{feature.name}\b", text), f"{path.name} mentions {feature.name}"


def test_a_feature_imports_nothing_of_another() -> None:
    directory = Path(antiphon.services.call.__file__).parent / "features"
    for path in directory.glob("*.py"):
        assert "call.features" not in path.read_text(), path.name
