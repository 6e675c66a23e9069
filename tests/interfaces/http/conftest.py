from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.interfaces.http.client import Served
from tests.interfaces.http.serving import localhost_context, loopback_socket, serving
from tests.services.identity.deployment import deployment

from antiphon.interfaces.http.oauth import routes


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """The authorization server of one deployment, over HTTPS."""
    sock = loopback_socket()
    origin = f"https://localhost:{sock.getsockname()[1]}"
    ca_file = tmp_path / "ca.pem"
    context = localhost_context(ca_file)
    async with (
        deployment(tmp_path, origin) as house,
        serving(routes(house.server, house.time), sock, context),
    ):
        yield Served(house, origin, ca_file)
