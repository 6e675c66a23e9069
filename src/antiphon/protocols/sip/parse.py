"""Bytes to messages.

Header fields are indexed in one scan over the lines; their values are parsed later, when asked for. What the limits, the
line rules or the mandatory fields refuse comes back as `Rejected`; responses that are not acceptable come back as None,
because nobody answers a response. Nothing here raises.

Source: RFC 3261 §7, §16.3, §18.3, RFC 4475
"""

from __future__ import annotations

from itertools import islice

from antiphon.protocols.sip.grammar import LWS, Malformed, is_token, number
from antiphon.protocols.sip.message import Rejected, Request, Response
from antiphon.protocols.sip.names import KNOWN, SINGLETONS, canonical

MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024
MAX_FIELDS = 256
MAX_VIAS = 70
MAX_LINE = 8 * 1024
MAX_SEQUENCE = 2**31 - 1

METHODS = frozenset(
    "REGISTER INVITE ACK BYE CANCEL OPTIONS REFER NOTIFY SUBSCRIBE PUBLISH MESSAGE INFO UPDATE PRACK".split()  # noqa: SIM905
)

# Everything below space but TAB, and DEL.
_CONTROLS = bytes([c for c in range(32) if c != 9]) + b"\x7f"
_CONTROL_CHARACTERS = frozenset(_CONTROLS.decode())

Parsed = Request | Response | Rejected | None


class _Refused(Exception):
    def __init__(self, status: int, what: str) -> None:
        self.status = status
        self.what = what


def parse_datagram(data: bytes) -> Parsed:
    """One UDP datagram. Octets after the body that Content-Length names are left out (RFC 3261 §18.3)."""
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return parse_message(data, end)
    # Cut off before its empty line: whoever can still be made out is told so.
    parsed = parse_message(data, len(data) - 2) if data[-2:] == b"\r\n" else None
    return Rejected(400, "no empty line", parsed) if isinstance(parsed, Request) else None


def parse_message(data: bytes, end: int) -> Parsed:
    """A message whose empty line is at `end`. None is to be dropped: nobody can or may be answered."""
    if end > MAX_HEADER_BYTES:
        return None
    text = data[:end].decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    first = lines[0]
    if first[:8].upper() == "SIP/2.0 ":
        return _response(data, end, text, lines)
    request = Request("", "", {})
    try:
        try:
            _start_line(first, request)
        except _Refused:
            # The fields are read all the same: they say whom to answer.
            _fields(data, end, text, lines, request.fields)
            raise
        _fields(data, end, text, lines, request.fields)
        _mandatory(request)
        request.body = _body(data, end, request.fields)
        if request.method == "REGISTER":
            request.raw = data
    except _Refused as refused:
        return Rejected(refused.status, refused.what, request if request.method else None)
    except Malformed as malformed:
        return Rejected(400, str(malformed), request if request.method else None)
    return request


def _response(data: bytes, end: int, text: str, lines: list[str]) -> Response | None:
    parts = lines[0].split(" ", 2)
    status = parts[1] if len(parts) == 3 else ""
    if len(status) != 3 or not status.isascii() or not status.isdigit() or not 100 <= int(status) <= 699:
        return None
    fields: dict[str, str] = {}
    try:
        _fields(data, end, text, lines, fields)
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            if name not in fields:
                return None
        _sequence(fields["CSeq"])
        body = _body(data, end, fields)
    except (_Refused, Malformed):
        return None
    return Response(int(status), fields, body, parts[2])


def _start_line(line: str, request: Request) -> None:
    parts = line.split(" ")
    if len(parts) != 3 or len(line) > MAX_LINE:
        _salvage(parts, request)
        raise _Refused(400, "start line")
    method, uri, version = parts
    if method not in METHODS and not is_token(method):
        raise _Refused(400, "method")
    request.method = method
    request.uri = uri
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        name, _, digits = version.partition("/")
        known = name.upper() == "SIP" and digits.replace(".", "", 1).isdigit()
        raise _Refused(505 if known else 400, "version")


def _salvage(parts: list[str], request: Request) -> None:
    """A start line with wrong spacing still tells whom to answer, if it is a request's at all."""
    if is_token(parts[0]) and parts[-1].strip(LWS) in ("", "SIP/2.0"):
        request.method = parts[0]


def _fields(data: bytes, end: int, text: str, lines: list[str], fields: dict[str, str]) -> None:
    breaks = len(lines) - 1
    if len(data[:end].translate(None, _CONTROLS)) != end - 2 * breaks:
        # More control characters than the line ends: either somebody's trick, or the one place where they may stand.
        _only_quoted_controls(lines)
    if breaks > MAX_FIELDS:
        raise _Refused(400, "too many header fields")
    if end > MAX_LINE and max(map(len, lines)) > MAX_LINE:
        raise _Refused(400, "header line too long")
    # In ASCII there is no white space for strip() to find but LWS: control characters have been dealt with.
    space = None if text.isascii() else LWS
    known = KNOWN.get
    for line in islice(lines, 1, None):
        name, colon, value = line.partition(":")
        key = known(name)
        if key is None or not colon:
            if line[:1] in (" ", "\t"):
                fields.clear()
                _fields(data, end, text, _unfolded(lines), fields)
                return
            if not colon:
                raise _Refused(400, "header line without a colon")
            key = canonical(name)
        value = value.strip(space)
        if key in fields:
            if key in SINGLETONS:
                raise _Refused(400, f"{key} twice")
            fields[key] += "\n" + value
        else:
            fields[key] = value


def _unfolded(lines: list[str]) -> list[str]:
    """Lines that begin with white space continue the one before (§7.3.1)."""
    out = [lines[0]]
    for line in lines[1:]:
        if line[:1] in (" ", "\t"):
            if len(out) == 1:
                raise _Refused(400, "folded start line")
            joined = f"{out[-1].rstrip(LWS)} {line.strip(LWS)}"
            if len(joined) > MAX_LINE:
                raise _Refused(400, "header line too long")
            out[-1] = joined
        else:
            out.append(line)
    return out


def _only_quoted_controls(lines: list[str]) -> None:
    """The grammar knows control characters in one place only: after a backslash inside a quoted string."""
    for line in lines:
        quoted = escaped = False
        for char in line:
            if char in "\r\n":
                raise _Refused(400, "bare CR or LF")
            if escaped:
                escaped = False
                continue
            if char in _CONTROL_CHARACTERS:
                raise _Refused(400, "control character")
            if char == '"':
                quoted = not quoted
            elif char == "\\":
                escaped = quoted


def _mandatory(request: Request) -> None:
    fields = request.fields
    try:
        vias, cseq = fields["Via"], fields["CSeq"]
        complete = vias and cseq and fields["From"] and fields["To"] and fields["Call-ID"]
    except KeyError:
        complete = ""
    if not complete:
        raise _Refused(400, "a mandatory field is missing")
    if _sequence(cseq) != request.method:
        raise _Refused(400, "CSeq names another method")
    if ("," in vias or "\n" in vias) and vias.count(",") + vias.count("\n") >= MAX_VIAS:
        raise _Refused(400, "too many Via elements")


def _sequence(text: str) -> str:
    """The method of a CSeq whose number is in range."""
    digits, _, method = text.partition(" ")
    if not method or method[0] in LWS or "\t" in digits:
        parts = text.split()
        if len(parts) != 2:
            raise Malformed("CSeq")
        digits, method = parts
    number(digits, MAX_SEQUENCE)
    return method


def _body(data: bytes, end: int, fields: dict[str, str]) -> bytes:
    begin = end + 4
    declared = fields.get("Content-Length")
    if declared is None:
        length = len(data) - begin
    elif declared == "0":
        return b""
    else:
        length = number(declared)
    if length > MAX_BODY_BYTES:
        raise _Refused(513, "body too large")
    if begin + length > len(data):
        raise _Refused(400, "body shorter than Content-Length")
    return data[begin : begin + length]
