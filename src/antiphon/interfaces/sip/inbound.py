"""Devices that call: INVITE to `Offered`, and the call's answers back.

Source: RFC 3261 §8.2, §9.2, §13.3
"""

from __future__ import annotations

from antiphon.interfaces.sip import contacts, screening
from antiphon.interfaces.sip.answering import Answering
from antiphon.interfaces.sip.authentication import Authenticator, Refusal
from antiphon.interfaces.sip.board import Board
from antiphon.interfaces.sip.causes import CAUSES, reason_header
from antiphon.interfaces.sip.leg import Leg
from antiphon.interfaces.sip.peer import Caller, Peer
from antiphon.interfaces.sip.replies import reply
from antiphon.interfaces.sip.transactions import Heard, user_of
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.multipart import body_of
from antiphon.protocols.sip.session_timer import MIN_SE_S, TooSmall, answer
from antiphon.services.call.legs import Answer, Cause, Ended, Offered, Party, Progress, Refuse


class Inbound:
    """Serves INVITEs that open a dialog."""

    def __init__(self, board: Board, authenticator: Authenticator, answering: Answering, tag: str) -> None:
        self._board = board
        self._authenticator = authenticator
        self._answering = answering
        self._tag = tag
        """For refusals that are sent without a transaction: their retransmissions get the same answer."""

    def invite(self, request: Request, peer: Peer, now: float) -> None:
        if self._board.merged(request):
            peer.send(reply(request, peer, 482, self._tag))
            return
        refusal = screening.invite(request) or _interval(request)
        if refusal is None:
            judged = self.caller(request, peer, now)
            if isinstance(judged, Caller) and "Replaces" not in request.fields:
                self._offer(request, peer, judged)
                return
            # RFC 3891 §3: never a call beside the one it wants to replace. REFER is the way to that here.
            refusal = Refusal(603) if isinstance(judged, Caller) else judged
        # Stateless: a stranger's INVITE makes nothing here that would have to be remembered or sent again.
        peer.send(reply(request, peer, refusal.status, self._tag, refusal.headers))

    def caller(self, request: Request, peer: Peer, now: float) -> Caller | Refusal:
        """Who speaks, from the connection it registered over or from the proof in the request."""
        address = request.from_
        if address.uri[:3].lower() != "sip":
            return Refusal(403)
        number = screening.number_of(address.uri)
        trusted = peer.trusts(number, self._board.timers.wall(), contacts.device_of(request))
        if trusted is not None:
            return trusted
        proof = self._authenticator.request(request, peer, number, now)
        return proof if isinstance(proof, Refusal) else self._authenticator.caller(proof, peer, number, "")

    def _offer(self, request: Request, peer: Peer, caller: Caller) -> None:
        board = self._board
        called = screening.called_number(request)
        if not called:
            peer.send(reply(request, peer, 484, self._tag))
            return
        dialog = Dialog.accepted(request, board.random.token(12))
        leg = Leg(f"sip-{board.random.token(12)}", caller.number, caller.device, peer, dialog)
        leg.learn(request)
        leg.invite = board.transactions.serve(
            request, peer, leg, lambda heard: self._acknowledged(leg, heard)
        )
        sdp = body_of(request, screening.SDP)
        leg.offered = sdp is not None
        board.add(leg)
        board.transactions.respond(leg.invite, 100, reply(request, peer, 100))
        peer.waiting[leg] = lambda: self._abandoned(leg)
        board.emit(Offered(leg.id, Party(caller.number, request.from_.name), called, sdp, caller.device))

    def _acknowledged(self, leg: Leg, heard: Heard) -> None:
        """An ACK with the INVITE's own branch, as some clients write it."""
        if isinstance(heard, Request):
            self._answering.ack(leg, heard)

    def _abandoned(self, leg: Leg) -> None:
        """The caller's connection broke before the answer."""
        invite, leg.invite = leg.invite, None
        if invite is not None:
            self._board.transactions.fail(invite)
            self._board.emit(Ended(leg.id, Cause.CANCELLED))
            self._board.forget(leg)

    def cancel(self, request: Request, peer: Peer) -> None:
        """CANCEL is answered at once; the INVITE then gets its 487 (§9.2)."""
        board = self._board
        if board.transactions.repeated(request, peer):
            return
        invite = board.transactions.cancelled(request, peer)
        transaction = board.transactions.serve(request, peer)
        if invite is None:
            board.transactions.respond(transaction, 481, reply(request, peer, 481, self._tag))
            return
        leg = user_of(invite).subject
        # The To tag is that of the answer to the INVITE (§9.2).
        tag = leg.dialog.local_tag if isinstance(leg, Leg) and leg.dialog is not None else self._tag
        board.transactions.respond(transaction, 200, reply(request, peer, 200, tag))
        if not isinstance(leg, Leg) or leg.invite is not invite:
            # Answered already: CANCEL changes nothing any more.
            return
        self._finish(leg, 487)
        board.emit(Ended(leg.id, Cause.CANCELLED))
        board.forget(leg)

    # What the call says to a leg that calls

    def progress(self, leg: Leg, command: Progress) -> None:
        if leg.invite is None or leg.dialog is None or leg.peer is None:
            return
        status = 180 if command.ringing else 183
        headers = f"Contact: {leg.peer.listener.contact(leg.contact_user)}\r\n"
        if command.sdp:
            headers += f"Content-Type: {screening.SDP}\r\n"
        data = reply(leg.invite.request, leg.peer, status, leg.dialog.local_tag, headers, command.sdp or b"")
        self._board.transactions.respond(leg.invite, status, data)

    def answer(self, leg: Leg, command: Answer) -> None:
        invite, leg.invite = leg.invite, None
        if invite is None or leg.dialog is None:
            return
        leg.expects_answer = not leg.offered
        self._answering.accept(leg, invite, command.sdp, leg.dialog.local_tag)
        self._answering.watch_connection(leg)

    def refuse(self, leg: Leg, command: Refuse) -> None:
        if command.cause is Cause.REDIRECTED and command.contact:
            contact = f"Contact: <sip:{command.contact}@{self._board.domain}>\r\n"
            self._finish(leg, 302, contact)
        else:
            status = CAUSES[command.cause].status
            after = "Retry-After: 5\r\n" if status == 503 else ""
            self._finish(leg, status, f"Reason: {reason_header(command.cause)}\r\n{after}")
        self._board.forget(leg)

    def _finish(self, leg: Leg, status: int, headers: str = "") -> None:
        invite, leg.invite = leg.invite, None
        if invite is not None and leg.dialog is not None and leg.peer is not None:
            data = reply(invite.request, leg.peer, status, leg.dialog.local_tag, headers)
            self._board.transactions.respond(invite, status, data)


def _interval(request: Request) -> Refusal | None:
    try:
        answer(request)
    except TooSmall:
        return Refusal(422, f"Min-SE: {MIN_SE_S}\r\n")
    return None
