"""Texts of the reference pages that are printed from the program: commands, settings, events, metrics."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
from collections.abc import Iterator
from dataclasses import fields

from antiphon.kernel.bus import Event

os.environ["LANGUAGE"] = "en"  # before the commands are loaded: their help is translated


def commands_page() -> str:
    from antiphon.cli.main import app

    text = app.generate_docs(output_format="markdown", recursive=True)
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"


def settings_page() -> str:
    from antiphon.cli.config import described

    lines = [
        "# Settings",
        "",
        "Printed from their declarations, as `antiphon config describe` prints them on your machine. Settings of",
        "`identity` are kept in the store, changed with `antiphon token settings`, and effective at once: no setting",
        "needs a restart. The others have the value printed here in this version; a configuration file is planned.",
    ]
    area = ""
    for row in described():
        if row.area != area:
            area = row.area
            lines += ["", f"## {area}", "", "| setting | type | default | meaning |", "|---|---|---|---|"]
        default = f"`{cell(row.default)}`" if row.default else ""
        lines.append(f"| `{row.name}` | {cell(row.type)} | {default} | {cell(row.sentence)} |")
    return "\n".join(lines) + "\n"


def events_page() -> str:
    lines = [
        "# Events",
        "",
        "Facts that a service publishes on the bus, printed from `services/*/events.py`. Any number of listeners hear them,",
        "none can veto. Those marked *here only* are not carried to other processes: each finds them out by itself.",
    ]
    for service, declared in events():
        lines += ["", f"## {service}", "", "| event | what it tells | fields |", "|---|---|---|"]
        for event in declared:
            told = ", ".join(f"`{field.name}`: {cell(str(field.type))}" for field in fields(event))
            note = "" if event.carried else " *Here only.*"
            lines.append(f"| `{event.__name__}` | {cell(sentence(event))}{note} | {told} |")
    return "\n".join(lines) + "\n"


def events() -> Iterator[tuple[str, list[type[Event]]]]:
    services = importlib.import_module("antiphon.services")
    for info in pkgutil.iter_modules(services.__path__):
        try:
            module = importlib.import_module(f"antiphon.services.{info.name}.events")
        except ModuleNotFoundError:
            continue
        yield (
            info.name,
            [
                value
                for value in vars(module).values()
                if isinstance(value, type)
                and issubclass(value, Event)
                and value.__module__ == module.__name__
            ],
        )


def sentence(declared: type) -> str:
    """The docstring; empty where it is only the signature that dataclasses write."""
    text = " ".join((declared.__doc__ or "").split())
    return "" if text.startswith(f"{declared.__name__}(") else text


def metrics_page() -> str:
    from antiphon.roles import metrics

    lines = [
        "# Metrics",
        "",
        "Every node answers `GET https://NODE:8443/metrics` in the text format of Prometheus. Printed from",
        "`roles/metrics.py`; no metric has a user in its labels.",
        "",
        "| metric | kind | labels | what it is |",
        "|---|---|---|---|",
    ]
    rows = []
    for call in ast.walk(ast.parse(inspect.getsource(metrics))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KINDS:
            name, text = call.args[0], call.args[1]
            if isinstance(name, ast.Constant) and isinstance(text, ast.Constant):
                kind = KINDS[call.func.id]
                full = f"{name.value}_total" if kind == "counter" else str(name.value)
                rows.append(f"| `{full}` | {kind} | {', '.join(labels(call))} | {text.value} |")
    return "\n".join(lines + sorted(rows)) + "\n"


KINDS = {"gauge": "gauge", "GaugeMetricFamily": "gauge", "CounterMetricFamily": "counter"}


def labels(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "labels" and isinstance(keyword.value, ast.List):
            yield from (f"`{item.value}`" for item in keyword.value.elts if isinstance(item, ast.Constant))
        elif keyword.arg and keyword.arg != "labels":
            yield f"`{keyword.arg}`"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES = {
    "commands.md": commands_page,
    "settings.md": settings_page,
    "events.md": events_page,
    "metrics.md": metrics_page,
}
