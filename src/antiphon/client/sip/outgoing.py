"""A call we make: INVITE, what rings, what answers, and giving up.

Source: RFC 3261 §13.2, §9.1; RFC 3262 is not asked for (no 100rel), early media is played as it comes.
"""

from __future__ import annotations

from functools import partial

from antiphon.client.errors import CALL_FAILED, PHONE_LOST
from antiphon.client.sip.agent import Exchange
from antiphon.client.sip.call import ALLOW, SDP, Call, CallState
from antiphon.client.sip.registration import ATTEMPTS, USER_AGENT, again, contact, reason
from antiphon.kernel.errors import DomainError
from antiphon.protocols.sip import session_timer
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.message import Request, Response


class OutgoingCall(Call):
    """`place` sends it off; `ringing`, `answered` and `ended` wait for what comes of it."""

    _invite: Exchange | None = None
    _ack: Request | None = None
    _giving_up = False

    async def place(self, number: str) -> None:
        self.number = number
        await self.open_sound()
        self.line.keep(self)
        self.spawn(self._dial(self._request(number)))

    def _request(self, number: str) -> Request:
        account = self.line.account
        uri = number if ":" in number else f"sip:{number}@{account.host}"
        display = f'"{account.display_name}" ' if account.display_name else ""
        return Request(
            "INVITE",
            uri,
            {
                "Via": self.agent.via(),
                "Max-Forwards": "70",
                "From": f"{display}<{account.address}>;tag={self.tag}",
                "To": f"<{uri}>",
                "Call-ID": self.line.random.token(16),
                "CSeq": "1 INVITE",
                "Contact": contact(self.agent, account),
                "User-Agent": USER_AGENT,
                "Allow": ALLOW,
                "Supported": "replaces, timer, norefersub",
                "Session-Expires": str(session_timer.DEFAULT_S),
                "Content-Type": SDP,
            },
            self.our_offer(),
        )

    async def _dial(self, request: Request) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            await self.line.authenticator.sign(request)
            self._invite = self.agent.start(request, partial(self._heard, request))
            response = await self._invite.final
            if response is None:
                raise PHONE_LOST.error("no answer to the call")
            retry = None if self._giving_up or attempt == ATTEMPTS else self._retry(request, response)
            if retry is not None:
                request = retry
            elif response.status >= 300:
                self.finish(CALL_FAILED.error(reason(response)))
                return
            else:
                await self._connected(request, response)
                return

    def _retry(self, sent: Request, response: Response) -> Request | None:
        if response.status in (401, 407) and self.line.authenticator.learn(response, sent):
            return again(self.agent, sent)
        larger = session_timer.larger_minimum(response) if response.status == 422 else None
        if larger is None:
            return None
        request = again(self.agent, sent)
        request.fields |= {"Session-Expires": str(larger), "Min-SE": str(larger)}
        return request

    def _heard(self, sent: Request, response: Response) -> None:
        """A provisional response, or a further 2xx: repeated, or from another branch of a fork."""
        if response.status >= 200:
            self._answered_again(sent, response)
            return
        if self._giving_up:
            self._cancel()
        if response.body and not self.described:
            try:
                self.take_answer(response.body)
                self.play()
            except DomainError:
                pass  # early media in a form we do not speak: the answer decides
        if response.status == 180 and self.state is CallState.DIALLING:
            self.to(CallState.RINGING)

    async def _connected(self, sent: Request, response: Response) -> None:
        dialog = Dialog.established(sent, response)
        self._ack = dialog.request("ACK", self.agent.via(), sent.sequence)
        self.agent.send(self._ack)
        self.dialog = dialog
        if not self._giving_up:
            try:
                if response.body:
                    self.take_answer(response.body)
                elif not self.described:
                    raise CALL_FAILED.error("the answer has no description")
                self.play()
            except DomainError as error:
                self.failure = error
                self._giving_up = True
        if self._giving_up:
            # The answer crossed our CANCEL on the way, or it is one we cannot use.
            await self.bye()
            return
        self.watch_session(session_timer.outcome(response, session_timer.DEFAULT_S))
        self.to(CallState.ANSWERED)

    def _answered_again(self, sent: Request, response: Response) -> None:
        if self.dialog is not None and response.to.tag == self.dialog.remote_tag:
            if self._ack is not None:
                self.agent.send(self._ack)
            return
        # RFC 3261 §13.2.2.4: another branch has answered as well; one is enough.
        extra = Dialog.established(sent, response)
        self.agent.send(extra.request("ACK", self.agent.via(), sent.sequence))
        self.agent.start(extra.request("BYE", self.agent.via()))

    async def _give_up(self) -> None:
        if self.state is CallState.ANSWERED:
            await self.bye()
            return
        self._giving_up = True
        self._cancel()

    def _cancel(self) -> None:
        """At once where a provisional response has come, else when it comes (RFC 3261 §9.1)."""
        invite = self._invite
        if invite is None or invite.transaction is None or invite.final.done() or invite.cancelled:
            return
        if invite.provisional:
            invite.cancelled = True
            self.agent.start(invite.transaction.cancel())

    def lost(self) -> None:
        if self.state is not CallState.ANSWERED:
            self.finish(PHONE_LOST.error())
