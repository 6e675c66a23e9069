"""Brings the catalogues up to date with the source: `python tools/catalogues.py [--check]`.

Every `_("…")` below src/antiphon/cli, and what the faults say that people meet there, becomes an entry of
src/antiphon/locale/*.po, in the order of files and lines. What was translated stays; what is gone from the source goes;
what is new is left empty for the translator, and a test says so.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from antiphon.cli.language import LOCALE, SOURCE, entries

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "antiphon"
CLI = SOURCES / "cli"
FAULTS = ("client/errors.py", "client/trust_errors.py", "roles/errors.py")
LANGUAGES = (SOURCE, "fr", "ko", "zh-Hans", "zh-Hant")


def messages() -> dict[str, str]:
    """Message → the file where it stands first."""
    found: dict[str, str] = {}
    for path in (*sorted(CLI.glob("*.py")), *(SOURCES / name for name in FAULTS)):
        for message in _messages_of(ast.parse(path.read_text("utf-8"))):
            found.setdefault(message, str(path.relative_to(SOURCES)))
    return found


def _messages_of(module: ast.Module) -> Iterator[str]:
    calls = [
        node for node in ast.walk(module) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        for given in call.args[:1] if name == "_" else call.args[2:4] if name == "Fault" else ():
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield given.value


def catalogue(language: str) -> str:
    path = LOCALE / f"{language}.po"
    known = dict(entries(path.read_text("utf-8"))) if path.exists() else {}
    blocks = [f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"']
    blocks += [
        f"#: {file}\nmsgid {_quoted(message)}\nmsgstr {_quoted(known.get(message, ''))}"
        for message, file in messages().items()
    ]
    return "\n\n".join(blocks) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> None:
    stale = []
    for language in LANGUAGES:
        path, text = LOCALE / f"{language}.po", catalogue(language)
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                LOCALE.mkdir(exist_ok=True)
                path.write_text(text, "utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}; run python tools/catalogues.py")


if __name__ == "__main__":
    main()
