"""Which value counts when the service profile and the configuration file both may set it.

Source: S2-148 … S2-151 (four rows).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

from antiphon.services.provisioning.parameters import PARAMETERS, known


class Origin(enum.Enum):
    PROFILE = "service profile"
    FILE = "configuration file"
    DEFAULT = "default"


class Value(NamedTuple):
    text: str
    origin: Origin


def effective(profile: str, file: str, default: str = "") -> Value:
    """One parameter. Empty means blank.

    | profile | file  | counts                                   |
    |---------|-------|------------------------------------------|
    | set     | set   | the profile                              |
    | set     | blank | the profile                              |
    | blank   | set   | the file                                 |
    | blank   | blank | the profile's blank, that is the default |
    """
    if profile:
        return Value(profile, Origin.PROFILE)
    if file:
        return Value(file, Origin.FILE)
    return Value(default, Origin.DEFAULT)


def merge(profile: Mapping[str, str], file: Mapping[str, str]) -> dict[str, Value]:
    """Every parameter that is set somewhere or has a default; names are compared without regard to case."""
    ours = {known(name) or name: value for name, value in profile.items()}
    theirs = {known(name) or name: value for name, value in file.items()}
    merged: dict[str, Value] = {}
    for name in (*PARAMETERS, *sorted({*ours, *theirs} - set(PARAMETERS))):
        default = PARAMETERS[name].default if name in PARAMETERS else ""
        value = effective(ours.get(name, ""), theirs.get(name, ""), default)
        if value.text:
            merged[name] = value
    return merged
