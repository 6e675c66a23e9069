"""What one peer may make a parser hold. Source: the incidents of RFC 6120 §13.12 and XEP-0205."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps for each stanza (first-level child of a stream). Over a cap the stream ends with `policy-violation`."""

    stanza_bytes: int
    elements: int
    depth: int = 64
    attributes: int = 64
    """For each element."""
    attribute_length: int = 8192
    """Characters."""
    namespaces: int = 32
    """Declarations in scope at one time."""


PRE_AUTH = Limits(stanza_bytes=10 * 1024, elements=64, depth=16)
C2S = Limits(stanza_bytes=256 * 1024, elements=4096)
S2S = Limits(stanza_bytes=512 * 1024, elements=4096)
