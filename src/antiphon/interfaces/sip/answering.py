"""Answers to INVITE and what follows them: 2xx until the ACK, session timers, hanging up.

Source: RFC 3261 §13.3.1.4, §15.1; RFC 4028
"""

from __future__ import annotations

from antiphon.interfaces.sip.board import Board
from antiphon.interfaces.sip.causes import reason_header
from antiphon.interfaces.sip.leg import AwaitedAck, Leg
from antiphon.interfaces.sip.replies import ALLOW, SUPPORTED, reply
from antiphon.interfaces.sip.transactions import Heard, user_of
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.multipart import body_of
from antiphon.protocols.sip.session_timer import Agreement, TooSmall, answer
from antiphon.protocols.sip.transaction import ServerTransaction
from antiphon.protocols.sip.transaction.timers import T1, T2, TIMEOUT
from antiphon.services.call.legs import Cause, Ended, ReofferAnswered, ReofferRefused

SDP = "application/sdp"

RETURN_S = 15.0
"""How long an established call waits for a device whose connection broke."""


class Answering:
    """What established legs share, whoever called."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def accept(self, leg: Leg, transaction: ServerTransaction, sdp: bytes | None, tag: str) -> None:
        """A 2xx to an INVITE or UPDATE, with our description and the agreed session timer."""
        request, peer = transaction.request, user_of(transaction).peer
        headers = f"Contact: {peer.listener.contact(leg.contact_user)}\r\nAllow: {ALLOW}\r\nSupported: {SUPPORTED}\r\n"
        try:
            expires, agreement = answer(request)
        except TooSmall:
            expires, agreement = None, leg.session
        if expires is not None:
            headers += f"Session-Expires: {expires}\r\nRequire: timer\r\n"
        if "Record-Route" in request.fields:
            headers += "".join([f"Record-Route: {value}\r\n" for value in request.values("Record-Route")])
        if sdp:
            headers += f"Content-Type: {SDP}\r\n"
            leg.local_sdp = sdp
        data = reply(request, peer, 200, tag, headers, sdp or b"")
        self._board.transactions.respond(transaction, 200, data)
        if request.method == "INVITE":
            self._await_ack(leg, data, request.sequence)
        if agreement is not None:
            self.keep_alive(leg, agreement)

    def _await_ack(self, leg: Leg, data: bytes, sequence: int) -> None:
        timers = self._board.timers
        self._acknowledged(leg)
        leg.awaited = AwaitedAck(data, sequence, timers.now() + TIMEOUT)
        self._schedule(leg, leg.awaited)

    def _schedule(self, leg: Leg, awaited: AwaitedAck) -> None:
        """On every transport: the 2xx travels end to end, and some hop may be unreliable."""
        timers = self._board.timers
        awaited.interval_s = min(awaited.interval_s * 2, T2) or T1
        due = min(timers.now() + awaited.interval_s, awaited.until)
        awaited.timer = timers.at(due, lambda: self._unacknowledged(leg, awaited))

    def _unacknowledged(self, leg: Leg, awaited: AwaitedAck) -> None:
        if leg.awaited is not awaited:
            return
        if self._board.timers.now() < awaited.until:
            if leg.peer is not None:
                leg.peer.send(awaited.data)
            self._schedule(leg, awaited)
            return
        # §13.3.1.4: without an ACK the dialog is confirmed, but the session is to be terminated.
        leg.awaited = None
        self.lost(leg)

    def _acknowledged(self, leg: Leg) -> None:
        awaited, leg.awaited = leg.awaited, None
        if awaited is not None and awaited.timer is not None:
            awaited.timer.cancel()

    def ack(self, leg: Leg, request: Request) -> None:
        """The ACK of a 2xx of ours."""
        awaited = leg.awaited
        if awaited is None or awaited.sequence != request.sequence:
            return
        self._acknowledged(leg)
        if leg.bye_cause is not None:
            self.hang_up(leg, leg.bye_cause)
        elif leg.expects_answer:
            leg.expects_answer = False
            sdp = body_of(request, SDP)
            if sdp is not None:
                self._board.emit(ReofferAnswered(leg.id, sdp))
            else:
                self._board.emit(ReofferRefused(leg.id, Cause.NOT_ACCEPTABLE))

    def hang_up(self, leg: Leg, cause: Cause) -> None:
        """BYE, or as soon as the ACK has come: a server may not hang up before it (§15)."""
        if leg.awaited is not None:
            leg.bye_cause = cause
            self._board.legs.pop(leg.id, None)
            return
        self._board.send(leg, "BYE", None, {"Reason": reason_header(cause)})
        self._board.forget(leg)

    def lost(self, leg: Leg, cause: Cause = Cause.TIMEOUT) -> None:
        """The peer does not answer any more: say BYE in case it still hears, and tell the call."""
        told = leg.id in self._board.legs
        leg.bye_cause = None
        self.hang_up(leg, cause)
        if told:
            self._board.emit(Ended(leg.id, cause))

    def watch_connection(self, leg: Leg) -> None:
        """A dropped connection ends the call only when its device does not come back on another one."""
        peer = leg.peer
        if peer is not None and peer.reliable and peer.alive:
            peer.waiting[leg] = lambda: self._connection_lost(leg)

    def _connection_lost(self, leg: Leg) -> None:
        timers = self._board.timers
        timers.at(timers.now() + RETURN_S, lambda: self._returned(leg))

    def _returned(self, leg: Leg) -> None:
        if leg.gone:
            return
        if self._board.peer_of(leg) is None:
            self.lost(leg)
        else:
            self.watch_connection(leg)

    # Session timers

    def keep_alive(self, leg: Leg, agreement: Agreement) -> None:
        """Starts the session timer anew."""
        leg.session = agreement
        if leg.session_timer is not None:
            leg.session_timer.cancel()
        timers = self._board.timers
        leg.session_timer = timers.at(timers.now() + agreement.next_s, lambda: self._session_due(leg))

    def refreshed(self, leg: Leg) -> None:
        if leg.session is not None:
            self.keep_alive(leg, leg.session)

    def _session_due(self, leg: Leg) -> None:
        agreement = leg.session
        if leg.gone or agreement is None:
            return
        if not agreement.ours:
            self.lost(leg)
            return
        if leg.client is not None or leg.server is not None:
            # An exchange is under way and will refresh the session itself.
            self.keep_alive(leg, agreement)
            return
        headers = {"Session-Expires": f"{agreement.interval_s};refresher=uac", "Supported": SUPPORTED}
        if leg.updates:
            leg.client = self._board.send(
                leg, "UPDATE", lambda heard: self._refresh_heard(leg, heard), headers
            )
        else:
            body = leg.local_sdp or b""
            if body:
                headers["Content-Type"] = SDP
            leg.client = self._board.send(
                leg, "INVITE", lambda heard: self._refresh_heard(leg, heard), headers, body
            )
        if leg.client is None:
            self.lost(leg)

    def _refresh_heard(self, leg: Leg, heard: Heard) -> None:
        if isinstance(heard, Response) and heard.status < 200:
            return
        if isinstance(heard, Response) and heard.status < 300:
            if heard.cseq_method == "INVITE" and leg.peer is not None and leg.dialog is not None:
                self._board.acknowledge(leg, leg.dialog, heard.sequence, leg.peer)
            if leg.client is not None:
                leg.client = None
                self.refreshed(leg)
            return
        leg.client = None
        if isinstance(heard, Response) and heard.status not in (408, 481):
            # Refused, but alive: try again at the next turn (§10).
            self.refreshed(leg)
        elif not leg.gone:
            self.lost(leg)
