"""A call that comes in: it rings, and somebody answers, refuses, or the caller gives up.

Source: RFC 3261 §13.3, §9.2.
"""

from __future__ import annotations

from antiphon.client.errors import CALL_FAILED
from antiphon.client.sip.call import Call, CallState, Line
from antiphon.client.sound import Audio
from antiphon.kernel.errors import DomainError
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.transaction.machine import ServerTransaction


class IncomingCall(Call):
    """Handed out by `Phone.next_call`, ringing already."""

    incoming = True

    def __init__(self, line: Line, audio: Audio, request: Request, transaction: ServerTransaction) -> None:
        super().__init__(line, audio)
        self.transaction = transaction
        self._offer = request
        self.dialog = Dialog.accepted(request, self.tag)
        self.display_name, self.number = _caller(request)
        line.keep(self)

    @property
    def auto_answer(self) -> bool:
        """The server asks for this call to be taken at once (RFC 5373 `Answer-Mode: Auto`, or Call-Info)."""
        return self._offer.get("Answer-Mode").lower().startswith("auto")

    def ring(self) -> None:
        if not self.transaction.answered:
            self.agent.respond(self.transaction, 180, self.tag, self.headers(self._offer))
            self.to(CallState.RINGING)

    async def answer(self, audio: Audio | None = None) -> None:
        """Take the call. Raises AP-CLIENT-034 where there is no way of sending sound in common (the caller gets 488)."""
        if audio is not None:
            self.sound.use(audio)
        await self.open_sound()
        if self.transaction.answered or self.state is CallState.ENDED:
            raise self.failure or CALL_FAILED.error("the caller has given up")
        try:
            self.accept(self.transaction, self._offer)
        except DomainError as error:
            self.agent.respond(self.transaction, 488, self.tag)
            self.finish(error)
            raise
        self.to(CallState.ANSWERED)
        self.play()

    def reject(self, status: int = 486) -> None:
        """486 busy here, 480 not now, 603 not wanted anywhere."""
        if not self.transaction.answered:
            self.ended_by_us = True
            self.agent.respond(self.transaction, status, self.tag)
            self.finish()

    def cancelled(self) -> None:
        """The caller has given up."""
        self.agent.respond(self.transaction, 487, self.tag)
        self.finish(CALL_FAILED.error("the caller has given up"))

    async def _give_up(self) -> None:
        if self.state is CallState.ANSWERED:
            await self.bye()
        else:
            self.reject(480)

    def lost(self) -> None:
        if self.state is not CallState.ANSWERED:
            self.finish(CALL_FAILED.error("the connection was lost"))


def _caller(request: Request) -> tuple[str, str]:
    """Name and number: of Remote-Party-ID or P-Asserted-Identity where the server gives one, else of From."""
    named = request.addresses("P-Asserted-Identity") or request.addresses("Remote-Party-ID")
    party = named[0] if named else request.from_
    user = party.uri.partition(":")[2].partition("@")[0].partition(";")[0]
    return party.name, user
