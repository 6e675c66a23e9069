"""What the pages print is what happens: their commands run, and they link to what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, Place, commands, missing, place

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [page for page in PAGES if commands(page)]
ALONE = [page for page in RUN if "lab down" in commands(page) or page.parent.name == "tutorials"]
"""Pages that stop the lab or tell a story from its beginning: each has one of its own."""
TOGETHER = [page for page in RUN if page not in ALONE]
START = "antiphon lab up --detach > /dev/null\n"
SIGN_IN = """
eval "$(antiphon lab env --shell)"
antiphon lab password alice | antiphon login alice@example.test --password-file - --quiet
"""
LINK = re.compile(r"\]\(([^)#:\s]+\.(?:md|svg|toml))(?:#[^)]*)?\)")


def links(page: Path) -> list[str]:
    return LINK.findall(page.read_text("utf-8"))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("number", range(len(ALONE)), ids=[name(page) for page in ALONE])
def test_a_page_does_what_it_says(number: int, tmp_path: Path) -> None:
    page = ALONE[number]
    starts = commands(page).startswith("antiphon lab up")
    with place(tmp_path, 180 + number) as here:
        check(page, here, "" if starts else START + SIGN_IN)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("pages"), 179) as here:
        assert here.run(START).returncode == 0
        yield here


@pytest.mark.parametrize("page", TOGETHER, ids=name)
def test_a_page_does_what_it_says_in_a_running_lab(page: Path, lab: Place) -> None:
    check(page, lab, SIGN_IN)


def check(page: Path, here: Place, prelude: str) -> None:
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
