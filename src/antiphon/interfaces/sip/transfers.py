"""REFER within a call: blind transfer, and attended transfer by Replaces.

Source: RFC 3515, RFC 3891, RFC 4488, RFC 5589
"""

from __future__ import annotations

from urllib.parse import unquote

from antiphon.interfaces.sip.board import Board
from antiphon.interfaces.sip.causes import CAUSES
from antiphon.interfaces.sip.leg import Leg
from antiphon.interfaces.sip.replies import reply
from antiphon.interfaces.sip.transactions import user_of
from antiphon.protocols.sip.grammar import Malformed
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.name_addr import NameAddr
from antiphon.protocols.sip.status import reason
from antiphon.protocols.sip.transaction import ServerTransaction
from antiphon.services.call.legs import TransferRequested, TransferResult


class Transfers:
    """Takes transfer requests and reports how they went."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def referred(self, leg: Leg, transaction: ServerTransaction) -> None:
        request = transaction.request
        found = request.addresses("Refer-To")
        target = _target(found[0]) if len(found) == 1 else None
        if target is None:
            self._answer(leg, transaction, 400)
            return
        number, replaces = target
        replaced: Leg | None = None
        if replaces:
            replaced = self._replaced(replaces)
            if replaced is None:
                self._answer(leg, transaction, 481)
                return
        silent = _norefersub(request)
        leg.refer = "" if silent else f"refer;id={request.sequence}"
        self._answer(leg, transaction, 202, "Refer-Sub: false\r\n" if silent else "")
        self._notify(leg, 100)
        self._board.emit(TransferRequested(leg.id, number, None if replaced is None else replaced.id))

    def result(self, leg: Leg, command: TransferResult) -> None:
        status = 200 if command.cause is None else CAUSES[command.cause].status
        self._notify(leg, status)
        leg.refer = None

    def _notify(self, leg: Leg, status: int) -> None:
        if not leg.refer:
            return
        state = "active;expires=60" if status < 200 else "terminated;reason=noresource"
        headers = {
            "Event": leg.refer,
            "Subscription-State": state,
            "Content-Type": "message/sipfrag;version=2.0",
        }
        self._board.send(leg, "NOTIFY", None, headers, f"SIP/2.0 {status} {reason(status)}\r\n".encode())

    def _replaced(self, text: str) -> Leg | None:
        call_id, *params = text.split(";")
        tags = dict(param.partition("=")[::2] for param in params)
        return self._board.replaced(call_id, tags.get("to-tag", ""), tags.get("from-tag", ""))

    def _answer(self, leg: Leg, transaction: ServerTransaction, status: int, headers: str = "") -> None:
        peer = user_of(transaction).peer
        contact = f"Contact: {peer.listener.contact(leg.contact_user)}\r\n" if status == 202 else ""
        self._board.transactions.respond(
            transaction, status, reply(transaction.request, peer, status, "", contact + headers)
        )


def _target(address: NameAddr) -> tuple[str, str] | None:
    """The number that Refer-To names and the Replaces value it carries, unescaped."""
    if address.uri[:3].lower() != "sip":
        return None
    try:
        uri = address.sip
    except Malformed:
        return None
    replaces = ""
    for header in uri.headers.split("&"):
        name, _, value = header.partition("=")
        if name.lower() == "replaces":
            replaces = unquote(value)
    number = uri.username.partition(";")[0]
    return (number, replaces) if number or replaces else None


def _norefersub(request: Request) -> bool:
    """RFC 4488: the sender wants no implicit subscription."""
    return request.get("Refer-Sub").strip().lower() == "false"
