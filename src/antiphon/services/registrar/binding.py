"""Bindings, and what asks for them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from antiphon.kernel.core import Address

Key: TypeAlias = str | tuple[str, int]


class Binding:
    """One way to reach one device for an address of record. Identity is the object: a refresh changes it in place.

    The registrar alone writes to it, except `branch` and `response`: the door leaves there the Via branch of the last
    REGISTER and the bytes it answered, so that a retransmission is answered without being served again.
    """

    __slots__ = (
        "aor",
        "branch",
        "call_id",
        "contact",
        "cseq",
        "device",
        "due",
        "expires_at",
        "flow",
        "instance",
        "path",
        "q",
        "received",
        "reg_id",
        "registered_at",
        "response",
        "token_expires",
        "transport",
    )

    def __init__(
        self,
        aor: str,
        contact: str,
        *,
        device: str = "",
        instance: str = "",
        reg_id: int = 0,
        flow: object | None = None,
        transport: str = "udp",
        received: Address | None = None,
        call_id: str = "",
        cseq: int = 0,
        registered_at: float = 0.0,
        expires_at: float = 0.0,
        path: tuple[str, ...] = (),
        token_expires: float | None = None,
        q: float = 1.0,
    ) -> None:
        self.aor = aor
        self.contact = contact
        """The Contact URI as registered."""
        self.device = device
        self.instance = instance
        self.reg_id = reg_id
        self.flow = flow
        """None after a restart, until the device refreshes."""
        self.transport = transport
        self.received = received
        """Where the REGISTER came from."""
        self.call_id = call_id
        self.cseq = cseq
        self.registered_at = registered_at
        self.expires_at = expires_at
        """Monotonic seconds."""
        self.path = path
        self.token_expires = token_expires
        """Wall seconds; None where the sign-in has no end of its own."""
        self.q = q
        self.branch = ""
        self.response = b""
        self.due = 0.0
        """When the expiry heap looks at it next; never later than `expires_at`."""

    @property
    def key(self) -> Key:
        return binding_key(self.contact, self.instance, self.reg_id)

    @property
    def reachable(self) -> bool:
        """By its live flow, or by its address alone (UDP); a lost connection cannot be opened from here."""
        return self.flow is not None or self.transport == "udp"

    def expires_in(self, now: float) -> int:
        """Whole seconds left, for the `expires` parameter."""
        return max(0, round(self.expires_at - now))


def binding_key(contact: str, instance: str, reg_id: int) -> Key:
    """What makes two contacts the same binding: instance and reg-id (RFC 5626 §6), else the URI.

    An instance without reg-id keeps one binding, whatever its Contact. RFC 3261 would keep both, and every restart of
    a phone on a new port would leave a dead address ringing until it expires.
    """
    return (instance, reg_id) if instance else contact


@dataclass(slots=True)
class ContactRequest:
    """One Contact of a REGISTER. `expires_s` is its parameter, None where it has none."""

    uri: str
    instance: str = ""
    reg_id: int = 0
    expires_s: int | None = None
    q: float = 1.0


@dataclass(slots=True)
class RegisterRequest:
    """A REGISTER whose sender has been authenticated and may register `aor` for `device`."""

    aor: str
    device: str
    contacts: tuple[ContactRequest, ...]
    call_id: str
    cseq: int
    flow: object | None
    transport: str
    received: Address | None = None
    expires_s: int | None = None
    """The Expires header."""
    path: tuple[str, ...] = ()
    token_expires: float | None = None
    branch: str = ""
    star: bool = False
    """`Contact: *`."""


class Outcome(enum.Enum):
    """How a REGISTER went; the response the door makes of it."""

    OK = 200
    REPEATED = 0
    """A retransmission: send `Binding.response` again."""
    MALFORMED = 400
    """`Contact: *` with another contact, or without Expires 0."""
    TOO_MANY = 403
    TOO_BRIEF = 423
    """Add Min-Expires."""
    STALE = 500
    """Same Call-ID and no higher CSeq: nothing was changed (RFC 3261 §10.3 step 7)."""
    FULL = 503


class Change(enum.Enum):
    NEW = "new"
    REFRESHED = "refreshed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RegisterResult:
    outcome: Outcome
    changes: tuple[tuple[Change, Binding], ...] = ()
    bindings: tuple[Binding, ...] = ()
    """All bindings of the address of record now, for the Contacts of the 200."""
