"""Phones that speak leg events: the call core alone, without any wire."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tests.scenarios.engine.phone import WORDS, Phone, Session, State
from tests.scenarios.engine.world import World

from antiphon.interfaces.sip.causes import CAUSES, cause_of
from antiphon.services.call.legs import (
    Answer,
    Answered,
    AnswerReoffer,
    Cause,
    Ended,
    LegCommand,
    LegEvent,
    LegId,
    Offered,
    Originate,
    Party,
    Progress,
    Progressed,
    Refuse,
    Refused,
    RefuseReoffer,
    Reoffer,
    ReofferAnswered,
    Reoffered,
    TransferRequested,
    TransferResult,
)


class LegPhones:
    """The door of these phones: events go to the call service, commands come back, in order."""

    name = "legs"

    def __init__(self) -> None:
        self._queue: deque[LegEvent | LegCommand] = deque()
        self._phones: dict[str, LegPhone] = {}
        self._sessions: dict[LegId, Session] = {}
        self._legs: dict[Session, LegId] = {}

    def attach(self, world: World) -> None:
        self._world = world
        world.calls.connect(self._late)

    def phone(self, number: str) -> Phone:
        phone = self._phones[number] = LegPhone(number, self)
        return phone

    def leg(self, session: Session) -> LegId:
        return self._legs[session]

    def enter(self, session: Session, leg: LegId) -> None:
        self._sessions[leg] = session
        self._legs[session] = leg

    @property
    def legs(self) -> int:
        return sum(session.live for session in self._sessions.values())

    def say(self, event: LegEvent) -> None:
        self._queue.append(event)

    def settle(self) -> None:
        while self._queue:
            said = self._queue.popleft()
            if isinstance(said, LegEvent):
                self._queue.extend(self._world.calls.handle(said))
            else:
                self._execute(said)

    def _late(self, commands: Sequence[LegCommand]) -> None:
        self._queue.extend(commands)
        self.settle()

    def _execute(self, command: LegCommand) -> None:
        if isinstance(command, Originate):
            self._originate(command)
            return
        session = self._sessions[command.leg]
        match command:
            case Progress(_, sdp, ringing):
                session.progressed(sdp, ringing)
            case Answer(_, sdp):
                session.connected(sdp)
            case Refuse(_, cause):
                session.over(WORDS[CAUSES[cause].status])
            case Reoffer(leg, sdp):
                sdp = session.describe() if sdp is None else session.answer_to(sdp)
                self.say(ReofferAnswered(leg, sdp))
            case AnswerReoffer(_, sdp):
                if sdp is not None:
                    session.learned(sdp)
            case RefuseReoffer():
                session.kept()
            case TransferResult(_, result):
                session.transfer = "works" if result is None else "fails"
            case _:
                session.over()

    def _originate(self, command: Originate) -> None:
        phone = self._phones.get(command.target_number)
        if phone is None or not phone.plugged:
            self.say(Refused(command.leg, Cause.UNAVAILABLE))
            return
        session = phone.open(command.calling.number, State.RINGING)
        session.shown = command.calling.display_name
        session.diverted_by = tuple(diversion.number for diversion in command.diverted)
        phone.offers[session] = command.sdp
        self.enter(session, command.leg)
        self.say(Progressed(command.leg))


class LegPhone(Phone):
    def __init__(self, number: str, door: LegPhones) -> None:
        super().__init__(number, door.settle)
        self._door = door
        self._count = 0
        self.offers: dict[Session, bytes | None] = {}

    def unplug(self) -> None:
        self.plugged = False

    def send_invite(self, session: Session) -> None:
        self._count += 1
        leg = f"{self.number}-{self._count}"
        self._door.enter(session, leg)
        self._door.say(Offered(leg, Party(self.number), session.other, session.describe(), self.number))

    def send_early(self, session: Session) -> None:
        offer = self.offers[session]
        assert offer is not None
        self._door.say(Progressed(self._door.leg(session), session.answer_to(offer), ringing=False))

    def send_answer(self, session: Session) -> None:
        offer = self.offers.pop(session)
        sdp = session.describe() if offer is None else session.answer_to(offer)
        session.connected(None)
        self._door.say(Answered(self._door.leg(session), sdp, self.number))

    def send_refusal(self, session: Session, status: int) -> None:
        self._door.say(Refused(self._door.leg(session), cause_of(status)))

    def send_cancel(self, session: Session) -> None:
        session.over(WORDS[487])
        self._door.say(Ended(self._door.leg(session), Cause.CANCELLED))

    def send_bye(self, session: Session) -> None:
        self._door.say(Ended(self._door.leg(session)))

    def send_reoffer(self, session: Session) -> None:
        self._door.say(Reoffered(self._door.leg(session), session.describe()))

    def send_refer(self, session: Session, target: str, replaced: Session | None) -> None:
        other = self._door.leg(replaced) if replaced is not None else None
        self._door.say(TransferRequested(self._door.leg(session), target, other))
