"""`antiphon config describe`: every setting that is declared, printed from its declaration.

A declaration is a dataclass of a `config.py`, the string below a field its sentence; or a `Setting` of a feature.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from types import ModuleType
from typing import Any

import cyclopts

from antiphon.cli.entries import show_table
from antiphon.cli.features import PACKAGES
from antiphon.cli.language import _
from antiphon.cli.output import Output

app = cyclopts.App(name="config", help="Settings: what there is, and what it is without your doing.")

AREAS = ("antiphon.services", "antiphon.interfaces")


@dataclass(frozen=True, slots=True)
class Described:
    """One setting."""

    area: str
    name: str
    type: str
    default: str
    sentence: str


@app.command
def describe(area: str = "", *, json: bool = False) -> int:
    """Print every setting with its default and what it means.

    Settings of identity are changed with `antiphon token settings`; the others have their default in this version.

    Example: antiphon config describe identity

    Parameters
    ----------
    area
        Only settings of this service or interface, for example identity.
    json
        Write JSON lines.
    """
    columns = [
        (_("AREA"), lambda row: row.area),
        (_("SETTING"), lambda row: row.name),
        (_("DEFAULT"), lambda row: row.default),
        (_("MEANING"), lambda row: row.sentence),
    ]
    rows = [row for row in described() if area in ("", row.area)]
    if not rows:
        areas = ", ".join(dict.fromkeys(row.area for row in described()))
        print(_("There are settings of {areas}.").format(areas=areas), file=sys.stderr)
        return 2
    show_table(Output("antiphon.config/1", json), "setting", rows, columns)
    return 0


def described() -> Iterator[Described]:
    """Of services and interfaces in the order of their names, then of features."""
    for package in AREAS:
        for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
            try:
                module = importlib.import_module(f"{package}.{info.name}.config")
            except ModuleNotFoundError:
                continue
            yield from _of_module(info.name, module)
    yield from _of_features()


def _of_module(area: str, module: ModuleType) -> Iterator[Described]:
    sentences = _sentences(module)
    for declared in vars(module).values():
        if isinstance(declared, type) and is_dataclass(declared) and declared.__module__ == module.__name__:
            for field in fields(declared):
                default = _default(field)
                if not is_dataclass(default):
                    sentence = sentences.get((declared.__name__, field.name), "")
                    yield Described(area, field.name, str(field.type), _text(default), sentence)


def _of_features() -> Iterator[Described]:
    from antiphon.kernel.features import load

    for service, package in PACKAGES.items():
        for feature in load(package):
            for setting in feature.settings:
                name, kind = f"{feature.name}.{setting.name}", type(setting.default).__name__
                sentence = f"{setting.low} … {setting.high} {setting.unit}".strip()
                sentence = f"{setting.sentence} ({sentence})" if setting.low is not None else setting.sentence
                yield Described(service, name, kind, _text(setting.default), sentence)


def _sentences(module: ModuleType) -> dict[tuple[str, str], str]:
    """(class, field) → the string that stands below the field."""
    found = {}
    for declared in ast.parse(inspect.getsource(module)).body:
        if isinstance(declared, ast.ClassDef):
            for field, below in zip(declared.body, declared.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(below, ast.Expr)
                    and isinstance(below.value, ast.Constant)
                ):
                    found[declared.name, field.target.id] = " ".join(str(below.value.value).split())
    return found


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return "" if field.default is MISSING else field.default


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)
