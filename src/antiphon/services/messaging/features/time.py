"""Entity time. Source: XEP-0202; the server's zone is UTC."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element
from antiphon.services.messaging.iq import SERVER, IqPort, IqRequest
from antiphon.services.messaging.offline import timestamp

NAMESPACE = "urn:xmpp:time"


def tell(port: IqPort, request: IqRequest) -> Element:
    return Element(
        NAMESPACE,
        "time",
        {},
        Element(NAMESPACE, "tzo", {}, "+00:00"),
        Element(NAMESPACE, "utc", {}, timestamp(port.timers.wall())),
    )


feature = Feature(
    "time",
    "Entity time",
    ("XEP-0202",),
    routes=(Claim(SERVER, ("get", NAMESPACE, "time"), tell),),
    advertises=(NAMESPACE,),
)
