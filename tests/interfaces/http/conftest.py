from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.interfaces.http.client import Served
from tests.interfaces.http.serving import localhost_context, loopback_socket, serving
from tests.services.identity.deployment import deployment

from antiphon.interfaces.http import identity_api, oauth, trust_api
from antiphon.services.trust import Purpose, Trust


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """One deployment's authorization server and administration interface, over HTTPS."""
    sock = loopback_socket()
    origin = f"https://localhost:{sock.getsockname()[1]}"
    ca_file = tmp_path / "ca.pem"
    context = localhost_context(ca_file)
    async with deployment(tmp_path, origin) as house:
        trust = Trust(directory=tmp_path / "trust", timers=house.time, bus=house.bus, domain="example.test")
        trust.open()
        trust.ensure("cucm1.example.test", Purpose.TOMCAT)
        trust.ensure("imp1.example.test", Purpose.XMPP)
        routes = [
            *oauth.routes(house.server, house.time),
            *identity_api.routes(house.identity, house.time),
            *trust_api.routes(trust, house.identity),
        ]
        async with serving(routes, sock, context):
            yield Served(house, trust, origin, ca_file)
