"""What a check can find, and the report of all."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from antiphon.client.doctor.patient import Patient
from antiphon.kernel.errors import Fault


class Severity(enum.Enum):
    PROBLEM = "problem"
    """Somebody cannot work because of it."""
    WARNING = "warning"
    """Works, and will not for everybody or for ever."""


@dataclass(frozen=True, slots=True)
class Problem(Fault):
    """The declaration of one finding: a fault, and what it leads to."""

    why: str
    severity: Severity = Severity.PROBLEM

    def at(self, where: str, seen: str = "") -> Finding:
        return Finding(self, where, seen)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at one place."""

    problem: Problem
    where: str
    """A record, a host and port, a file."""
    seen: str
    """What was there instead of what should be."""

    @property
    def code(self) -> str:
        return self.problem.code

    def as_json(self) -> dict[str, str]:
        return {
            "code": self.code,
            "severity": self.problem.severity.value,
            "where": self.where,
            "seen": self.seen,
            "what": self.problem.what,
            "why": self.problem.why,
            "fix": self.problem.fix,
        }


@dataclass(slots=True)
class Result:
    """What one check has seen."""

    name: str
    title: str
    good: list[str] = field(default_factory=list)
    """What is as it should be, a line each."""
    findings: list[Finding] = field(default_factory=list)
    skipped: str = ""
    """Why nothing was looked at."""
    took_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.name,
            "title": self.title,
            "good": self.good,
            "findings": [finding.as_json() for finding in self.findings],
            "skipped": self.skipped,
            "ms": round(self.took_s * 1000, 1),
        }


class Check(Protocol):
    """One subject to look at. `look` never raises on what servers answer; it writes into the result."""

    name: str
    title: str

    async def look(self, patient: Patient, result: Result) -> None: ...


Tell = Callable[[Result], None]


@dataclass(slots=True)
class Report:
    domain: str
    results: list[Result] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        return [finding for result in self.results for finding in result.findings]

    @property
    def problems(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.problem.severity is Severity.PROBLEM]

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "antiphon.doctor/1",
            "domain": self.domain,
            "problems": len(self.problems),
            "warnings": len(self.findings) - len(self.problems),
            "checks": [result.as_json() for result in self.results],
        }
