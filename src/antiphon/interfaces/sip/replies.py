"""The headers that our answers share."""

from __future__ import annotations

from antiphon import __version__
from antiphon.interfaces.sip.listener import Listener
from antiphon.interfaces.sip.peer import Peer
from antiphon.protocols.sip import build
from antiphon.protocols.sip.message import Request

SERVER = f"Antiphon/{__version__}"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, REFER, NOTIFY, INFO, UPDATE"
SUPPORTED = "timer, replaces, norefersub"
ACCEPT = "application/sdp"
SUPPORTED_TAGS = frozenset(SUPPORTED.split(", "))

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date(wall: int) -> str:
    """RFC 1123 date of a second since 1970 (RFC 3261 §20.17)."""
    days, rest = divmod(wall, 86400)
    year, month, day = _civil(days)
    hour, minute, second = rest // 3600, rest // 60 % 60, rest % 60
    weekday = _DAYS[(days + 3) % 7]
    return f"{weekday}, {day:02d} {_MONTHS[month - 1]} {year} {hour:02d}:{minute:02d}:{second:02d} GMT"


def _civil(days: int) -> tuple[int, int, int]:
    """Days since 1970 as a date; years counted from March, so that leap days come last."""
    days += 719468
    era, of_era = divmod(days, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year + era * 400 + (month <= 2), month, day


class Dated:
    """`Date:` and `Server:` lines, made once a second."""

    __slots__ = ("_second", "lines")

    def __init__(self) -> None:
        self._second = -1
        self.lines = ""

    def at(self, wall: float) -> str:
        second = int(wall)
        if second != self._second:
            self._second = second
            self.lines = f"Date: {date(second)}\r\nServer: {SERVER}\r\n"
        return self.lines


def warning(listener: Listener, code: int, text: str) -> str:
    """A Warning line; the host is the bare node name, as administrators know it from the sources (S3-60)."""
    return f'Warning: {code} {listener.node.partition(".")[0]} "{text}"\r\n'


def reply(
    request: Request, peer: Peer, status: int, to_tag: str = "", headers: str = "", body: bytes = b""
) -> bytes:
    """A response to `request`, addressed by the socket it came from."""
    return build.response(request, status, peer.address, to_tag, f"Server: {SERVER}\r\n{headers}", body)
