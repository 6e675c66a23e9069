"""XMPP ping. Source: XEP-0199."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, SERVER, IqPort, IqRequest

NAMESPACE = "urn:xmpp:ping"


def ping(port: IqPort, request: IqRequest) -> None:
    """The empty result is the answer."""


feature = Feature(
    "ping",
    "Ping",
    ("XEP-0199",),
    routes=tuple(Claim(table, ("get", NAMESPACE, "ping"), ping) for table in (SERVER, ACCOUNT, CONTACT)),
    advertises=(NAMESPACE,),
)
