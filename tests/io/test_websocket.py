from __future__ import annotations

import asyncio
import ssl

import pytest
from tests.io.conftest import FixedTls
from tests.io.endpoints import Echo
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from antiphon.io.listen import Listeners
from antiphon.io.websocket import MAX_MESSAGE, WebSocketEndpoint

XMPP = [Subprotocol("xmpp")]


async def serve(listeners: Listeners, **options: object) -> str:
    endpoint = lambda: WebSocketEndpoint({"xmpp": Echo, "sip": Echo}, **options)  # type: ignore[arg-type]  # noqa: E731
    address = await listeners.stream("127.0.0.1", 0, endpoint)
    return f"ws://127.0.0.1:{address.port}/"


async def test_messages_come_back_whole_and_in_the_kind_they_were_sent(listeners: Listeners) -> None:
    async with connect(await serve(listeners), subprotocols=XMPP) as socket:
        assert socket.subprotocol == "xmpp"
        await socket.send("<open/>" * 1000)
        assert await socket.recv() == "<open/>" * 1000
        await socket.send(b"REGISTER")
        assert await socket.recv() == b"REGISTER"


async def test_fragments_are_put_together(listeners: Listeners) -> None:
    async with connect(await serve(listeners), subprotocols=XMPP) as socket:
        await socket.send(["<mess", "age", "/>"])
        assert await socket.recv() == "<message/>"


async def test_a_subprotocol_is_required(listeners: Listeners) -> None:
    url = await serve(listeners)
    with pytest.raises(InvalidStatus, match="400"):
        async with connect(url):
            raise AssertionError("accepted without a subprotocol")


async def test_a_foreign_origin_is_refused(listeners: Listeners) -> None:
    url = await serve(listeners, origins=("https://client.example.test",))
    async with connect(url, subprotocols=XMPP, origin=Origin("https://client.example.test")):
        pass
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(url, subprotocols=XMPP, origin=Origin("https://evil.example")):
            raise AssertionError("accepted from a foreign origin")


async def test_a_message_over_the_limit_closes_with_1009(listeners: Listeners) -> None:
    async with connect(await serve(listeners), subprotocols=XMPP) as socket:
        with pytest.raises(ConnectionClosed) as error:
            await socket.send("x" * (MAX_MESSAGE + 1))
            await socket.recv()
        assert error.value.rcvd is not None
        assert error.value.rcvd.code == 1009


async def test_text_that_is_not_utf_8_closes_with_1007(listeners: Listeners) -> None:
    async with connect(await serve(listeners), subprotocols=XMPP) as socket:
        await socket.send(b"\xff\xfe")
        assert await socket.recv() == b"\xff\xfe"  # what is binary may be anything
        with pytest.raises(ConnectionClosed) as error:
            await socket.send([b"<a>", b"\xff\xfe", b"</a>"], text=True)
            await socket.recv()
        assert error.value.rcvd is not None
        assert error.value.rcvd.code == 1007


async def test_over_tls_the_flow_says_wss(listeners: Listeners, tls: FixedTls) -> None:
    echo = Echo()
    address = await listeners.stream(
        "127.0.0.1", 0, lambda: WebSocketEndpoint({"xmpp": lambda: echo}), tls=tls, tls_now=True
    )
    context: ssl.SSLContext = tls.client().context()
    async with connect(
        f"wss://node.example.test:{address.port}/", host="127.0.0.1", ssl=context, subprotocols=XMPP
    ) as socket:
        await socket.send("x")
        assert await socket.recv() == "x"
        assert echo.flow is not None
        assert echo.flow.transport == "wss"


async def test_a_plain_request_gets_its_page_and_nothing_else_does(listeners: Listeners) -> None:
    url = await serve(
        listeners, page=lambda path: (200, "application/json", b"{}") if path == "/host-meta" else None
    )
    port = int(url.rpartition(":")[2].strip("/"))

    async def get(path: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer

    assert (await get("/host-meta?x")).endswith(b"\r\n\r\n{}")
    assert b" 426 " in (await get("/other")).splitlines()[0] + b" "


async def test_an_unfinished_opening_is_given_up(
    listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.io.websocket.OPENING_TIMEOUT_S", 0.05)
    url = await serve(listeners)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2].strip("/")))
    writer.write(b"GET / HTTP/1.1\r\n")
    try:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionResetError:
        pass
    writer.close()
