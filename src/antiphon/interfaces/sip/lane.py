"""A refresh that differs from the one before in nothing but what must differ.

A phone that refreshes sends the same bytes again, but for the Via branch, the From tag, the Call-ID (some change it), the
number of CSeq, and the nc, cnonce and response of its proof. After a refresh has been parsed, judged and answered in full, a
`Shape` keeps the bytes between those spans; the next message that has exactly these bytes, and only harmless characters in
the spans, would be parsed to exactly the same, so parsing it again can be left out. Proof, policy and registrar are asked
as always.

Anything else – another byte, another order, a span with a character that could mean something – is no match and goes the
ordinary way.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from antiphon.protocols.sip.message import Request
from antiphon.services.registrar.binding import Binding, RegisterRequest

_SAFE = re.compile(rb"[A-Za-z0-9+/=_.\-]+")
_SAFE_CALL_ID = re.compile(rb"[A-Za-z0-9+/=_.\-@]+")
_CALL_ID = 2
MAX_BYTES = 4096


class Spans(NamedTuple):
    """What differs between two refreshes."""

    branch: bytes
    tag: bytes
    call_id: bytes
    cseq: bytes
    response: bytes = b""
    nc: bytes = b""
    cnonce: bytes = b""


class Shape:
    """A message as literals with spans between them."""

    __slots__ = ("_order", "_steps", "_tail")

    def __init__(self, steps: list[tuple[bytes, bytes]], order: list[int], tail: bytes) -> None:
        self._steps = steps
        """(literal before a span, byte after it), in the order of the message."""
        self._order = order
        """Where in `Spans` each goes."""
        self._tail = tail

    def match(self, data: bytes) -> Spans | None:
        """The spans of a message of this shape."""
        at = 0
        found = [b""] * 7
        for (literal, stop), place in zip(self._steps, self._order, strict=True):
            if not data.startswith(literal, at):
                return None
            at += len(literal)
            end = data.find(stop, at)
            span = data[at:end]
            if end < 0 or not (
                span.isalnum() or (_SAFE_CALL_ID if place == _CALL_ID else _SAFE).fullmatch(span)
            ):
                return None
            found[place] = span
            at = end
        if data[at:] != self._tail:
            return None
        spans = Spans(*found)
        return spans if spans.cseq.isdigit() and len(spans.cseq) < 10 and len(spans.nc) in (0, 8) else None


def shape_of(data: bytes, marks: list[tuple[bytes, bytes]]) -> Shape | None:
    """Cuts a message at marks, each what stands before a span and the span itself; None when one is not unique."""
    places: list[tuple[int, int, int]] = []
    for place, (before, span) in enumerate(marks):
        if not span:
            continue
        whole = before + span
        if data.count(whole) != 1 or data.count(before) != 1 or len(span) > 256:
            return None
        begin = data.index(whole) + len(before)
        places.append((begin, begin + len(span), place))
    places.sort()
    steps: list[tuple[bytes, bytes]] = []
    at = 0
    for begin, end, _ in places:
        if begin < at or end >= len(data):
            return None
        steps.append((data[at:begin], data[end : end + 1]))
        at = end
    return Shape(steps, [place for _, _, place in places], data[at:])


class Answer:
    """The 200 of the refresh before, as literals between the spans and the date."""

    __slots__ = ("_literals",)

    def __init__(self, literals: tuple[bytes, bytes, bytes, bytes, bytes, bytes]) -> None:
        self._literals = literals

    def fill(self, spans: Spans, dated: bytes) -> bytes:
        a, b, c, d, e, f = self._literals
        return b"".join((a, spans.branch, b, spans.tag, c, spans.call_id, d, spans.cseq, e, dated, f))


def answer_of(data: bytes, spans: Spans, dated: bytes) -> Answer | None:
    literals: list[bytes] = []
    at = 0
    for before, span in (
        (b";branch=", spans.branch),
        (b";tag=", spans.tag),
        (b"\r\nCall-ID: ", spans.call_id),
        (b"\r\nCSeq: ", spans.cseq),
        (b"\r\n", dated),
    ):
        begin = data.find(before + span, at)
        if begin < 0:
            return None
        begin += len(before)
        literals.append(data[at:begin])
        at = begin + len(span)
    return Answer((literals[0], literals[1], literals[2], literals[3], literals[4], data[at:]))


class Lane:
    """One registration on one peer, prepared for its next refresh."""

    __slots__ = ("answer", "binding", "device", "granted", "params", "request", "served", "shape", "token")

    def __init__(
        self,
        shape: Shape,
        answer: Answer,
        request: RegisterRequest,
        binding: Binding,
        granted: int,
        device: str,
    ) -> None:
        self.shape = shape
        self.answer = answer
        self.request = request
        """What the registrar is asked, with the last CSeq and branch."""
        self.binding = binding
        self.granted = granted
        self.device = device
        """The device that the Contact names; empty when it names none."""
        self.served = False
        self.params: dict[str, str] = {}
        """The digest parameters, the last response among them; empty with a token."""
        self.token = ""


def key_of(data: bytes) -> bytes:
    """Which registration a message may refresh: its To line, as it stands there; empty when it is no REGISTER."""
    if not data.startswith(b"REGISTER "):
        return b""
    begin = data.find(b"\r\nTo: ")
    return data[begin + 6 : data.find(b"\r\n", begin + 6)] if begin > 0 else b""


def message_shape(request: Request, data: bytes, params: dict[str, str]) -> tuple[Shape, Spans] | None:
    """The shape of a refresh that has just been served, and its own spans."""
    if len(data) > MAX_BYTES or request.body:
        return None

    def octets(text: str) -> bytes:
        return text.encode("utf-8", "surrogateescape")

    spans = Spans(
        octets(request.via.branch),
        octets(request.from_.tag),
        octets(request.call_id),
        octets(str(request.sequence)),
        octets(params.get("response", "")),
        octets(params.get("nc", "")),
        octets(params.get("cnonce", "")),
    )
    marks = [b";branch=", b";tag=", b"Call-ID: ", b"CSeq: ", b' response="', b" nc=", b' cnonce="']
    shape = shape_of(data, list(zip(marks, spans, strict=True)))
    return (shape, spans) if shape is not None and shape.match(data) == spans else None
