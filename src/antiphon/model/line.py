"""Lines (directory numbers)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A directory number. Call settings that the owner may change live here, so every device sees the same."""

    number: str
    pkid: str
    partition: str = ""
    display_name: str = ""
    owner: str = ""
    """userid, or empty."""
    forward_all: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    no_answer_timeout_s: float = 20.0
    hunt_members: tuple[str, ...] = ()
    """Numbers tried in order when this line is a hunt pilot; empty for an ordinary line."""
