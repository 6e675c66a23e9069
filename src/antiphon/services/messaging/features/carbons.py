"""Message carbons are switched on and off by each resource. Source: XEP-0280 §4, §5."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.services.messaging.carbons import NAMESPACE
from antiphon.services.messaging.iq import ACCOUNT, IqPort, IqRequest


def enable(port: IqPort, request: IqRequest) -> None:
    _switch(request, True)


def disable(port: IqPort, request: IqRequest) -> None:
    _switch(request, False)


def _switch(request: IqRequest, on: bool) -> None:
    account, bound = request.own
    bound.carbons = on
    account.refresh()


feature = Feature(
    "carbons",
    "Message carbons",
    ("XEP-0280",),
    routes=(
        Claim(ACCOUNT, ("set", NAMESPACE, "enable"), enable),
        Claim(ACCOUNT, ("set", NAMESPACE, "disable"), disable),
    ),
    advertises=(NAMESPACE, "urn:xmpp:carbons:rules:0"),
)
