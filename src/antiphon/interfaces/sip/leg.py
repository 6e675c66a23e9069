"""The SIP side of a leg: its dialog, its pending requests, and the branches that ring for it."""

from __future__ import annotations

from antiphon.interfaces.sip.peer import Peer
from antiphon.kernel.time import Cancel
from antiphon.protocols.sip.dialog import Dialog
from antiphon.protocols.sip.message import Request, Response
from antiphon.protocols.sip.session_timer import Agreement
from antiphon.protocols.sip.transaction import ClientTransaction, ServerTransaction
from antiphon.services.call.legs import Cause, LegId


class Fork:
    """One INVITE of an originated leg, to one binding."""

    __slots__ = (
        "cancel_reason",
        "device",
        "dismissed",
        "final",
        "invite",
        "peer",
        "proceeding",
        "retried",
        "transaction",
    )

    def __init__(self, peer: Peer, device: str, invite: Request) -> None:
        self.peer = peer
        self.device = device
        self.invite = invite
        self.transaction: ClientTransaction | None = None
        self.proceeding = False
        """A provisional response has come: only now may it be cancelled (RFC 3261 §9.1)."""
        self.cancel_reason: str | None = None
        self.final: int | None = None
        self.retried = False
        self.dismissed: set[str] = set()
        """To tags of 2xx that came too late and were answered with ACK and BYE."""


class AwaitedAck:
    """A 2xx of ours that is sent again until its ACK comes (RFC 3261 §13.3.1.4)."""

    __slots__ = ("data", "interval_s", "sequence", "timer", "until")

    def __init__(self, data: bytes, sequence: int, until: float) -> None:
        self.data = data
        self.sequence = sequence
        self.until = until
        self.interval_s = 0.0
        self.timer: Cancel | None = None


class Leg:
    """Everything the door knows of one leg."""

    __slots__ = (
        "awaited",
        "bye_cause",
        "client",
        "contact_user",
        "device",
        "dialog",
        "expects_answer",
        "forks",
        "gone",
        "id",
        "invite",
        "last_ack",
        "local_sdp",
        "number",
        "offered",
        "owed_ack",
        "peer",
        "refer",
        "server",
        "server_empty",
        "session",
        "session_timer",
        "updates",
        "winner",
    )

    def __init__(
        self, leg_id: LegId, number: str, device: str, peer: Peer | None, dialog: Dialog | None
    ) -> None:
        self.id = leg_id
        self.number = number
        """The line of the device behind this leg."""
        self.device = device
        self.peer = peer
        self.dialog = dialog
        self.contact_user = number
        self.gone = False
        self.invite: ServerTransaction | None = None
        """The first INVITE, while we owe its final answer."""
        self.offered = True
        """Did the leg's first request carry an offer?"""
        self.forks: list[Fork] = []
        self.winner: Fork | None = None
        self.server: ServerTransaction | None = None
        """A re-INVITE or UPDATE that waits for the call's answer."""
        self.server_empty = False
        self.client: ClientTransaction | None = None
        """A re-INVITE or UPDATE of ours under way."""
        self.awaited: AwaitedAck | None = None
        self.expects_answer = False
        """The ACK to come carries the answer to our offer."""
        self.owed_ack: int | None = None
        """CSeq of our INVITE whose 2xx brought an offer: the ACK waits for the answer."""
        self.last_ack: tuple[int, bytes] | None = None
        self.local_sdp: bytes | None = None
        self.session: Agreement | None = None
        self.session_timer: Cancel | None = None
        self.updates = False
        """Does the peer allow UPDATE?"""
        self.refer: str | None = None
        """`Event` value of the running transfer request; None without one, empty when it wants no NOTIFY."""
        self.bye_cause: Cause | None = None
        """Hang up as soon as the ACK has come."""

    def learn(self, message: Request | Response) -> None:
        """What the peer can do, from its INVITE or 2xx."""
        if "Allow" in message.fields:
            self.updates = "update" in message.tokens("Allow")
