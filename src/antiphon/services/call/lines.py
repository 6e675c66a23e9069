"""What each line is doing: its hook state, and how many calls it may have."""

from __future__ import annotations

from collections.abc import Callable

from antiphon.services.call.call import Leg
from antiphon.services.call.events import LineBusy
from antiphon.services.call.ports import Directory

DEFAULT_BUSY_TRIGGER = 2


class Lines:
    """Counts legs by number. A line is off hook from its first dialling or answered leg to the end of its last."""

    def __init__(self, directory: Directory, tell: Callable[[LineBusy], None]) -> None:
        self._directory = directory
        self._tell = tell
        self._present: dict[str, int] = {}
        self._off_hook: dict[str, int] = {}
        self._told: dict[str, LineBusy] = {}
        """What was said last of each busy line: it is taken back of the same owner, whoever owns the line by then."""

    def busy(self, number: str) -> bool:
        """Off hook."""
        return number in self._off_hook

    def full(self, number: str) -> bool:
        """The busy trigger is reached: one more call is not rung. A line on several devices has the highest trigger."""
        present = self._present.get(number, 0)
        if not present:
            return False
        triggers = [
            appearance.busy_trigger
            for device in self._directory.devices_with_line(number)
            for appearance in device.lines
            if appearance.number == number
        ]
        return present >= max(triggers, default=DEFAULT_BUSY_TRIGGER)

    def came(self, leg: Leg) -> None:
        self._present[leg.number] = self._present.get(leg.number, 0) + 1

    def went(self, leg: Leg) -> None:
        self._take(self._present, leg.number)
        if leg.off_hook:
            leg.off_hook = False
            if self._take(self._off_hook, leg.number):
                self._idle(leg.number)

    def off_hook(self, leg: Leg) -> None:
        if leg.off_hook:
            return
        leg.off_hook = True
        count = self._off_hook.get(leg.number, 0)
        self._off_hook[leg.number] = count + 1
        line = self._directory.line(leg.number) if not count else None
        if line is not None:
            self._told[leg.number] = told = LineBusy(leg.number, line.owner, True)
            self._tell(told)

    def _idle(self, number: str) -> None:
        told = self._told.pop(number, None)
        if told is not None:
            self._tell(LineBusy(number, told.userid, False))

    @staticmethod
    def _take(counts: dict[str, int], number: str) -> bool:
        """True where that was the last one."""
        left = counts.get(number, 0) - 1
        if left > 0:
            counts[number] = left
            return False
        counts.pop(number, None)
        return True
