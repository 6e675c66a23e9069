"""The deployment under examination, and what earlier checks have learned about it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from antiphon.client.http import Http
from antiphon.io.dns_client import Resolver, SrvAnswer
from antiphon.protocols.dns.names import is_address, srv_name
from antiphon.protocols.dns.srv import Srv


@dataclass(slots=True)
class Patient:
    """`context` decides whom to trust, as for every other command."""

    domain: str
    resolver: Resolver
    http: Http
    context: ssl.SSLContext
    user: str = ""
    """A user to look for in the directory; empty looks for nobody in particular."""
    devices: tuple[str, ...] = ()
    """Names of devices whose files are to be read. Files can be read without signing in."""
    answers: dict[str, SrvAnswer] = field(default_factory=dict)
    home: str = ""
    """Origin of the home cluster, once a directory node has answered."""
    wall: Callable[[], float] = time.time

    async def srv(self, service: str, protocol: str) -> SrvAnswer:
        """Asked once; every check sees the same answer."""
        name = srv_name(service, protocol, self.domain)
        if name not in self.answers:
            self.answers[name] = await self.resolver.srv(name)
        return self.answers[name]

    async def servers(self, service: str, protocol: str) -> tuple[Srv, ...]:
        """Targets that are host names, in the order in which they are to be tried."""
        answer = await self.srv(service, protocol)
        return tuple(record for record in answer.records if not is_address(record.target))

    async def directory_nodes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(record.target for record in await self.servers("cisco-uds", "tcp")))
