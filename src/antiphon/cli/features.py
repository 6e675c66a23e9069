"""`antiphon features`: what the files in the services' `features/` add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cyclopts

from antiphon.cli.entries import show_table
from antiphon.cli.language import _
from antiphon.cli.output import Output

app = cyclopts.App(name="features", help="Print every route, chain step and listener.")

PACKAGES = {"call": "antiphon.services.call.features", "messaging": "antiphon.services.messaging.features"}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a feature adds to its service."""

    service: str
    feature: str
    what: str
    """`route <table>`, `step <STAGE>`, `listener`, or `feature` where it adds none of these."""
    which: str
    title: str
    sources: tuple[str, ...]


@app.default
def features(service: Literal["call", "messaging"] | None = None, *, json: bool = False) -> int:
    """Print every route, every chain step in the order it runs, and every listener, with the feature it comes from.

    Example: antiphon features call

    Parameters
    ----------
    service
        Only the features of this service.
    json
        Write JSON lines.
    """
    columns = [
        (_("SERVICE"), lambda part: part.service),
        (_("FEATURE"), lambda part: part.feature),
        (_("WHAT"), lambda part: part.what),
        (_("WHICH"), lambda part: part.which),
        (_("SOURCE"), lambda part: ", ".join(part.sources)),
    ]
    parts = [part for name in PACKAGES if service in (None, name) for part in parts_of(name)]
    show_table(Output("antiphon.features/1", json), "part", parts, columns)
    return 0


def parts_of(service: str) -> Iterator[Part]:
    """In the order of `kernel.features.described`; then the features that add only what they are."""
    from antiphon.kernel.features import described, load

    loaded = {feature.name: feature for feature in load(PACKAGES[service])}
    silent = dict(loaded)
    for name, what, which in described(loaded.values()):
        silent.pop(name, None)
        yield Part(service, name, what, which, loaded[name].title, loaded[name].sources)
    for feature in silent.values():
        yield Part(service, feature.name, "feature", feature.title, feature.title, feature.sources)
