"""Dialogs: the state two user agents share after an INVITE.

Source: RFC 3261 §12
"""

from __future__ import annotations

from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.name_addr import NameAddr, parse_name_addr
from antiphon.protocols.sip.uri import SipUri, parse_uri

MAX_ROUTES = 32


class Dialog:
    """One side's view. `local` and `remote` are From/To values without tags, as this side writes them."""

    __slots__ = (
        "call_id",
        "local",
        "local_seq",
        "local_tag",
        "remote",
        "remote_seq",
        "remote_tag",
        "remote_target",
        "routes",
    )

    def __init__(
        self,
        call_id: str,
        local: str,
        local_tag: str,
        remote: str,
        remote_tag: str,
        remote_target: str,
        routes: tuple[str, ...] = (),
        local_seq: int = 0,
        remote_seq: int | None = None,
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.remote_target = remote_target
        self.routes = routes
        self.local_seq = local_seq
        self.remote_seq = remote_seq

    @classmethod
    def accepted(cls, request: Request, local_tag: str) -> Dialog:
        """The server side of a dialog that `request` opens (§12.1.1)."""
        contacts = request.contacts
        return cls(
            call_id=request.call_id,
            local=_without_tag(request.to),
            local_tag=local_tag,
            remote=_without_tag(request.from_),
            remote_tag=request.from_.tag,
            remote_target=contacts[0].uri if contacts else request.from_.uri,
            routes=_routes(request.addresses("Record-Route")),
            remote_seq=request.sequence,
        )

    @classmethod
    def established(cls, request: Request, response: Response) -> Dialog:
        """The client side of a dialog that a 101-299 response makes (§12.1.2)."""
        contacts = response.contacts
        return cls(
            call_id=request.call_id,
            local=_without_tag(request.from_),
            local_tag=request.from_.tag,
            remote=_without_tag(request.to),
            remote_tag=response.to.tag,
            remote_target=contacts[0].uri if contacts else request.uri,
            routes=_routes(list(reversed(response.addresses("Record-Route")))),
            local_seq=request.sequence,
        )

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.call_id, self.local_tag, self.remote_tag)

    def fits(self, request: Request) -> bool:
        """Is this in-dialog request the next one? Requests out of order are answered 500 (§12.2.2).

        ACK and CANCEL carry the number of their INVITE and are not counted.
        """
        sequence = request.sequence
        if request.method in ("ACK", "CANCEL"):
            return True
        if self.remote_seq is not None and sequence <= self.remote_seq:
            return False
        self.remote_seq = sequence
        return True

    def refresh(self, message: Request | Response) -> None:
        """A target refresh: the Contact of a re-INVITE or UPDATE, or of its 2xx, is where requests go from now on."""
        contacts = message.contacts
        if contacts:
            self.remote_target = contacts[0].uri

    def request(self, method: str, via: str, sequence: int | None = None) -> Request:
        """A request within the dialog (§12.2.1.1). `sequence` is given for ACK, which repeats its INVITE's number."""
        if sequence is None:
            self.local_seq += 1
            sequence = self.local_seq
        uri, routes = self._path()
        fields = {
            "Via": via,
            "Max-Forwards": "70",
            "From": f"{self.local};tag={self.local_tag}",
            "To": f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote,
            "Call-ID": self.call_id,
            "CSeq": f"{sequence} {method}",
        }
        if routes:
            fields["Route"] = "\n".join(routes)
        return Request(method, uri, fields)

    def _path(self) -> tuple[str, tuple[str, ...]]:
        """Request-URI and Route. A first route without `lr` is a strict router: it gets its own URI as the target."""
        if not self.routes:
            return self.remote_target, ()
        first = parse_name_addr(self.routes[0])
        if "lr" in _sip(first).params:
            return self.remote_target, self.routes
        return first.uri, (*self.routes[1:], f"<{self.remote_target}>")


def _sip(address: NameAddr) -> SipUri:
    return address.sip if address.uri[:3].lower() == "sip" else parse_uri("sip:invalid.invalid;lr")


def _without_tag(address: NameAddr) -> str:
    return str(
        NameAddr(address.uri, {k: v for k, v in address.params.items() if k != "tag"}, address.display)
    )


def _routes(addresses: list[NameAddr]) -> tuple[str, ...]:
    return tuple([str(address) for address in addresses[:MAX_ROUTES]])
