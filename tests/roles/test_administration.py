"""What of the administration interface a running node serves, on its one port."""

from __future__ import annotations

import pytest
from tests.roles.conftest import RunningNode


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/users",
        "/api/v1/edge-nodes",
        "/api/v1/calls",
        "/api/v1/trust/authorities",
        "/api/v1/identity/keys",
    ],
)
async def test_every_part_is_there_for_administrators_alone(node: RunningNode, path: str) -> None:
    status, answer = await node.ask("GET", path)
    assert status == 200
    assert isinstance(answer["items"], list)
    assert (await node.ask("GET", path, userid="alice"))[0] == 403
