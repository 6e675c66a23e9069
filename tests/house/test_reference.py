"""Error codes: declared once, named everywhere, and with a page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"AP-[A-Z]{2,5}-\d{3}")


def test_the_reference_pages_are_what_the_declarations_say() -> None:
    result = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_code_in_the_source_has_a_page() -> None:
    pages = set(CODE.findall((ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")))
    used = {code for path in (ROOT / "src").rglob("*.py") for code in CODE.findall(path.read_text("utf-8"))}
    assert not used - pages
