"""What a phone is to a scenario, whatever it speaks.

A phone rings and says so by itself, answers re-offers as its state asks for, and keeps one `Session` per call. Adapters
carry its intentions (`send_…`) to the node and report what comes back through the methods of `Session`.
"""

from __future__ import annotations

import enum
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

WORDS = {
    403: "that this is not allowed",
    404: "that there is no such number",
    480: "that nobody can be reached",
    482: "that the call goes round in circles",
    486: "busy",
    487: "that the call was cancelled",
    488: "that the phones do not understand each other",
    500: "that the network has failed",
    503: "that all lines are in use",
    603: "that the call was rejected",
}
"""Final status → what a person hears."""

ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class State(enum.Enum):
    CALLING = "calling"
    RINGING = "ringing"
    TALKING = "talking"
    OVER = "over"


@dataclass(frozen=True)
class Media:
    """One audio stream of one side."""

    port: int = 0
    direction: str = "sendrecv"

    @classmethod
    def read(cls, sdp: bytes) -> Media:
        text = sdp.decode()
        port = re.search(r"^m=audio (\d+)", text, re.MULTILINE)
        direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)\r?$", text, re.MULTILINE)
        assert port is not None, text
        return cls(int(port[1]), direction[1] if direction else "sendrecv")


@dataclass(eq=False)
class Session:
    """One call, as one phone knows it."""

    phone: Phone
    other: str
    state: State
    shown: str = ""
    """The caller's name on the display."""
    diverted_by: tuple[str, ...] = ()
    """Who did not take it, first diversion first."""
    hears: str = ""
    local: Media = field(default_factory=Media)
    remote: Media = field(default_factory=Media)
    holding: bool = False
    version: int = 0
    before: Media = field(default_factory=Media)
    """What it said of itself before its last description, which may be refused."""
    transfer: str = ""
    """How the transfer went that this phone asked for: `` (not yet), `works`, `fails`."""

    def describe(self, direction: str | None = None) -> bytes:
        """This side's next description."""
        self.version += 1
        if direction is None:
            direction = "sendonly" if self.holding else "sendrecv"
        self.before, self.local = self.local, Media(self.local.port, direction)
        number, port = self.phone.number, self.local.port
        return (
            f"v=0\r\no={number} {port} {self.version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na={direction}\r\n"
        ).encode()

    def answer_to(self, offer: bytes) -> bytes:
        """RFC 3264 §6.1: the mirrored direction, and nothing taken while this side holds."""
        self.remote = Media.read(offer)
        direction = ANSWERS[self.remote.direction]
        if self.holding:
            direction = "sendonly" if direction in ("sendrecv", "sendonly") else "inactive"
        return self.describe(direction)

    def progressed(self, sdp: bytes | None, ringing: bool) -> None:
        if sdp is not None:
            self.remote = Media.read(sdp)
        self.hears = "ringing" if ringing else "an announcement"

    def connected(self, sdp: bytes | None) -> None:
        self.state, self.hears = State.TALKING, ""
        if sdp is not None:
            self.remote = Media.read(sdp)

    def learned(self, sdp: bytes) -> None:
        """The other side's answer to what this one offered."""
        self.remote = Media.read(sdp)

    def kept(self) -> None:
        """Its re-offer was refused: the session stays as it was (RFC 3261 §14.1)."""
        self.holding = not self.holding
        self.local = self.before

    def over(self, hears: str = "") -> None:
        self.state, self.hears = State.OVER, hears

    @property
    def live(self) -> bool:
        return self.state is not State.OVER


class Phone(ABC):
    """One device with one line."""

    ports = itertools.count(10_000, 2)

    def __init__(self, number: str, settle: Callable[[], None]) -> None:
        self.number = number
        self.sessions: list[Session] = []
        self.plugged = True
        self._settle = settle

    def session(self, *states: State, other: str = "") -> Session | None:
        """The newest session in one of these states, with that other party where one is named."""
        for session in reversed(self.sessions):
            if session.state in states and other in ("", session.other):
                return session
        return None

    def open(self, other: str, state: State) -> Session:
        session = Session(self, other, state, local=Media(next(self.ports)))
        self.sessions.append(session)
        return session

    # What a person does with it

    def call(self, target: str) -> None:
        self.send_invite(self.open(target, State.CALLING))
        self._settle()

    def answer(self, session: Session) -> None:
        self.send_answer(session)
        self._settle()

    def announce(self, session: Session) -> None:
        """Early media: say something before answering."""
        self.send_early(session)
        self._settle()

    def refuse(self, session: Session, status: int) -> None:
        session.over()
        self.send_refusal(session, status)
        self._settle()

    def hang_up(self, session: Session) -> None:
        state = session.state
        session.over()
        if state is State.CALLING:
            self.send_cancel(session)
        elif state is State.RINGING:
            self.send_refusal(session, 603)
        else:
            self.send_bye(session)
        self._settle()

    def hold(self, session: Session, held: bool) -> None:
        session.holding = held
        self.send_reoffer(session)
        self._settle()

    def transfer(self, session: Session, target: str) -> None:
        session.transfer = ""
        self.send_refer(session, target, None)
        self._settle()

    def connect(self, session: Session, other: Session) -> None:
        session.transfer = ""
        self.send_refer(session, other.other, other)
        self._settle()

    @abstractmethod
    def unplug(self) -> None: ...

    @abstractmethod
    def send_invite(self, session: Session) -> None: ...

    @abstractmethod
    def send_early(self, session: Session) -> None: ...

    @abstractmethod
    def send_answer(self, session: Session) -> None: ...

    @abstractmethod
    def send_refusal(self, session: Session, status: int) -> None: ...

    @abstractmethod
    def send_cancel(self, session: Session) -> None: ...

    @abstractmethod
    def send_bye(self, session: Session) -> None: ...

    @abstractmethod
    def send_reoffer(self, session: Session) -> None: ...

    @abstractmethod
    def send_refer(self, session: Session, target: str, replaced: Session | None) -> None: ...


def talk(one: Phone, other: Phone) -> bool:
    """Each sends to the port the other listens on, and both may."""
    return any(
        a.remote == b.local and b.remote == a.local and a.local.direction == b.local.direction == "sendrecv"
        for a in one.sessions
        for b in other.sessions
        if a.state is State.TALKING and b.state is State.TALKING and a is not b
    )
