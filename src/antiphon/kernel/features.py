"""Features: one file, one declaration, found by looking into a package.

A module of a features package exports `feature`. What it declares is all that the service takes from it: settings,
routes (exactly one handler each), chain steps in named stages, and listeners. Handlers get the service's small port.
"""

from __future__ import annotations

import difflib
import enum
import importlib
import pkgutil
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar

from antiphon.kernel.bus import Event
from antiphon.kernel.chain import Chain, Step
from antiphon.kernel.route import Routes

V = TypeVar("V", bool, int, float, str)


class BadFeature(Exception):
    """A declaration or a setting that cannot stand. Raised at start-up only."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[V]):
    """One knob of a feature. Its full name is `<feature>.<name>`."""

    name: str
    default: V
    sentence: str
    unit: str = ""
    low: float | None = None
    high: float | None = None

    def checked(self, value: object) -> V:
        """The value, or BadFeature where it is of another type or out of range. Nothing is clamped."""
        if type(self.default) is float and type(value) is int:
            value = float(value)
        if type(value) is not type(self.default):
            raise BadFeature(f"{self.name}: {value!r} is not a {type(self.default).__name__}")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = self.low, self.high
            if (low is not None and value < low) or (high is not None and value > high):
                raise BadFeature(f"{self.name}: {value!r} is not within {low} … {high} {self.unit}".rstrip())
        return value


@dataclass(frozen=True, slots=True)
class Claim:
    """One key of one route table of the service, e.g. ("iq", "urn:xmpp:ping") or ("code", "*70")."""

    table: str
    key: Hashable
    handler: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Listener:
    """`handle(port, event)` is called for each event of that kind."""

    kind: type[Event]
    handle: Callable[[Any, Any], None]


@dataclass(frozen=True, slots=True)
class Feature:
    """What one file adds to its service."""

    name: str
    """As the file: `forward_all`."""
    title: str
    """One line for people."""
    sources: tuple[str, ...] = ()
    """Where it is specified: `RFC 3891`, `XEP-0199`, `S0-187`."""
    settings: tuple[Setting[Any], ...] = ()
    routes: tuple[Claim, ...] = ()
    steps: tuple[Step[Any], ...] = ()
    listeners: tuple[Listener, ...] = ()
    advertises: tuple[str, ...] = ()
    """Names under which discovery replies announce it, e.g. features of XEP-0030."""


def load(package: ModuleType | str) -> tuple[Feature, ...]:
    """The features of a package, by name. A module without a declaration, or with a taken name, is BadFeature."""
    module = importlib.import_module(package) if isinstance(package, str) else package
    found: dict[str, Feature] = {}
    for info in pkgutil.iter_modules(module.__path__):
        name = f"{module.__name__}.{info.name}"
        feature = getattr(importlib.import_module(name), "feature", None)
        if not isinstance(feature, Feature):
            raise BadFeature(f"{name} exports no `feature`")
        if feature.name in found:
            raise BadFeature(f"{name}: a feature named {feature.name!r} is there already")
        found[feature.name] = feature
    return tuple(found[name] for name in sorted(found))


def chain(stages: type[enum.Enum], features: Iterable[Feature]) -> Chain[Any]:
    """The steps of these features that stand in one of the stages."""
    return Chain(
        stages, (step for feature in features for step in feature.steps if isinstance(step.stage, stages))
    )


def routes(table: str, features: Iterable[Feature]) -> Routes[Any, Callable[..., Any]]:
    """The claims on one table. RouteTaken where two features claim a key."""
    claimed: Routes[Any, Callable[..., Any]] = Routes(table)
    for feature in features:
        for claim in feature.routes:
            if claim.table == table:
                claimed.claim(claim.key, claim.handler, feature.name)
    return claimed


def settle(features: Iterable[Feature], given: Mapping[str, object]) -> dict[str, Any]:
    """Every setting by its full name, as given or as by default. An unknown name is BadFeature with the nearest."""
    known = {
        f"{feature.name}.{setting.name}": setting for feature in features for setting in feature.settings
    }
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise BadFeature(f"no setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return {
        name: setting.checked(given[name]) if name in given else setting.default
        for name, setting in known.items()
    }


def described(features: Iterable[Feature]) -> Iterator[tuple[str, str, str]]:
    """(feature, what, which) for each route, each chain step in the order it runs, and each listener."""
    features = tuple(features)
    for feature in features:
        for claim in feature.routes:
            yield feature.name, f"route {claim.table}", _text(claim.key)
    kinds = dict.fromkeys(type(step.stage) for feature in features for step in feature.steps)
    owner = {step.name: feature.name for feature in features for step in feature.steps}
    for stages in kinds:
        for step in chain(stages, features).steps:
            yield owner[step.name], f"step {step.stage.name}", step.name
    for feature in features:
        for listener in feature.listeners:
            yield feature.name, "listener", listener.kind.__name__


def _text(key: Hashable) -> str:
    if isinstance(key, tuple):
        return " ".join(map(_text, key))
    return str(getattr(key, "name", key))
