"""Sequence numbers and timestamps, which wrap.

Source: RFC 3550 §5.1, appendix A.1; RFC 1982 (serial number arithmetic).
"""

from __future__ import annotations


def distance(later: int, earlier: int, bits: int = 16) -> int:
    """`later - earlier` on the circle of `bits` bits, as the shorter way round; negative when `later` is older."""
    modulus = 1 << bits
    forward = (later - earlier) % modulus
    return forward - modulus if forward >= modulus // 2 else forward


def advance(value: int, by: int, bits: int = 16) -> int:
    return (value + by) % (1 << bits)


def extend(value: int, near: int, bits: int = 16) -> int:
    """The unwrapped number closest to `near` whose low bits are `value`; may be negative just below zero."""
    return near + distance(value, near % (1 << bits), bits)
