"""Lines that are rung: one INVITE to every binding, the first 2xx wins.

Source: RFC 3261 §9.1, §13.2.2, §16.7 (choosing the best response); RFC 3326; S0 shared lines
"""

from __future__ import annotations

from antiphon.interfaces.sip.answering import Answering
from antiphon.interfaces.sip.board import Board
from antiphon.interfaces.sip.causes import cause_of, reason_header
from antiphon.interfaces.sip.leg import Fork, Leg
from antiphon.interfaces.sip.peer import Peer
from antiphon.interfaces.sip.replies import ALLOW, SERVER, SUPPORTED
from antiphon.interfaces.sip.screening import SDP
from antiphon.interfaces.sip.transactions import Heard
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.grammar import quote
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.multipart import body_of
from antiphon.protocols.sip.session_timer import DEFAULT_S, MIN_SE_S, larger_minimum, outcome
from antiphon.protocols.sip.transaction import TimedOut
from antiphon.services.call.legs import (
    Answered,
    Cause,
    Originate,
    Party,
    Progressed,
    Refused,
)
from antiphon.services.registrar.binding import Binding

ELSEWHERE = reason_header(Cause.ANSWERED_ELSEWHERE)
CANCEL_WAIT_S = 32.0


class Outbound:
    """Plays legs that the call service originates."""

    def __init__(self, board: Board, answering: Answering) -> None:
        self._board = board
        self._answering = answering

    def originate(self, command: Originate) -> None:
        leg = Leg(command.leg, command.target_number, command.device, None, None)
        leg.contact_user = command.calling.number or "anonymous"
        leg.offered = command.sdp is not None
        leg.local_sdp = command.sdp
        for binding in self._board.registrar.bindings(command.target_number):
            if command.device and binding.device != command.device:
                continue
            peer = self._reach(binding)
            if peer is not None:
                leg.forks.append(Fork(peer, binding.device, self._invite(command, binding, peer)))
        self._board.add(leg)
        if not leg.forks:
            self._refused(leg, Cause.UNAVAILABLE)
            return
        for fork in tuple(leg.forks):
            self._ring(leg, fork)

    def _reach(self, binding: Binding) -> Peer | None:
        if isinstance(binding.flow, Peer):
            return binding.flow if binding.flow.alive else None
        if binding.transport == "udp" and binding.received is not None:
            return self._board.udp_peer(binding.received)
        return None

    def _invite(self, command: Originate, binding: Binding, peer: Peer) -> Request:
        board, calling = self._board, command.calling
        fields = {
            "Via": board.transactions.via(peer),
            "Max-Forwards": "70",
            "From": f"{_party(calling, board.domain)};tag={board.random.token(12)}",
            "To": f"<sip:{command.target_number}@{board.domain}>",
            "Call-ID": board.random.token(18),
            "CSeq": "1 INVITE",
            "Contact": peer.listener.contact(calling.number or "anonymous"),
            "Allow": ALLOW,
            "Supported": SUPPORTED,
            "Session-Expires": str(DEFAULT_S),
            "Min-SE": str(MIN_SE_S),
            "User-Agent": SERVER,
        }
        if binding.path:
            fields["Route"] = "\n".join(binding.path)
        if calling.number:
            identity = _party(calling, board.domain)
            fields["P-Asserted-Identity"] = identity
            fields["Remote-Party-ID"] = f"{identity};party=calling;screen=yes;privacy=off"
        if command.diverted:
            # RFC 5806 §4.2: the last diversion stands first.
            fields["Diversion"] = "\n".join(
                f"<sip:{d.number}@{board.domain}>;reason={d.reason.value}" for d in reversed(command.diverted)
            )
        if command.sdp:
            fields["Content-Type"] = SDP
        return Request("INVITE", binding.contact, fields, command.sdp or b"")

    def _ring(self, leg: Leg, fork: Fork) -> None:
        fork.transaction = self._board.transactions.request(
            fork.invite, fork.peer, lambda heard: self._heard(leg, fork, heard)
        )
        transaction = fork.transaction
        fork.peer.waiting[fork] = lambda: self._board.transactions.fail(transaction)

    def _heard(self, leg: Leg, fork: Fork, heard: Heard) -> None:
        if isinstance(heard, Response):
            if heard.status < 200:
                self._provisional(leg, fork, heard)
            elif heard.status < 300:
                self._success(leg, fork, heard)
            elif not (heard.status == 422 and self._again(leg, fork, heard)):
                self._failure(leg, fork, heard.status, _contact_number(heard))
        elif not isinstance(heard, Request):
            # No answer at all, or no way to it.
            self._failure(leg, fork, 408 if isinstance(heard, TimedOut) else 503)

    def _provisional(self, leg: Leg, fork: Fork, response: Response) -> None:
        first, fork.proceeding = not fork.proceeding, True
        if first and fork.cancel_reason is not None:
            self._cancel_now(fork, fork.cancel_reason)
            return
        if response.status == 100 or leg.gone or leg.winner is not None or fork.cancel_reason is not None:
            return
        # One description can be heard at a time: early media is passed on only while a single device rings.
        sdp = body_of(response, SDP) if len(leg.forks) == 1 and leg.offered else None
        self._board.emit(Progressed(leg.id, sdp, ringing=response.status == 180))

    def _success(self, leg: Leg, fork: Fork, response: Response) -> None:
        fork.final = response.status
        fork.peer.waiting.pop(fork, None)
        tag = response.to.tag
        if leg.winner is fork and leg.dialog is not None and leg.dialog.remote_tag == tag:
            if leg.last_ack is not None and leg.last_ack[0] == response.sequence:
                fork.peer.send(leg.last_ack[1])
            return
        dialog = Dialog.established(fork.invite, response)
        if leg.gone or leg.winner is not None:
            self._dismiss(fork, dialog, tag, response)
            return
        leg.winner = fork
        leg.peer = fork.peer
        leg.device = fork.device
        self._board.enter(leg, dialog)
        leg.learn(response)
        for other in leg.forks:
            if other is not fork:
                self._cancel(other, ELSEWHERE)
        sdp = body_of(response, SDP)
        if leg.offered:
            self._board.acknowledge(leg, dialog, response.sequence, fork.peer)
        else:
            leg.owed_ack = response.sequence
        self._answering.watch_connection(leg)
        self._answering.keep_alive(leg, outcome(response, DEFAULT_S))
        if sdp is None:
            # RFC 3261 §13.2.2.4: a 2xx without a description ends an offer without an answer. Nobody could hear anybody.
            if leg.owed_ack is not None:
                leg.owed_ack = None
                self._board.acknowledge(leg, dialog, response.sequence, fork.peer)
            self._answering.hang_up(leg, Cause.NOT_ACCEPTABLE)
            self._board.emit(Refused(leg.id, Cause.NOT_ACCEPTABLE))
            return
        self._board.emit(Answered(leg.id, sdp, fork.device))

    def _dismiss(self, fork: Fork, dialog: Dialog, tag: str, response: Response) -> None:
        """A 2xx that crossed the CANCEL or another 2xx: it is acknowledged each time, and hung up once."""
        transactions = self._board.transactions
        ack = dialog.request("ACK", transactions.via(fork.peer), response.sequence)
        fork.peer.send(ack.to_bytes())
        if tag not in fork.dismissed and len(fork.dismissed) < 16:
            fork.dismissed.add(tag)
            bye = dialog.request("BYE", transactions.via(fork.peer))
            bye.fields["Reason"] = fork.cancel_reason or ELSEWHERE
            transactions.request(bye, fork.peer, None)

    def _again(self, leg: Leg, fork: Fork, response: Response) -> bool:
        """422: the device wants a longer session interval than ours; asked once more with its minimum."""
        minimum = larger_minimum(response)
        if minimum is None or fork.retried or fork.cancel_reason is not None or leg.gone:
            return False
        fork.retried = True
        invite = fork.invite
        invite.fields["Via"] = self._board.transactions.via(fork.peer)
        invite.fields["CSeq"] = f"{invite.sequence + 1} INVITE"
        invite.fields["Session-Expires"] = str(max(minimum, DEFAULT_S))
        invite.fields["Min-SE"] = str(minimum)
        fork.invite = Request("INVITE", invite.uri, invite.fields, invite.body)
        self._ring(leg, fork)
        return True

    def _failure(self, leg: Leg, fork: Fork, status: int, contact: str = "") -> None:
        fork.final = status
        fork.peer.waiting.pop(fork, None)
        if leg.gone or leg.winner is not None:
            return
        if status >= 600:
            for other in leg.forks:
                self._cancel(other, reason_header(Cause.REJECTED))
        elif any(other.final is None for other in leg.forks):
            return
        best = min((f.final for f in leg.forks if f.final is not None), key=_preference)
        self._refused(leg, cause_of(best), contact if 300 <= best < 400 else "")

    def _refused(self, leg: Leg, cause: Cause, contact: str = "") -> None:
        if cause is Cause.REDIRECTED and not contact:
            cause = Cause.UNAVAILABLE
        self._board.forget(leg)
        self._board.emit(Refused(leg.id, cause, contact))

    def give_up(self, leg: Leg, cause: Cause) -> None:
        """`End` before the answer: CANCEL to everything that rings."""
        self._board.forget(leg)
        for fork in leg.forks:
            self._cancel(fork, reason_header(cause))

    def _cancel(self, fork: Fork, reason: str) -> None:
        if fork.final is not None or fork.cancel_reason is not None:
            return
        fork.cancel_reason = reason
        if fork.proceeding:
            self._cancel_now(fork, reason)

    def _cancel_now(self, fork: Fork, reason: str) -> None:
        transaction = fork.transaction
        if transaction is None or fork.final is not None:
            return
        self._board.transactions.request(transaction.cancel(reason), fork.peer, None)
        timers = self._board.timers

        def unanswered() -> None:
            # §9.1: without a final response for 64*T1 the INVITE counts as cancelled.
            if fork.final is None:
                self._board.transactions.fail(transaction)

        timers.at(timers.now() + CANCEL_WAIT_S, unanswered)


def _preference(status: int) -> tuple[int, int]:
    """§16.7 step 6: 6xx first, else the lowest class; within 4xx what tells the caller most."""
    if status >= 600:
        return (0, status)
    return (status // 100, {486: 0, 488: 1, 480: 3, 487: 4, 408: 5}.get(status, 2))


def _party(party: Party, domain: str) -> str:
    name = f"{quote(party.display_name)} " if party.display_name else ""
    return f"{name}<sip:{party.number or 'anonymous'}@{domain}>"


def _contact_number(response: Response) -> str:
    """Where a 3xx sends us; only the number counts, it goes through the dial plan like any other."""
    for contact in response.contacts:
        if contact.uri[:3].lower() == "sip":
            return contact.sip.username
    return ""
