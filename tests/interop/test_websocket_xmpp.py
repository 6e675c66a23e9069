"""XMPP over WebSocket (RFC 7395), spoken by the websockets library as a browser speaks it."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from tests.interfaces.xmpp.site import DOMAIN, PASSWORD, open_site
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from antiphon.interfaces.xmpp import XmppDoor
from antiphon.io.clock import SystemRandom
from antiphon.io.listen import Listeners
from antiphon.io.websocket import WebSocketEndpoint
from antiphon.protocols.xmpp.scram import ScramClient

pytestmark = pytest.mark.interop

OPEN = f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{DOMAIN}' version='1.0'/>"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


async def ask(socket: ClientConnection, said: str) -> str:
    await socket.send(said)
    async with asyncio.timeout(10):
        return str(await socket.recv())


def inside(element: str) -> bytes:
    return b64decode(element.partition(">")[2].partition("<")[0])


async def test_a_browser_signs_in_binds_and_chats_with_itself(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        listeners = Listeners()
        door = XmppDoor(
            DOMAIN, site.messaging, site.identity, site.bus, site.loop_time, SystemRandom(), site.tasks
        )
        address = await listeners.stream("127.0.0.1", 0, lambda: WebSocketEndpoint({"xmpp": door.endpoint}))
        async with connect(f"ws://{address}/xmpp-websocket", subprotocols=[Subprotocol("xmpp")]) as socket:
            assert (await ask(socket, OPEN)).startswith("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'")
            features = str(await socket.recv())
            assert "SCRAM-SHA-256<" in features
            assert "PLAIN" not in features  # not over ws:, only over wss:
            scram = ScramClient("sha-256", "alice", PASSWORD, "nonce", None, False)
            first = b64encode(scram.first()).decode()
            challenge = await ask(socket, f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{first}</auth>")
            final = b64encode(scram.final(inside(challenge))).decode()
            scram.check(inside(await ask(socket, f"<response xmlns='{SASL}'>{final}</response>")))
            await ask(socket, OPEN)
            assert "urn:ietf:params:xml:ns:xmpp-bind" in str(await socket.recv())
            bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind>"
            answer = await ask(socket, f"<iq xmlns='jabber:client' type='set' id='b'>{bind}</iq>")
            assert f"<jid>alice@{DOMAIN}/web</jid>" in answer
            body = f"<message xmlns='jabber:client' to='alice@{DOMAIN}/web'><body>hello</body></message>"
            echo = await ask(socket, body)
            addresses = f"from='alice@{DOMAIN}/web' to='alice@{DOMAIN}/web'"
            assert echo == f"<message xmlns='jabber:client' {addresses}><body>hello</body></message>"
            closing = await ask(socket, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
            assert closing == "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
        await door.stop()
        await listeners.close()
