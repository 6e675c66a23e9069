"""Software version. Source: XEP-0092. The operating system is nobody's business."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element
from antiphon.services.messaging.iq import SERVER, IqPort, IqRequest

NAMESPACE = "jabber:iq:version"


def version(port: IqPort, request: IqRequest) -> Element:
    return Element(
        NAMESPACE,
        "query",
        {},
        Element(NAMESPACE, "name", {}, port.software.name),
        Element(NAMESPACE, "version", {}, port.software.version),
    )


feature = Feature(
    "version",
    "Software version",
    ("XEP-0092",),
    routes=(Claim(SERVER, ("get", NAMESPACE, "query"), version),),
    advertises=(NAMESPACE,),
)
