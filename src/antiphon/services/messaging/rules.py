"""What becomes of a message that does not simply reach its resource, and what clients may not say in one.

The table is after the one of RFC 6121 §8.5.4. Where that allows to be silent or to answer, the answer is chosen for
everything a person wrote, so that nothing is lost without a word. "Most available" is the highest priority; the others
get carbons (XEP-0280) if they want them.
"""

from __future__ import annotations

import enum

from antiphon.protocols.xmpp.element import Element
from antiphon.protocols.xmpp.names import CLIENT, QName
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging import carbons
from antiphon.services.messaging.account import Account


class Reach(enum.Enum):
    """How far a message to a local address gets."""

    NOBODY = "no such user"
    AWAY = "bare JID, no resource that receives"
    THERE = "bare JID, a resource that receives"
    GONE_AWAY = "full JID of a resource that is not there, and no other receives"
    GONE_THERE = "full JID of a resource that is not there, but another receives"


class Fate(enum.Enum):
    """What becomes of it."""

    DELIVER = "to the most available resources"
    DELIVER_ALL = "to every resource that receives"
    STORE = "kept until a resource comes"
    REFUSE = "answered with service-unavailable"
    IGNORE = "nothing"


_D, _A, _O, _E, _S = Fate.DELIVER, Fate.DELIVER_ALL, Fate.STORE, Fate.REFUSE, Fate.IGNORE
TYPES = ("normal", "chat", "groupchat", "headline", "error")
RULES: dict[Reach, tuple[Fate, ...]] = {
    Reach.NOBODY: (_E, _E, _E, _S, _S),
    Reach.AWAY: (_O, _O, _E, _S, _S),
    Reach.THERE: (_D, _D, _E, _A, _S),
    Reach.GONE_AWAY: (_E, _O, _E, _S, _S),
    Reach.GONE_THERE: (_E, _D, _E, _S, _S),
}
"""A column for each of `TYPES`. A resource that is there gets everything (RFC 6121 §8.5.3.1)."""

TO_PERSON = frozenset({"chat", "normal", ""})

_SID = QName("urn:xmpp:sid:0", "stanza-id")
_DELAY = QName("urn:xmpp:delay", "delay")
ALWAYS_OURS = frozenset(
    {
        QName(carbons.NAMESPACE, "received"),
        QName(carbons.NAMESPACE, "sent"),
        QName("urn:xmpp:mam:2", "result"),
    }
)
OURS = ALWAYS_OURS | {_SID, _DELAY}
"""What only the server may say; a client that writes it is not believed."""

_BODY = QName(CLIENT, "body")
_CHAT_STATES = "http://jabber.org/protocol/chatstates"
_HINTS = "urn:xmpp:hints"
_NO_STORE = frozenset({QName(_HINTS, "no-store"), QName(_HINTS, "no-permanent-store")})


def reach(account: Account | None, resource: str) -> Reach:
    if account is None:
        return Reach.NOBODY
    if resource:
        return Reach.GONE_THERE if account.chat else Reach.GONE_AWAY
    return Reach.THERE if account.chat else Reach.AWAY


def worth_storing(stanza: Stanza) -> bool:
    """Not what means nothing later: chat states alone (XEP-0160 §3), or what its sender does not want kept (XEP-0334)."""
    if not _NO_STORE.isdisjoint(stanza.children):
        return False
    return _BODY in stanza.children or any(
        child.ns not in (_CHAT_STATES, _HINTS) and child != (CLIENT, "thread") for child in stanza.children
    )


def believed(stanza: Stanza, domain: str) -> Stanza:
    """Without what only the server may say, every one of it: its own delays and ids, copies, archive results."""
    ours = {domain, str(stanza.to.bare) if stanza.to is not None else ""}

    def forged(child: Element) -> bool:
        name = child.name
        if name == _SID:
            return child.get("by") in ours
        return name in ALWAYS_OURS or (name == _DELAY and child.get("from") in ours)

    return stanza.without(forged)
