"""What the pages print is what happens: their commands run, and they link to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, commands, missing, place

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALONE = [page for page in PAGES if "lab up" in commands(page)]
"""Pages that start a lab of their own."""
WITH_LAB = [page for page in PAGES if commands(page) and page not in ALONE]
"""Pages for whom a lab runs already, and Alice, who may administer it, has signed in."""
PRELUDE = """
antiphon lab up --detach > /dev/null
eval "$(antiphon lab env --shell)"
antiphon lab password alice | antiphon login alice@example.test --password-file - --quiet
"""
LINK = re.compile(r"\]\(([^)#:\s]+\.(?:md|svg|toml))(?:#[^)]*)?\)")


def links(page: Path) -> list[str]:
    return LINK.findall(page.read_text("utf-8"))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("number", range(len(ALONE)), ids=[name(page) for page in ALONE])
def test_a_page_that_starts_a_lab_does_what_it_says(number: int, tmp_path: Path) -> None:
    check(ALONE[number], tmp_path, 180 + number, "")


@pytest.mark.parametrize("number", range(len(WITH_LAB)), ids=[name(page) for page in WITH_LAB])
def test_a_page_does_what_it_says_in_a_lab(number: int, tmp_path: Path) -> None:
    check(WITH_LAB[number], tmp_path, 190 + number, PRELUDE)


def check(page: Path, directory: Path, number: int, prelude: str) -> None:
    with place(directory, number) as here:
        done = here.run(prelude + commands(page))
    assert done.returncode == 0, done.stdout
    assert not missing(page, done.stdout), done.stdout


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        assert (page.parent / target).exists(), f"{name(page)} links to {target}"


def test_every_page_is_reached_from_the_contents() -> None:
    contents = ROOT / "docs" / "README.md"
    linked = {(contents.parent / target).resolve() for target in links(contents)}
    assert not [name(page) for page in PAGES[1:] if page != contents and page not in linked]
