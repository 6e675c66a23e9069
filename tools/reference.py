"""Prints the reference pages from their declarations: `python tools/reference.py [--check]`.

docs/reference/errors.md     from every `Fault` in the package
docs/reference/standards.md  from standards/index.toml
and commands, settings, events and metrics from the program (pages.py)
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pages

import antiphon
from antiphon.kernel.errors import WIRE, Fault

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"


def faults() -> list[Fault]:
    """Every declared fault, by code. Two declarations of one code are an error."""
    found: dict[str, tuple[Fault, str]] = {}
    for module in pkgutil.walk_packages(antiphon.__path__, "antiphon."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Fault):
                known = found.setdefault(value.code, (value, module.name))
                if known[0] != value:
                    sys.exit(f"{value.code} is declared in {known[1]} and, differently, in {module.name}")
    return [found[code][0] for code in sorted(found)]


def errors_page() -> str:
    lines = [
        "# Error codes",
        "",
        "A code never changes its meaning. The same code stands in the answer, in the log line and in `antiphon doctor`.",
        "",
    ]
    for fault in faults():
        wire, exit_code = WIRE[fault.kind], fault.error().exit_code
        lines += [
            f"## {fault.code}",
            "",
            f"**{fault.what}** {fault.fix}",
            "",
            f"Kind: {fault.kind.value} (HTTP {wire.http}, SIP {wire.sip}, XMPP `{wire.xmpp}`, exit code {exit_code}).",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def standards_page() -> str:
    index = tomllib.loads((ROOT / "standards" / "index.toml").read_text(encoding="utf-8"))
    lines = ["# Standards and mission items", "", "Printed from `standards/index.toml`."]
    for table, title in (("rfc", "RFC"), ("xep", "XEP"), ("mission", "Mission item")):
        rows = index[table]
        counts = Counter(row["status"] for row in rows.values())
        summary = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        lines += [
            "",
            f"## {title}s",
            "",
            f"{len(rows)} rows: {summary}. Rows that are only planned are left out.",
            "",
        ]
        lines += [f"| {title} | status | where | test | note |", "|---|---|---|---|---|"]
        for key, row in rows.items():
            if row["status"] in ("done", "partial"):
                name = f"{key} {row.get('title', '')}".strip()
                cells = (name, row["status"], f"`{row['file']}`", f"`{row['test']}`", row.get("note", ""))
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    PAGES.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, printed in {"errors.md": errors_page, "standards.md": standards_page, **pages.PAGES}.items():
        text = printed()
        page = PAGES / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                page.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}; run python tools/reference.py")


if __name__ == "__main__":
    main()
