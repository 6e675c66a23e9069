from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.services.identity.deployment import Deployment, deployment


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployment(tmp_path) as made:
        yield made
