"""The guard alone, where a real server would be in the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from tests.interfaces.http.directory_serving import TokenTable

from antiphon.interfaces.http.guard import MAX_BODY, MAX_IMPORT, Guard


class Inner:
    """The app behind the guard: notes what it got."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.userid = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert not message["more_body"]
        self.body = message["body"]
        self.userid = scope["state"]["principal"].userid
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(
    inner: Inner,
    messages: Iterable[Message],
    path: str = "/users",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> tuple[int, dict[str, Any]]:
    waiting = iter(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        for message in waiting:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [(b"authorization", b"Bearer root-token"), *headers],
    }
    await asyncio.wait_for(Guard(inner, TokenTable(), body_timeout_s=0.05)(scope, receive, send), 5)
    if not sent:
        return 0, {}
    return sent[0]["status"], json.loads(sent[1]["body"] or b"{}")


def chunk(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_the_app_gets_the_whole_body_at_once() -> None:
    inner = Inner()
    assert await ask(inner, [chunk(b"ab", True), chunk(b"", True), chunk(b"cd")]) == (204, {})
    assert (inner.body, inner.userid) == (b"abcd", "root")


async def test_a_body_that_does_not_come_is_given_up() -> None:
    inner = Inner()
    status, body = await ask(inner, [chunk(b"a", True)])
    assert (status, body["code"]) == (408, "AP-API-005")
    assert inner.body is None


@pytest.mark.parametrize("length", [b"65537", b"-1", b"1e3", b"9" * 400, b"\xb2"])
async def test_a_length_that_is_too_large_or_none_is_refused_unread(length: bytes) -> None:
    inner = Inner()
    status, body = await ask(inner, [], headers=((b"content-length", length),))
    assert (status, body["code"]) == (413, "AP-API-003")


async def test_a_table_may_be_larger_than_an_entry() -> None:
    inner = Inner()
    assert (await ask(inner, [chunk(b"x" * (MAX_BODY + 1))]))[0] == 413
    assert (await ask(inner, [chunk(b"x" * (MAX_BODY + 1))], "/import"))[0] == 204
    assert (await ask(inner, [chunk(b"x" * (MAX_IMPORT + 1))], "/import"))[0] == 413


async def test_nothing_is_answered_to_who_has_left() -> None:
    assert await ask(Inner(), [chunk(b"a", True), {"type": "http.disconnect"}]) == (0, {})
