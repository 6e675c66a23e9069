"""A line in use makes its owner busy: on the phone. Who leaves the directory claims nothing any more."""

from __future__ import annotations

from collections.abc import Callable

from antiphon.kernel.bus import Bus
from antiphon.services.call.events import LineBusy
from antiphon.services.directory.events import UserChanged, UserRemoved
from antiphon.services.presence.service import PresenceEngine

ON_THE_PHONE = "on_the_phone"
"""Specific activity of XEP-0108 §3."""


def listen(engine: PresenceEngine, bus: Bus) -> Callable[[], None]:
    """Turn facts of calls and of the directory into claims. Returns the function that ends it."""
    busy: dict[
        str, str
    ] = {}  # number → userid, so that a line which changes hands in a call frees its old owner

    def line_busy(event: LineBusy) -> None:
        before = busy.pop(event.number, "")
        if event.busy and event.userid:
            busy[event.number] = event.userid
            engine.claim(event.userid, f"call:{event.number}", "busy", activity=ON_THE_PHONE)
        if before and (before != event.userid or not event.busy):
            engine.withdraw(before, f"call:{event.number}")

    def user_changed(event: UserChanged) -> None:
        if not event.enabled:
            engine.withdraw_all(event.userid)

    def user_removed(event: UserRemoved) -> None:
        engine.withdraw_all(event.userid)

    ends = (
        bus.subscribe(LineBusy, line_busy),
        bus.subscribe(UserChanged, user_changed),
        bus.subscribe(UserRemoved, user_removed),
    )

    def end() -> None:
        for unsubscribe in ends:
            unsubscribe()

    return end
