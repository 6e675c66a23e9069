"""The presence that the server itself shows of a user, from the resource `antiphon`.

What a client sends of its own resource is passed on as it was sent. What the server knows beyond it (a call, a meeting,
a state set elsewhere) is shown by a resource of its own, so a contact with any client sees it, whether or not a client of
the user is signed in:

    <presence from='alice@example.test/antiphon' to='bob@example.test'>
      <show>dnd</show>                                the `busy` of RFC 6121 §4.7.2.1
      <status xml:lang='fr'>Au téléphone</status>     in the language of who reads it
      <priority>127</priority>
      <activity xmlns='http://jabber.org/protocol/activity'><talking/><on_the_phone/></activity>
    </presence>

The priority is the highest, because clients that show one resource of a contact show the one with the highest priority.
Messages do not follow it: one to the bare JID goes to real resources only, and one to this resource is treated as to the
bare JID. The resource is there only while a claim other than a client's (`xmpp:…`) makes the composed presence; nobody
can bind it. The activity element is that of XEP-0108, in the presence itself because it belongs to it in time.
"""

from __future__ import annotations

from functools import lru_cache

from antiphon.protocols.xmpp.element import escape_text
from antiphon.services.messaging.account import ServerPresence

SERVER_RESOURCE = "antiphon"

_SHOW = {"available": "", "busy": "dnd", "away": "away", "xa": "xa", "dnd": "dnd"}

_GENERAL = {"on_the_phone": "talking", "in_a_meeting": "working"}
"""General activity of XEP-0108 §3 for each specific one that the presence engine knows."""

TEXTS: dict[str, dict[str, str]] = {
    "on_the_phone": {
        "en": "On the phone",
        "fr": "Au téléphone",
        "ko": "통화 중",
        "zh-Hans": "正在通话",
        "zh-Hant": "通話中",
    },
    "in_a_meeting": {
        "en": "In a meeting",
        "fr": "En réunion",
        "ko": "회의 중",
        "zh-Hans": "会议中",
        "zh-Hant": "會議中",
    },
    "busy": {"en": "Busy", "fr": "Occupé", "ko": "다른 용무 중", "zh-Hans": "忙碌", "zh-Hant": "忙碌"},
    "away": {"en": "Away", "fr": "Absent", "ko": "자리 비움", "zh-Hans": "离开", "zh-Hant": "離開"},
    "xa": {"en": "Away", "fr": "Absent", "ko": "자리 비움", "zh-Hans": "离开", "zh-Hant": "離開"},
    "dnd": {
        "en": "Do not disturb",
        "fr": "Ne pas déranger",
        "ko": "방해 금지",
        "zh-Hans": "请勿打扰",
        "zh-Hant": "請勿打擾",
    },
    "available": {
        "en": "Available",
        "fr": "Disponible",
        "ko": "대화 가능",
        "zh-Hans": "有空",
        "zh-Hant": "有空",
    },
}
"""Text by activity or availability, then by language."""

_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def language(locale: str) -> str:
    """The language of `TEXTS` nearest to a BCP 47 tag; `_` is taken for `-`."""
    subtags = locale.replace("_", "-").lower().split("-")
    if subtags[0] == "zh":
        return "zh-Hant" if _TRADITIONAL.intersection(subtags) else "zh-Hans"
    return subtags[0] if subtags[0] in ("fr", "ko") else "en"


def server_presence(availability: str, activity: str, note: str, source: str) -> ServerPresence | None:
    """What the server has to say beyond the clients; None when a client's own presence is all there is."""
    if source.partition(":")[0] in ("", "xmpp") or availability not in _SHOW:
        return None
    return ServerPresence(availability, activity, note)


def server_tail(said: ServerPresence, locale: str) -> bytes:
    """What follows the addresses, see `Bound.tail`."""
    return _tail(said.availability, said.activity, said.note, language(locale))


@lru_cache(maxsize=256)
def _tail(availability: str, activity: str, note: str, lang: str) -> bytes:
    show = _SHOW[availability]
    text = note or TEXTS.get(activity, TEXTS[availability])[lang]
    parts = [">"]
    if show:
        parts.append(f"<show>{show}</show>")
    # A note is in whatever language its author wrote it.
    parts.append(
        f"<status>{escape_text(note)}</status>" if note else f"<status xml:lang='{lang}'>{text}</status>"
    )
    parts.append("<priority>127</priority>")
    if (general := _GENERAL.get(activity)) is not None:
        parts.append(
            f"<activity xmlns='http://jabber.org/protocol/activity'><{general}/><{activity}/></activity>"
        )
    parts.append("</presence>")
    return "".join(parts).encode()
