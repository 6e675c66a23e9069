"""Last activity. Source: XEP-0012; of users only to those who may see their presence (§5)."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element
from antiphon.services.messaging.errors import StanzaError
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, IqPort, IqRequest
from antiphon.services.messaging.subscription import FROM

NAMESPACE = "jabber:iq:last"


def last(port: IqPort, request: IqRequest) -> Element:
    account = request.account
    assert account is not None
    by = request.sender.bare
    if by != account.bare and not account.roster.state(str(by)) & FROM:
        raise StanzaError("forbidden")
    if account.available or account.last is None:
        # Never seen is told like now: the time of no event is none.
        return Element(NAMESPACE, "query", {"seconds": "0"})
    left_at, status = account.last
    seconds = max(0, int(port.timers.wall() - left_at))
    return Element(NAMESPACE, "query", {"seconds": str(seconds)}, *([status] if status else []))


feature = Feature(
    "last",
    "Last activity",
    ("XEP-0012",),
    routes=tuple(Claim(table, ("get", NAMESPACE, "query"), last) for table in (ACCOUNT, CONTACT)),
    advertises=(NAMESPACE,),
)
