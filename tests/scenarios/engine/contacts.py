"""Contacts that read the presence engine itself."""

from __future__ import annotations

from tests.scenarios.engine.world import World

from antiphon.services.presence.claims import Composed
from antiphon.services.presence.events import PresenceChanged

WORDS = {
    "available": "available",
    "busy": "busy",
    "away": "away",
    "xa": "away for long",
    "dnd": "do not disturb",
    "offline": "offline",
}


def words(availability: str, activity: str) -> str:
    return "on the phone" if activity == "on_the_phone" else WORDS[availability]


class EngineContacts:
    """Hear `PresenceChanged` and remember it for those whom they watch."""

    name = "presence"

    def __init__(self) -> None:
        self._watched: dict[str, dict[str, str]] = {}

    def attach(self, world: World) -> None:
        self._world = world
        world.bus.subscribe(PresenceChanged, self._changed)

    def settle(self) -> None: ...

    def sign_in(self, userid: str) -> None:
        self._world.presence.claim(userid, "xmpp:desk", "")

    def watch(self, watcher: str, userid: str) -> None:
        now: Composed = self._world.presence.composed(userid)
        self._watched.setdefault(watcher, {})[userid] = words(now.availability.value, now.activity)

    def seen(self, watcher: str, userid: str) -> str:
        return self._watched[watcher][userid]

    def _changed(self, event: PresenceChanged) -> None:
        for watched in self._watched.values():
            if event.userid in watched:
                watched[event.userid] = words(event.availability.value, event.activity)
