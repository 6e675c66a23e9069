"""Errors of the domain: a kind, a stable code, what is wrong, and what to do about it.

A `Fault` is declared once, as a constant in its service's `errors.py`, and raised with `FAULT.error(...)`. One total
table maps kinds to each wire; what a peer sees is the declared text, never inside detail.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

NOT_REACHABLE = 4
"""Exit code of a command whose server does not answer."""


class Kind(enum.Enum):
    """What an error means to whoever asked."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Wire:
    """One kind on every wire."""

    http: int
    sip: int
    xmpp: str
    """Defined condition, RFC 6120 §8.3.3."""
    exit_code: int


WIRE: dict[Kind, Wire] = {
    Kind.INVALID: Wire(400, 400, "bad-request", 2),
    Kind.UNAUTHENTICATED: Wire(401, 401, "not-authorized", 5),
    Kind.FORBIDDEN: Wire(403, 403, "forbidden", 5),
    Kind.NOT_FOUND: Wire(404, 404, "item-not-found", 1),
    Kind.CONFLICT: Wire(409, 409, "conflict", 1),
    Kind.UNAVAILABLE: Wire(503, 503, "service-unavailable", 75),
}


class DomainError(Exception):
    """An error that a person or a peer may be told about."""

    def __init__(self, fault: Fault, detail: str = "", retry_after_s: float | None = None) -> None:
        self.fault = fault
        self.detail = detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{fault.code}: {fault.what}{': ' + detail if detail else ''}")

    @property
    def kind(self) -> Kind:
        return self.fault.kind

    @property
    def code(self) -> str:
        return self.fault.code

    @property
    def exit_code(self) -> int:
        return self.fault.exit_code if self.fault.exit_code is not None else WIRE[self.kind].exit_code


@dataclass(frozen=True, slots=True)
class Fault:
    """The declaration of one error.

    `code` is `AP-<AREA>-<number>`; it never changes its meaning and its docs page is `docs/reference/errors.md#<code>`.
    """

    code: str
    kind: Kind
    what: str
    """One sentence: what is wrong, in the reader's words."""
    fix: str
    """One sentence: what to do."""
    exit_code: int | None = field(default=None, kw_only=True)
    """Of a command that ends with it, where it is not the kind's."""

    def error(self, detail: str = "", retry_after_s: float | None = None) -> DomainError:
        return DomainError(self, detail, retry_after_s)
