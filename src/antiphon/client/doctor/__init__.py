"""The doctor: looks at a deployment from outside, as a client does, and says what is wrong, why, and what to do.

A check is one file with one class; `CHECKS` is their order. `examine` runs them and returns the report.
"""

from antiphon.client.doctor.examine import CHECKS, examine
from antiphon.client.doctor.findings import Finding, Problem, Report, Result, Severity
from antiphon.client.doctor.patient import Patient

__all__ = ["CHECKS", "Finding", "Patient", "Problem", "Report", "Result", "Severity", "examine"]
