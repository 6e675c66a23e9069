"""Requests and responses.

A message is its start line, one dict of header fields and its body. Typed values are parsed when something asks for
them: a registration that is only refreshed never has its Supported list split. A field that came more than once keeps its
values in one string with line feeds between them, which no value can contain.

Text is UTF-8; octets that are not survive a round trip (surrogateescape), they are the peer's to be wrong about.
"""

from __future__ import annotations

from antiphon.protocols.sip.grammar import split
from antiphon.protocols.sip.name_addr import NameAddr, parse_name_addr, parse_name_addrs
from antiphon.protocols.sip.status import reason as standard_reason
from antiphon.protocols.sip.via import Via, parse_via, parse_vias


class Message:
    """What requests and responses share. Accessors raise `Malformed` only for what `check.fault` would have refused."""

    __slots__ = ("_from", "_to", "_via", "body", "fields")

    def __init__(self, fields: dict[str, str], body: bytes) -> None:
        self.fields = fields
        self.body = body
        self._via: Via | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None

    def get(self, name: str) -> str:
        """The value of a field by its canonical name; empty when absent."""
        return self.fields.get(name, "")

    def values(self, name: str) -> list[str]:
        """One value for each field of that name, in order."""
        text = self.fields.get(name)
        return text.split("\n") if text is not None else []

    def listed(self, name: str) -> list[str]:
        """The elements of a comma-separated field, over all fields of that name; empty elements are left out."""
        return [part for field in self.values(name) for part in split(field, ",") if part]

    def tokens(self, name: str) -> frozenset[str]:
        """Option tags and the like, in lower case."""
        return frozenset(part.lower() for part in self.listed(name))

    @property
    def via(self) -> Via:
        """The newest Via."""
        via = self._via
        if via is None:
            text = self.fields["Via"].partition("\n")[0]
            via = self._via = parse_via(split(text, ",")[0] if "," in text else text)
        return via

    @property
    def vias(self) -> list[Via]:
        return parse_vias(self.fields["Via"])

    @property
    def from_(self) -> NameAddr:
        found = self._from
        if found is None:
            found = self._from = parse_name_addr(self.fields["From"])
        return found

    @property
    def to(self) -> NameAddr:
        found = self._to
        if found is None:
            found = self._to = parse_name_addr(self.fields["To"])
        return found

    @property
    def contacts(self) -> list[NameAddr]:
        """Empty for `Contact: *` as well; ask for the field to tell."""
        text = self.fields.get("Contact")
        return [] if text is None or text == "*" else parse_name_addrs(text)

    def addresses(self, name: str) -> list[NameAddr]:
        """Route, Record-Route, Path … in order."""
        text = self.fields.get(name)
        return [] if text is None else parse_name_addrs(text)

    @property
    def call_id(self) -> str:
        return self.fields["Call-ID"]

    @property
    def sequence(self) -> int:
        """The number of CSeq."""
        return int(self.fields["CSeq"].split(None, 1)[0])

    @property
    def cseq_method(self) -> str:
        return self.fields["CSeq"].split(None, 1)[1]

    @property
    def content_type(self) -> str:
        """type/subtype in lower case, without parameters; empty without a body type."""
        return self.get("Content-Type").partition(";")[0].strip().lower()

    def start_line(self) -> str:
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The message on the wire, with Content-Length as the body has it."""
        out = [self.start_line()]
        for name, text in self.fields.items():
            if name == "Content-Length":
                continue
            out.append(f"{name}: " + (text if "\n" not in text else text.replace("\n", f"\r\n{name}: ")))
        out.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(out).encode("utf-8", "surrogateescape") + self.body

    def _same(self, other: Message) -> bool:
        mine = {name: text for name, text in self.fields.items() if name != "Content-Length"}
        theirs = {name: text for name, text in other.fields.items() if name != "Content-Length"}
        return mine == theirs and self.body == other.body


class Request(Message):
    __slots__ = ("method", "raw", "uri")

    def __init__(self, method: str, uri: str, fields: dict[str, str], body: bytes = b"") -> None:
        super().__init__(fields, body)
        self.method = method
        self.uri = uri
        self.raw = b""
        """A REGISTER as it came; empty for what was built here and for other methods."""

    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Request)
            and (self.method, self.uri) == (other.method, other.uri)
            and self._same(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri} {self.get('CSeq')} {self.get('Call-ID')}>"


class Response(Message):
    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, fields: dict[str, str], body: bytes = b"", reason: str | None = None
    ) -> None:
        super().__init__(fields, body)
        self.status = status
        self.reason = standard_reason(status) if reason is None else reason

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Response)
            and (self.status, self.reason) == (other.status, other.reason)
            and self._same(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.get('CSeq')} {self.get('Call-ID')}>"


class Rejected:
    """Bytes that are no acceptable message: the status to answer with, and what could be read of the request.

    `request` is None when nothing could; then there is nobody to answer.
    """

    __slots__ = ("request", "status", "what")

    def __init__(self, status: int, what: str, request: Request | None = None) -> None:
        self.status = status
        self.what = what
        self.request = request

    @property
    def answerable(self) -> Request | None:
        """The request, when a response to it can be built. An ACK is never answered."""
        request = self.request
        if request is None or request.method == "ACK" or "Via" not in request.fields:
            return None
        return request

    def __repr__(self) -> str:
        return f"<Rejected {self.status} {self.what}>"
