"""TFTP packets and the options of a read request.

Source: RFC 1350 §5, RFC 2347, RFC 2348, RFC 2349.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

RRQ, WRQ, DATA, ACK, ERROR, OACK = 1, 2, 3, 4, 5, 6

MAX_REQUEST = 512
"""Octets; a request is a name, a mode and a few options."""
BLOCK = 512
BLOCK_RANGE = (8, 65464)
TIMEOUT_RANGE = (1, 255)


class ErrorCode(enum.IntEnum):
    NOT_DEFINED = 0
    FILE_NOT_FOUND = 1
    ACCESS_VIOLATION = 2
    ILLEGAL_OPERATION = 4
    UNKNOWN_TRANSFER = 5


class Malformed(Exception):
    """Not a request that can be served; carries what to answer."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    name: str
    netascii: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case (RFC 2347: case does not count)."""


def read_request(packet: bytes) -> ReadRequest:
    """Raises `Malformed` for writes, unknown modes, names that are more than a name, and whatever else comes."""
    opcode = packet[1] if len(packet) > 3 and packet[0] == 0 else 0
    if opcode == WRQ:
        raise Malformed(ErrorCode.ACCESS_VIOLATION, "files can only be read")
    if opcode != RRQ or len(packet) > MAX_REQUEST or packet[-1] != 0:
        raise Malformed(ErrorCode.ILLEGAL_OPERATION, "not a read request")
    try:
        name, mode, *rest = packet[2:-1].decode("ascii").split("\0")
    except ValueError:
        raise Malformed(ErrorCode.ILLEGAL_OPERATION, "not a read request") from None
    if mode.lower() not in ("octet", "netascii"):
        raise Malformed(ErrorCode.ILLEGAL_OPERATION, "unknown transfer mode")
    if not name or not name.isprintable() or any(c in name for c in "/\\") or name.startswith("."):
        raise Malformed(ErrorCode.ACCESS_VIOLATION, "not a file name")
    pairs = zip(rest[::2], rest[1::2], strict=False)
    return ReadRequest(name, mode.lower() == "netascii", {key.lower(): value for key, value in pairs})


def data(number: int, block: bytes) -> bytes:
    return struct.pack("!HH", DATA, number & 0xFFFF) + block


def option_ack(options: Mapping[str, str]) -> bytes:
    pairs = b"".join(f"{key}\0{value}\0".encode("ascii") for key, value in options.items())
    return struct.pack("!H", OACK) + pairs


def error(code: ErrorCode, text: str) -> bytes:
    return struct.pack("!HH", ERROR, code) + text.encode("ascii") + b"\0"


def ack_number(packet: bytes) -> int | None:
    """The block that an acknowledgement names; None for any other packet."""
    if len(packet) != 4 or packet[:2] != b"\0\4":
        return None
    return int.from_bytes(packet[2:], "big")


def is_error(packet: bytes) -> bool:
    return packet[:2] == b"\0\5"
