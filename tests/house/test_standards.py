"""standards/index.toml against the tree: nothing missing, nothing claimed that is not there."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INDEX = tomllib.loads((ROOT / "standards" / "index.toml").read_text(encoding="utf-8"))
STATUSES = {"planned", "partial", "done", "record"}
MISSION = {"S0": 273, "S1": 125, "S2": 158, "S3": 66, "S4": 67}


def test_every_mission_item_has_a_row_and_no_other_has() -> None:
    expected = {f"{source}-{number}" for source, last in MISSION.items() for number in range(1, last + 1)}
    assert set(INDEX["mission"]) == expected
    assert len(expected) == 689


@pytest.mark.parametrize("table", ["mission", "rfc", "xep"])
def test_a_row_claims_only_what_the_tree_holds(table: str) -> None:
    wrong = []
    for key, row in INDEX[table].items():
        if row["status"] not in STATUSES:
            wrong.append(f"{key}: status {row['status']!r}")
        for name in ("file", "test"):
            value = row.get(name, "")
            if value and not (ROOT / value.partition("::")[0]).exists():
                wrong.append(f"{key}: {name} {value} is not there")
            if not value and row["status"] in ("partial", "done"):
                wrong.append(f"{key}: {row['status']} without a {name}")
            if "::" in value and value.partition("::")[2] not in (ROOT / value.partition("::")[0]).read_text(
                "utf-8"
            ):
                wrong.append(f"{key}: {value} names a test that is not in the file")
    assert not wrong, "\n".join(wrong)
