"""Requests within dialogs, both ways: re-INVITE, UPDATE, BYE, INFO.

Source: RFC 3261 §12.2, §14, §15; RFC 3311; RFC 6337
"""

from __future__ import annotations

from antiphon.interfaces.sip.answering import Answering
from antiphon.interfaces.sip.board import Board
from antiphon.interfaces.sip.causes import CAUSES, cause_of
from antiphon.interfaces.sip.leg import Leg
from antiphon.interfaces.sip.peer import Peer
from antiphon.interfaces.sip.replies import ALLOW, SUPPORTED, reply
from antiphon.interfaces.sip.screening import SDP, required
from antiphon.interfaces.sip.transactions import Heard, user_of
from antiphon.interfaces.sip.transfers import Transfers
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.multipart import body_of
from antiphon.protocols.sip.transaction import ServerTransaction
from antiphon.services.call.legs import (
    AnswerReoffer,
    Cause,
    Digits,
    Ended,
    RefuseReoffer,
    Reoffer,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
)

DTMF = "0123456789*#ABCD"
RETRY_AFTER = "Retry-After: 3\r\n"


class InDialog:
    """Serves requests that carry a To tag, and sends ours."""

    def __init__(self, board: Board, answering: Answering, transfers: Transfers, tag: str) -> None:
        self._board = board
        self._answering = answering
        self._transfers = transfers
        self._tag = tag

    def serve(self, request: Request, peer: Peer) -> None:
        leg = self._board.within(request)
        if leg is None or leg.dialog is None:
            peer.send(reply(request, peer, 481, self._tag))
            return
        transaction = self._board.transactions.serve(
            request, peer, leg, lambda heard: self._acknowledged(leg, heard)
        )
        if not leg.dialog.fits(request):
            self._answer(transaction, 500)
            return
        refusal = required(request)
        if refusal is not None:
            self._answer(transaction, refusal.status, refusal.headers)
            return
        if leg.peer is not peer:
            # The device came back over another connection, or its address moved: requests follow it.
            if leg.peer is not None:
                leg.peer.waiting.pop(leg, None)
            leg.peer = peer
            self._answering.watch_connection(leg)
        match request.method:
            case "INVITE" | "UPDATE":
                self._reoffered(leg, transaction)
            case "BYE":
                self._hung_up(leg, transaction)
            case "REFER":
                self._transfers.referred(leg, transaction)
            case "INFO":
                self._info(leg, transaction)
            case _:
                self._answer(
                    transaction,
                    489 if request.method in ("NOTIFY", "SUBSCRIBE") else 405,
                    f"Allow: {ALLOW}\r\n",
                )

    def ack(self, request: Request) -> None:
        """An ACK that ends no transaction: of a 2xx, or of nothing any more. It is never answered."""
        leg = self._board.within(request)
        if leg is not None:
            self._answering.ack(leg, request)

    def _acknowledged(self, leg: Leg, heard: Heard) -> None:
        if isinstance(heard, Request):
            self._answering.ack(leg, heard)

    def _answer(self, transaction: ServerTransaction, status: int, headers: str = "") -> None:
        peer = user_of(transaction).peer
        self._board.transactions.respond(
            transaction, status, reply(transaction.request, peer, status, self._tag, headers)
        )

    def _hung_up(self, leg: Leg, transaction: ServerTransaction) -> None:
        self._answer(transaction, 200)
        for pending in (leg.invite, leg.server):
            if pending is not None:
                # §15.1.2: what is pending gets 487.
                self._answer(pending, 487)
        cause = Cause.NORMAL if leg.invite is None else Cause.CANCELLED
        leg.invite = leg.server = None
        told = leg.id in self._board.legs
        self._board.forget(leg)
        if told:
            self._board.emit(Ended(leg.id, cause))

    def _reoffered(self, leg: Leg, transaction: ServerTransaction) -> None:
        request = transaction.request
        if leg.invite is not None:
            self._answer(transaction, 491 if request.method == "INVITE" else 500, RETRY_AFTER)
            return
        if leg.client is not None:
            self._answer(transaction, 491)
            return
        if leg.server is not None:
            self._answer(transaction, 500, RETRY_AFTER)
            return
        assert leg.dialog is not None
        leg.dialog.refresh(request)
        leg.learn(request)
        sdp = body_of(request, SDP)
        if request.method == "UPDATE" and sdp is None:
            # A session refresh and nothing else (RFC 4028 §7.4).
            self._answering.accept(leg, transaction, None, leg.dialog.local_tag)
            return
        leg.server = transaction
        leg.server_empty = sdp is None
        if request.method == "INVITE":
            peer = user_of(transaction).peer
            self._board.transactions.respond(transaction, 100, reply(request, peer, 100))
        self._board.emit(Reoffered(leg.id, sdp))

    def _info(self, leg: Leg, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.content_type not in ("application/dtmf-relay", "application/dtmf"):
            self._answer(transaction, 200 if not request.body else 415)
            return
        self._answer(transaction, 200)
        digit = _digit(request.body[:128].decode("ascii", "replace"))
        if digit:
            self._board.emit(Digits(leg.id, digit))

    # What the call says to an established leg

    def reoffer(self, leg: Leg, command: Reoffer) -> None:
        headers = {"Supported": SUPPORTED, "Allow": ALLOW}
        if leg.session is not None:
            headers["Session-Expires"] = str(leg.session.interval_s)
        if command.sdp is not None:
            headers["Content-Type"] = SDP
            leg.local_sdp = command.sdp
        asked = command.sdp is None
        leg.client = self._board.send(
            leg, "INVITE", lambda heard: self._answered(leg, heard, asked), headers, command.sdp or b""
        )
        if leg.client is None:
            self._answering.lost(leg)

    def _answered(self, leg: Leg, heard: Heard, asked: bool) -> None:
        if isinstance(heard, Response) and heard.status < 200:
            return
        if isinstance(heard, Response) and heard.status < 300:
            self._accepted(leg, heard, asked)
            return
        leg.client = None
        if leg.gone:
            return
        if isinstance(heard, Response) and heard.status not in (408, 481):
            self._board.emit(ReofferRefused(leg.id, cause_of(heard.status)))
        else:
            # §12.2.1.2: the other side knows nothing of this dialog, or is gone.
            self._answering.lost(leg)

    def _accepted(self, leg: Leg, response: Response, asked: bool) -> None:
        peer, dialog = leg.peer, leg.dialog
        if peer is None or dialog is None:
            return
        if leg.client is None:
            if leg.last_ack is not None and leg.last_ack[0] == response.sequence:
                peer.send(leg.last_ack[1])
            return
        leg.client = None
        dialog.refresh(response)
        sdp = body_of(response, SDP)
        if not asked or sdp is None or leg.gone:
            self._board.acknowledge(leg, dialog, response.sequence, peer)
        else:
            leg.owed_ack = response.sequence
        if leg.gone:
            return
        self._answering.refreshed(leg)
        if sdp is not None:
            self._board.emit(ReofferAnswered(leg.id, sdp))
        else:
            self._board.emit(ReofferRefused(leg.id, Cause.NOT_ACCEPTABLE))

    def answer(self, leg: Leg, command: AnswerReoffer) -> None:
        """Our answer, in the ACK that was held back or in the 2xx of the leg's own request."""
        dialog = leg.dialog
        if dialog is None:
            return
        if leg.owed_ack is not None and leg.peer is not None:
            sequence, leg.owed_ack = leg.owed_ack, None
            leg.local_sdp = command.sdp
            self._board.acknowledge(leg, dialog, sequence, leg.peer, command.sdp)
            return
        transaction, leg.server = leg.server, None
        if transaction is not None:
            leg.expects_answer = leg.server_empty
            self._answering.accept(leg, transaction, command.sdp, dialog.local_tag)

    def refuse(self, leg: Leg, command: RefuseReoffer) -> None:
        transaction, leg.server = leg.server, None
        if transaction is not None:
            self._answer(
                transaction, CAUSES[command.cause].status if command.cause is not Cause.NORMAL else 488
            )


def _digit(body: str) -> str:
    """`Signal=5` of application/dtmf-relay, or the digit alone of application/dtmf."""
    for line in body.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip().lower() == "signal":
            body = value
            break
    digit = body.strip().upper()
    return digit if len(digit) == 1 and digit in DTMF else ""
