"""Session establishment of the old standard, which does nothing. Source: RFC 3921 §3; RFC 6121 Appendix E."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.names import SESSION
from antiphon.services.messaging.iq import ACCOUNT, SERVER, IqPort, IqRequest


def establish(port: IqPort, request: IqRequest) -> None:
    """Binding a resource was all it took."""


feature = Feature(
    "session",
    "Session establishment",
    ("RFC 3921",),
    routes=tuple(Claim(table, ("set", SESSION, "session"), establish) for table in (SERVER, ACCOUNT)),
)
