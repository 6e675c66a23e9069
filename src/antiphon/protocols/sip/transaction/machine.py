"""One transaction: it takes triggers, follows the table, and says what is to be sent and told.

A transaction returns outputs in order: bytes are to be sent on its flow, messages and `TimedOut`/`TransportFailed` are for
its user. It owns no clock: `deadline` says when `expire` wants to be called.
"""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.transaction.table import START, TABLE, Do, Kind, State, Trigger
from antiphon.protocols.sip.transaction.timers import duration


class TimedOut:
    """No final response (client), or no ACK (INVITE server)."""


class TransportFailed:
    """The flow could not carry the message."""


TIMED_OUT = TimedOut()
TRANSPORT_FAILED = TransportFailed()

Output = bytes | Request | Response | TimedOut | TransportFailed


class Transaction:
    """The parts that client and server share."""

    __slots__ = (
        "_last",
        "_previous",
        "_timers",
        "key",
        "kind",
        "reliable",
        "request",
        "scheduled",
        "state",
        "user",
    )

    def __init__(self, kind: Kind, request: Request, reliable: bool, key: tuple[str, ...]) -> None:
        self.kind = kind
        self.request = request
        self.reliable = reliable
        self.key = key
        self.state = START[kind].state
        self.user: object = None
        """Whatever the transaction's user wants to find again; not read here."""
        self.scheduled: float | None = None
        """When the layer will look at this transaction next."""
        self._last = b""
        self._timers: dict[Trigger, float] = {}
        self._previous: dict[Trigger, float] = {}

    @property
    def deadline(self) -> float | None:
        return min(self._timers.values()) if self._timers else None

    @property
    def terminated(self) -> bool:
        return self.state is State.TERMINATED

    def expire(self, now: float) -> Sequence[Output]:
        """Fires the timers that are due, the earliest first."""
        out: list[Output] = []
        while self._timers:
            timer = min(self._timers, key=self._timers.__getitem__)
            if self._timers[timer] > now:
                break
            due = self._timers.pop(timer)
            out.extend(self._fire(timer, due))
        return out

    def transport_error(self, now: float) -> Sequence[Output]:
        return self._fire(Trigger.TRANSPORT_ERROR, now)

    def _begin(self, now: float) -> None:
        self._start(START[self.kind].timers, now)

    def _start(self, timers: tuple[Trigger, ...], now: float) -> None:
        for timer in timers:
            seconds = duration(timer, self.reliable, self.state, self._previous.get(timer, 0.0))
            if seconds is not None:
                self._previous[timer] = seconds
                self._timers[timer] = now + seconds

    def _fire(self, trigger: Trigger, now: float, message: Request | Response | None = None) -> list[Output]:
        row = TABLE[self.kind].get((self.state, trigger))
        if row is None:
            return []
        if row.next is not self.state:
            self.state = row.next
            if row.next not in (State.PROCEEDING, State.TRYING):
                # Retransmission and timeout belong to the state that is left.
                self._timers.clear()
            elif self.kind is Kind.INVITE_CLIENT:
                # A 1xx ends both A and B: a phone may ring for as long as its user's patience lasts.
                self._timers.clear()
        out: list[Output] = []
        for do in row.do:
            self._do(do, message, out)
        self._start(row.start, now)
        # A timer of no length is a transition at once: on reliable transports D, I, J and K do not wait.
        for timer in [t for t in row.start if self._timers.get(t) == now]:
            del self._timers[timer]
            out.extend(self._fire(timer, now))
        return out

    def _do(self, do: Do, message: Request | Response | None, out: list[Output]) -> None:
        if do is Do.RESEND:
            if self._last:
                out.append(self._last)
        elif do is Do.PASS_UP:
            if message is not None:
                out.append(message)
        elif do is Do.TIMEOUT:
            out.append(TIMED_OUT)
        elif do is Do.FAIL:
            out.append(TRANSPORT_FAILED)
        elif do is Do.END:
            self._timers.clear()
        else:
            self._speak(do, message, out)

    def _speak(self, do: Do, message: Request | Response | None, out: list[Output]) -> None:
        raise NotImplementedError


def _trigger(status: int) -> Trigger:
    if status < 200:
        return Trigger.PROVISIONAL
    return Trigger.SUCCESS if status < 300 else Trigger.FAILURE


class ClientTransaction(Transaction):
    """Sends one request and hears its responses."""

    __slots__ = ()

    def __init__(self, request: Request, reliable: bool, key: tuple[str, ...]) -> None:
        kind = Kind.INVITE_CLIENT if request.method == "INVITE" else Kind.CLIENT
        super().__init__(kind, request, reliable, key)

    def start(self, now: float) -> Sequence[Output]:
        self._begin(now)
        self._last = self.request.to_bytes()
        return [self._last]

    def receive(self, response: Response, now: float) -> Sequence[Output]:
        return self._fire(_trigger(response.status), now, response)

    def _speak(self, do: Do, message: Request | Response | None, out: list[Output]) -> None:
        if do is Do.ACK and isinstance(message, Response):
            out.append(self.ack(message).to_bytes())

    def ack(self, response: Response) -> Request:
        """The ACK of a non-2xx: the transaction's own, with the request's branch and route.

        Source: RFC 3261 §17.1.1.3
        """
        return self._sibling("ACK", response.fields["To"])

    def cancel(self, reason: str = "") -> Request:
        """A CANCEL for this request; to be sent after a provisional response has come, in a transaction of its own.

        Source: RFC 3261 §9.1
        """
        request = self._sibling("CANCEL", self.request.fields["To"])
        if reason:
            request.fields["Reason"] = reason
        return request

    def _sibling(self, method: str, to: str) -> Request:
        mine = self.request.fields
        fields = {
            "Via": mine["Via"].partition("\n")[0],
            "Max-Forwards": "70",
            "From": mine["From"],
            "To": to,
            "Call-ID": mine["Call-ID"],
            "CSeq": f"{self.request.sequence} {method}",
        }
        if "Route" in mine:
            fields["Route"] = mine["Route"]
        return Request(method, self.request.uri, fields)


class ServerTransaction(Transaction):
    """Answers one request; retransmissions of it get the last answer again."""

    __slots__ = ("trying",)

    def __init__(self, request: Request, reliable: bool, key: tuple[str, ...], trying: bytes = b"") -> None:
        kind = Kind.INVITE_SERVER if request.method == "INVITE" else Kind.SERVER
        super().__init__(kind, request, reliable, key)
        self.trying = trying
        """100 Trying as bytes: what a non-INVITE server says when its user takes long (RFC 4320 §4.1)."""

    def start(self, now: float) -> None:
        self._begin(now)

    def receive(self, request: Request, now: float) -> Sequence[Output]:
        """The same request again, or the ACK to a final response."""
        return self._fire(Trigger.ACK if request.method == "ACK" else Trigger.REQUEST, now, request)

    def respond(self, status: int, data: bytes, now: float) -> Sequence[Output]:
        """The user's response. A 408 to a non-INVITE is never sent: it could only arrive too late (RFC 4320 §4.2)."""
        if self.kind is Kind.SERVER and status == 408:
            return []
        trigger = _trigger(status)
        if TABLE[self.kind].get((self.state, trigger)) is None:
            return []
        self._last = data
        return self._fire(trigger, now)

    @property
    def answered(self) -> bool:
        """Has a final response been given?"""
        return self.state not in (State.TRYING, State.PROCEEDING)

    def _speak(self, do: Do, message: Request | Response | None, out: list[Output]) -> None:
        if do is Do.SEND:
            out.append(self._last)
        elif do is Do.SEND_100:
            self._last = self.trying
            out.append(self._last)
