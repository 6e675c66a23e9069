"""Offer and answer between two legs: who owes whom a description, and who is told about whom.

Every exchange is made of the same few moves (RFC 3264 §4, RFC 3725 §4.1): a leg's offer goes to its peer as soon as
the peer is settled; the peer's answer goes back in the form the leg's state asks for; two settled legs that do not
know each other yet begin by asking one of them for an offer.
"""

from __future__ import annotations

from antiphon.services.call.call import Call, Leg
from antiphon.services.call.description import inactive, is_hold
from antiphon.services.call.desk import Desk
from antiphon.services.call.events import CallHeld
from antiphon.services.call.legs import (
    Answer,
    AnswerReoffer,
    Cause,
    RefuseReoffer,
    Reoffer,
    ReofferAnswered,
    Reoffered,
    ReofferRefused,
)
from antiphon.services.call.ports import Later
from antiphon.services.call.table import State

MAX_RETRIES = 5


class Offers:
    def __init__(self, desk: Desk, later: Later) -> None:
        self._desk = desk
        self._later = later

    def pair(self, one: Leg, other: Leg) -> None:
        one.peer, other.peer = other, one

    def part(self, leg: Leg) -> None:
        """The leg and its peer talk no more. What one has offered the other is refused; what comes late is dropped."""
        peer, leg.peer = leg.peer, None
        if peer is None:
            return
        peer.peer = None
        for one in (leg, peer):
            self._note_hold(one, held=False)
            one.source = None
            if one.state in (State.OFFER_IN, State.ASKING):
                self._desk.say(RefuseReoffer(one.id, Cause.GLARE))
            elif one.state is State.OFFER_IN_2XX:
                one.unsent = one.heard

    def advance(self, leg: Leg) -> None:
        """Make the next move of the pair, if there is one to make now."""
        peer = leg.peer
        if leg.state is State.GONE:
            return
        if peer is None:
            # Nobody will tell it more for now, and its ACK cannot wait for somebody who rings (RFC 3261 §13.3.1.4).
            self._answer_alone(leg)
            return
        if leg.call.retry:
            return
        for one, other in ((leg, peer), (peer, leg)):
            if one.unsent is not None and other.state is State.UP:
                sdp, one.unsent = one.unsent, None
                self._offer(other, sdp, one)
                return
            if one.state is State.OFFERED_EMPTY and other.state is State.UP and other.source is not one:
                self._offer(other, None, one)
                return
        if leg.unsent is not None and peer.unsent is not None:
            # Each holds an ACK back for the other: one is answered provisionally, then hears the other's offer.
            self._answer_alone(peer if peer.state is State.OFFER_IN_2XX else leg)
            self.advance(leg)
        elif leg.call.bridge and leg.state is State.UP and peer.state is State.UP:
            leg.call.bridge = False
            first = peer if peer is leg.call.origin else leg
            self._offer(first, None, first)

    def hold(self, leg: Leg) -> None:
        """Tell a settled leg without a peer to send nothing."""
        self._answer_alone(leg)
        told = leg.thread.told
        quiet = inactive(told) if told is not None else None
        if leg.state is State.UP and quiet is not None and quiet != told:
            leg.source = None
            self._desk.say(Reoffer(leg.id, leg.thread.offer(quiet)))

    def reoffered(self, leg: Leg, event: Reoffered) -> None:
        peer = leg.peer
        if peer is None:
            if event.sdp is not None:
                leg.heard = event.sdp
                self._desk.say(AnswerReoffer(leg.id, leg.thread.answer(inactive(event.sdp))))
            else:
                self._desk.say(RefuseReoffer(leg.id, Cause.NOT_ACCEPTABLE))
        elif peer.state is State.UP and not leg.call.bridge and not leg.call.retry:
            if event.sdp is not None:
                leg.heard = event.sdp
            self._offer(peer, event.sdp, leg)
        else:
            self._desk.say(RefuseReoffer(leg.id, Cause.GLARE))

    def glared(self, leg: Leg) -> None:
        self._desk.say(RefuseReoffer(leg.id, Cause.GLARE))

    def answer_came(self, leg: Leg, event: ReofferAnswered) -> None:
        """The leg has answered an offer."""
        peer, source = leg.peer, leg.source
        leg.source = None
        if event.sdp is not None:
            leg.heard = event.sdp
        if peer is not None and source is peer and peer.unsent is None:
            if event.sdp is None:
                self.fail(leg.call)
                return
            self._deliver(peer, leg, leg.thread.returned(event.sdp))
        self.advance(leg)

    def offer_came(self, leg: Leg, event: ReofferAnswered) -> None:
        """The leg was asked for an offer, and here it is; its ACK is held back."""
        peer, source = leg.peer, leg.source
        leg.source = None
        if event.sdp is None:
            self.fail(leg.call)
            return
        leg.heard = event.sdp
        if peer is not None and source is peer and peer.state in (State.ASKING, State.OFFERED_EMPTY):
            offer = peer.thread.offer(event.sdp)
            peer.source = leg
            if peer.state is State.ASKING:
                self._desk.say(AnswerReoffer(peer.id, offer))
            else:
                self._desk.say(Answer(peer.id, offer))
                self._desk.answered(peer.call, peer, leg)
            return
        leg.unsent = event.sdp
        self.advance(leg)

    def offer_refused(self, leg: Leg, event: ReofferRefused) -> None:
        peer, source = leg.peer, leg.source
        leg.source = None
        if peer is None or source is None:
            self.advance(leg)
        elif source is leg:
            leg.call.bridge = True
            self._again(leg, event.cause)
        elif source is peer and peer.state in (State.OFFER_IN, State.ASKING):
            self._desk.say(RefuseReoffer(peer.id, event.cause))
            self.advance(leg)
        elif source is peer and peer.state in (State.OFFER_IN_2XX, State.OFFERED):
            peer.unsent = peer.heard
            self._again(leg, event.cause)
        elif source is peer and peer.state is State.OFFERED_EMPTY:
            self._again(leg, event.cause)
        else:
            self.advance(leg)

    def fail(self, call: Call) -> None:
        self._desk.finish(call, Cause.NOT_ACCEPTABLE)

    def _offer(self, leg: Leg, sdp: bytes | None, source: Leg) -> None:
        leg.source = source
        self._desk.say(Reoffer(leg.id, leg.thread.offer(sdp) if sdp is not None else None))

    def _deliver(self, waiting: Leg, leg: Leg, sdp: bytes) -> None:
        """Give the answer of `leg` to the leg whose offer it answers."""
        if waiting.state is State.OFFERED:
            self._desk.say(Answer(waiting.id, waiting.thread.answer(sdp)))
            self._desk.answered(waiting.call, waiting, leg)
        elif waiting.state in (State.OFFER_IN, State.OFFER_IN_2XX):
            self._desk.say(AnswerReoffer(waiting.id, waiting.thread.answer(sdp)))
            self._note_hold(waiting, is_hold(waiting.heard))
        waiting.call.retries = 0

    def _note_hold(self, leg: Leg, held: bool) -> None:
        if held is not leg.holding:
            leg.holding = held
            self._desk.tell(CallHeld(leg.call.id, leg.number, held))

    def _answer_alone(self, leg: Leg) -> None:
        leg.unsent = None
        if leg.state is State.OFFER_IN_2XX and leg.heard is not None:
            self._desk.say(AnswerReoffer(leg.id, leg.thread.answer(inactive(leg.heard))))

    def _again(self, leg: Leg, cause: Cause) -> None:
        """After glare, try again in a while (RFC 3261 §14.1: 2.1 … 4 s); after anything else the call is over."""
        call = leg.call
        call.retries += 1
        if cause is not Cause.GLARE or call.retries > MAX_RETRIES:
            self.fail(call)
            return
        call.retry = True

        def retry() -> None:
            call.retry = False
            for settled in tuple(call.legs.values()):
                if settled.peer is not None:
                    self.advance(settled)
                    break

        self._later(self._desk.random.uniform(2.1, 4.0), retry)
