"""Where legs meet: the legs of this door, their dialogs, and the way to the call service and back.

What legs say is queued, so that a command which makes a leg speak at once (a line without bindings) does not call the call
service from inside itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from antiphon.interfaces.sip.leg import Leg
from antiphon.interfaces.sip.peer import Peer
from antiphon.interfaces.sip.ports import Calls, Registrar
from antiphon.interfaces.sip.transactions import OnHeard, Transactions
from antiphon.kernel.core import Address
from antiphon.kernel.random import Random
from antiphon.kernel.time import Timers
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.transaction import ClientTransaction
from antiphon.services.call.legs import LegCommand, LegEvent, LegId


class Board:
    """Shared by the parts of the door that play legs."""

    def __init__(
        self,
        calls: Calls,
        registrar: Registrar,
        transactions: Transactions,
        timers: Timers,
        random: Random,
        domain: str,
        udp_peer: Callable[[Address], Peer | None],
    ) -> None:
        self._calls = calls
        self.registrar = registrar
        self.transactions = transactions
        self.timers = timers
        self.random = random
        self.domain = domain
        self.udp_peer = udp_peer
        self.legs: dict[LegId, Leg] = {}
        self._dialogs: dict[tuple[str, str], Leg] = {}
        self._offers: dict[tuple[str, str], Leg] = {}
        self._events: deque[LegEvent] = deque()
        self._draining = False
        self.execute: Callable[[LegCommand], None] = _nobody
        calls.connect(self.carry_out)

    def emit(self, event: LegEvent) -> None:
        self._events.append(event)
        if not self._draining:
            self._drain()

    def carry_out(self, commands: Sequence[LegCommand]) -> None:
        """Do what the call service says of itself, by a timer."""
        outer, self._draining = self._draining, True
        try:
            for command in commands:
                self.execute(command)
        finally:
            self._draining = outer
        if not outer:
            self._drain()

    def _drain(self) -> None:
        self._draining = True
        try:
            while self._events:
                for command in self._calls.handle(self._events.popleft()):
                    self.execute(command)
        finally:
            self._draining = False

    def add(self, leg: Leg) -> None:
        self.legs[leg.id] = leg
        if leg.dialog is not None:
            self.enter(leg, leg.dialog)

    def enter(self, leg: Leg, dialog: Dialog) -> None:
        """From now on requests within `dialog` find the leg."""
        leg.dialog = dialog
        self._dialogs[dialog.call_id, dialog.local_tag] = leg
        if leg.invite is not None:
            self._offers[dialog.call_id, dialog.remote_tag] = leg

    def forget(self, leg: Leg) -> None:
        """The leg is over: nothing is said about it any more, and requests within its dialog find nobody."""
        leg.gone = True
        self.legs.pop(leg.id, None)
        if leg.session_timer is not None:
            leg.session_timer.cancel()
        if leg.awaited is not None and leg.awaited.timer is not None:
            leg.awaited.timer.cancel()
        leg.awaited = None
        if leg.peer is not None:
            leg.peer.waiting.pop(leg, None)
        if leg.dialog is not None:
            self._dialogs.pop((leg.dialog.call_id, leg.dialog.local_tag), None)
            self._offers.pop((leg.dialog.call_id, leg.dialog.remote_tag), None)

    def within(self, request: Request) -> Leg | None:
        """The leg whose dialog a request belongs to, by Call-ID and both tags (§12.2.2)."""
        leg = self._dialogs.get((request.call_id, request.to.tag))
        if leg is None or leg.dialog is None or leg.dialog.remote_tag != request.from_.tag:
            return None
        return leg

    def merged(self, request: Request) -> bool:
        """Is this INVITE another copy of one that is being served, come by another way (§8.2.2.2)?"""
        leg = self._offers.get((request.call_id, request.from_.tag))
        return leg is not None and leg.invite is not None and leg.invite.request.sequence == request.sequence

    def replaced(self, call_id: str, one: str, other: str) -> Leg | None:
        """The leg that a Replaces header names, whichever way round its sender counts the tags."""
        for local, remote in ((one, other), (other, one)):
            leg = self._dialogs.get((call_id, local))
            if leg is not None and leg.dialog is not None and leg.dialog.remote_tag == remote:
                return leg
        return None

    def peer_of(self, leg: Leg) -> Peer | None:
        """Where the leg's device is reached: over the connection it used, or the one it has come back on."""
        peer = leg.peer
        if peer is not None and peer.alive:
            return peer
        for binding in self.registrar.bindings(leg.number):
            if binding.device == leg.device and isinstance(binding.flow, Peer) and binding.flow.alive:
                leg.peer = binding.flow
                return binding.flow
        return None

    def send(
        self,
        leg: Leg,
        method: str,
        heard: OnHeard | None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> ClientTransaction | None:
        """A request within the leg's dialog; None when its device cannot be reached."""
        peer, dialog = self.peer_of(leg), leg.dialog
        if peer is None or dialog is None:
            return None
        request = dialog.request(method, self.transactions.via(peer))
        request.fields["Contact"] = peer.listener.contact(leg.contact_user)
        request.fields.update(headers or {})
        request.body = body
        return self.transactions.request(request, peer, heard)

    def acknowledge(
        self, leg: Leg, dialog: Dialog, sequence: int, peer: Peer, sdp: bytes | None = None
    ) -> None:
        """The ACK of a 2xx: no transaction carries it, it is sent again for every 2xx that comes again."""
        ack = dialog.request("ACK", self.transactions.via(peer), sequence)
        if sdp is not None:
            ack.fields["Content-Type"] = "application/sdp"
            ack.body = sdp
        data = ack.to_bytes()
        leg.last_ack = (sequence, data)
        peer.send(data)


def _nobody(command: LegCommand) -> None:
    raise AssertionError(f"nobody carries out {command!r}")
