"""Who answers for the domains that are not ours: conference services, components, other servers."""

from __future__ import annotations

from antiphon.kernel.route import Routes
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.services.messaging.ports import Domain


class Domains:
    """One handler a domain; `others` takes what nobody claimed (server-to-server)."""

    def __init__(self) -> None:
        self.routes: Routes[str, Domain] = Routes("domains")
        self.others: Domain | None = None

    @property
    def any(self) -> bool:
        """There is a domain besides ours."""
        return self.others is not None or bool(self.routes)

    def send(self, stanza: Stanza, data: bytes) -> bool:
        """False: nobody answers for that domain."""
        if stanza.to is None:
            return False
        handler = self.routes.get(stanza.to.domain, self.others)
        if handler is None:
            return False
        handler(stanza, data)
        return True

    def send_bytes(self, data: bytes) -> bool:
        """For stanzas that the server made itself."""
        return self.any and self.send(Stanza.parse(data), data)
