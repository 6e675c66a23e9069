from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from antiphon.kernel.bus import Event
from antiphon.kernel.chain import Step
from antiphon.kernel.features import (
    BadFeature,
    Claim,
    Feature,
    Listener,
    Setting,
    chain,
    described,
    load,
    routes,
    settle,
)
from antiphon.kernel.route import RouteTaken


class Stage(enum.Enum):
    FIRST = 1
    SECOND = 2


class Other(enum.Enum):
    ONLY = 1


@dataclass(frozen=True, slots=True)
class Happened(Event):
    what: str


def _same(subject: str) -> str:
    return subject


def _claim(key: str) -> Claim:
    return Claim("code", key, _same)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "found_features"
    root.mkdir()
    (root / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("found_features")]:
        monkeypatch.delitem(sys.modules, name)
    return root


def _write(package: Path, file: str, name: str) -> None:
    text = f"from antiphon.kernel.features import Feature\nfeature = Feature({name!r}, 'A feature')\n"
    (package / f"{file}.py").write_text(text)


def test_every_module_of_the_package_is_a_feature_in_the_order_of_names(package: Path) -> None:
    _write(package, "zebra", "zebra")
    _write(package, "ant", "ant")
    assert [feature.name for feature in load("found_features")] == ["ant", "zebra"]


def test_a_module_without_a_declaration_stops_start_up(package: Path) -> None:
    (package / "empty.py").write_text("x = 1\n")
    with pytest.raises(BadFeature, match=r"found_features\.empty exports no `feature`"):
        load("found_features")


def test_two_features_of_one_name_stop_start_up(package: Path) -> None:
    _write(package, "one", "same")
    _write(package, "two", "same")
    with pytest.raises(BadFeature, match="named 'same'"):
        load("found_features")


def test_a_route_claimed_twice_stops_start_up() -> None:
    one = Feature("one", "", routes=(_claim("*70"),))
    two = Feature("two", "", routes=(_claim("*70"), _claim("*71")))
    assert set(routes("code", [two])) == {"*70", "*71"}
    assert set(routes("other", [two])) == set()
    with pytest.raises(RouteTaken, match="one and by two"):
        routes("code", [one, two])


def test_steps_run_in_the_order_of_their_stages_whatever_feature_they_come_from() -> None:
    late: Step[str] = Step("late", Stage.SECOND, lambda s: s + "2")
    early: Step[str] = Step("early", Stage.FIRST, lambda s: s + "1")
    foreign: Step[str] = Step("foreign", Other.ONLY, lambda s: s + "x")
    features = [Feature("a", "", steps=(late, foreign)), Feature("b", "", steps=(early,))]
    assert chain(Stage, features).run("") == "12"


def test_settings_have_defaults_and_take_what_is_given() -> None:
    feature = Feature("park", "", settings=(Setting("timeout_s", 60.0, "How long.", "s", 5, 3600),))
    assert settle([feature], {}) == {"park.timeout_s": 60.0}
    assert settle([feature], {"park.timeout_s": 90}) == {"park.timeout_s": 90.0}


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    feature = Feature("park", "", settings=(Setting("timeout_s", 60.0, "How long."),))
    with pytest.raises(BadFeature, match=r"did you mean 'park.timeout_s'"):
        settle([feature], {"park.timeout": 1.0})


@pytest.mark.parametrize("value", [1.0, 4000, "60", True])
def test_a_setting_out_of_range_or_of_another_type_is_refused(value: object) -> None:
    feature = Feature("park", "", settings=(Setting("timeout_s", 60.0, "How long.", "s", 5, 3600),))
    with pytest.raises(BadFeature):
        settle([feature], {"park.timeout_s": value})


def test_the_description_names_routes_then_steps_in_order_then_listeners() -> None:
    features = [
        Feature("b", "", steps=(Step("late", Stage.SECOND, _same),), routes=(_claim("*70"),)),
        Feature("a", "", steps=(Step("early", Stage.FIRST, _same),), listeners=(Listener(Happened, print),)),
    ]
    assert list(described(features)) == [
        ("b", "route code", "*70"),
        ("a", "step FIRST", "early"),
        ("b", "step SECOND", "late"),
        ("a", "listener", "Happened"),
    ]
