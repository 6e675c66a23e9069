"""Reads and changes standards/index.toml, the project's memory of what is true.

python tools/standards.py set done S3-49 S3-50 --file src/antiphon/… --test tests/…
python tools/standards.py set partial rfc:3261 xep:0198 --file … --test … --note "…"
python tools/standards.py count
"""

from __future__ import annotations

import argparse
import fcntl
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "standards" / "index.toml"
STATUSES = ("planned", "partial", "done", "record")


def key_of(name: str) -> tuple[str, str]:
    """`S3-49` → ("mission", "S3-49"); `rfc:3261` → ("rfc", "3261"); `xep:198` → ("xep", "0198")."""
    table, _, number = name.rpartition(":")
    if table == "xep":
        return table, number.zfill(4)
    return (table or "mission"), number


def change(names: list[str], status: str, file: str, test: str, note: str) -> None:
    with INDEX.open("r+", encoding="utf-8") as index:
        fcntl.flock(index, fcntl.LOCK_EX)
        lines = index.read().splitlines()
        for table, key in map(key_of, names):
            replace(lines, table, key, status, file, test, note)
        index.seek(0)
        index.truncate()
        index.write("\n".join(lines) + "\n")


def replace(lines: list[str], table: str, key: str, status: str, file: str, test: str, note: str) -> None:
    here = ""
    for number, line in enumerate(lines):
        if line.startswith("["):
            here = line.strip("[] ")
        elif here == table and line.startswith(f'"{key}" = '):
            row = tomllib.loads("x = " + line.partition(" = ")[2])["x"]
            row["status"] = status
            row |= {name: value for name, value in (("file", file), ("test", test), ("note", note)) if value}
            lines[number] = f'"{key}" = {render(row)}'
            return
    sys.exit(f"{INDEX.name}: no row {key} in [{table}]")


def render(row: dict[str, str]) -> str:
    order = ("title", "kind", "status", "file", "test", "note")
    return "{ " + ", ".join(f'{name} = "{escape(row[name])}"' for name in order if name in row) + " }"


def escape(text: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", text)


def count() -> None:
    for table, rows in tomllib.loads(INDEX.read_text(encoding="utf-8")).items():
        counts = Counter(row["status"] for row in rows.values())
        print(
            f"{table:8} " + "  ".join(f"{status} {counts[status]}" for status in STATUSES), f" of {len(rows)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    setting = commands.add_parser("set")
    setting.add_argument("status", choices=STATUSES)
    setting.add_argument("names", nargs="+")
    setting.add_argument("--file", default="")
    setting.add_argument("--test", default="")
    setting.add_argument("--note", default="")
    commands.add_parser("count")
    options = parser.parse_args()
    if options.command == "count":
        count()
    else:
        change(options.names, options.status, options.file, options.test, options.note)


if __name__ == "__main__":
    main()
